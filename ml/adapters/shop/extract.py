"""Read the shop once: each contract table, as it was known at a time, as Arrow into the lake."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import adbc_driver_manager
import pyarrow as pa
from adbc_driver_postgresql import dbapi

from ml.adapters import postgres
from ml.adapters.erasure.ownership import OWNED, Ownership
from ml.adapters.lake import Lake
from ml.adapters.lake.parquet_streams import ahead
from ml.adapters.shop import state
from ml.adapters.shop.pseudonym import Pseudonym, valid_text
from ml.adapters.shop.replica import refuse_lagging
from ml.adapters.shop.select import ACCEPTED, UNREAD, Shop
from ml.contract.table import Column, Table
from ml.contract.tables import TABLES
from ml.core.batches import ARROW
from ml.core.errors import ContractError, WrongUse
from ml.core.masking import masked_texts
from ml.core.outages import as_words

_CATALOG = """
WITH RECURSIVE base AS (
    SELECT oid AS type, typname, typbasetype FROM pg_catalog.pg_type
    UNION ALL
    SELECT base.type, t.typname, t.typbasetype FROM base JOIN pg_catalog.pg_type t ON t.oid = base.typbasetype
)
SELECT c.relname::text AS "table", a.attname::text AS "column", b.typname::text AS type,
       has_table_privilege(c.oid, 'SELECT') AS readable
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN base b ON b.type = a.atttypid AND b.typbasetype = 0
WHERE n.nspname = 'shop' AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
"""

_SESSION = """
SELECT set_config('TimeZone', $1, true), set_config('nightshift.as_of', coalesce(nullif($2, ''), now()::text), true),
       set_config('nightshift.now', coalesce(nullif($3, ''), now()::text), true),
       set_config('nightshift.sample', $4, true), set_config('application_name', 'nightshift', true),
       set_config('synchronize_seqscans', 'off', true), set_config('work_mem', '64MB', true),
       set_config('max_parallel_workers_per_gather', '0', true)
"""
"""The last three keep the rows in the order of the table, so that the same rows give the same files."""

_IDENTITY = """
SELECT current_database()::text AS database, (
    SELECT obj_description(oid, 'pg_namespace') FROM pg_catalog.pg_namespace WHERE nspname = 'shop') AS mark
"""


@dataclass(frozen=True)
class Fault:
    """One way in which the shop's schema does not fit the contract."""

    table: str
    column: str
    problem: str

    def __str__(self) -> str:
        return f"shop.{self.table}{'.' + self.column if self.column else ''}: {self.problem}"


def schema(table: Table) -> pa.Schema:
    """Arrow schema of a contract table in the lake: every contract column, in the contract's order."""
    return pa.schema([pa.field(column.name, ARROW[column.kind]) for column in table.columns])


def raw_schema(table: Table) -> pa.Schema:
    """Schema of a table as it was read: :func:`schema`, and the cells of a row that hold no value of their kind."""
    return schema(table).append(pa.field(UNREAD, pa.string()))


def faults(url: str) -> list[Fault]:
    """Compare the schema ``shop`` with the contract and return all faults at once; none: it can be read."""
    found = catalog(url)
    return [fault for table in TABLES.values() for fault in faults_of(table, found)]


def shop_identity(url: str) -> str:
    """Which shop this is: the database's name and, if Nightshift filled it, what from.

    Examples
    --------
    ``"nightshift"`` for a shop's own tables, ``"nightshift/online_retail-1f0c9a3b"`` for a loaded source.
    """
    row = postgres.query(url, _IDENTITY)[0]
    try:
        mark = json.loads(row["mark"] or "{}")["nightshift"]
    except (ValueError, KeyError, TypeError):
        return str(row["database"])
    told = json.dumps([mark["options"], mark["fingerprint"]], sort_keys=True).encode()
    return f"{row['database']}/{mark['source']}-{hashlib.sha256(told).hexdigest()[:8]}"


def extract(  # noqa: PLR0913 (one call holds all that a snapshot depends on)
    url: str,
    lake: Lake,
    ref: str,
    as_of: datetime,
    hash_key: str,
    *,
    timezone: str = "UTC",
    sample: int | None = None,
    now: datetime | None = None,
    shop: str = "",
    config: Mapping[str, pa.Table] | None = None,
    forgotten: frozenset[str] = frozenset(),
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Read each contract table once, in one transaction, into ``snapshot/<ref>/raw/<table>/``.

    Parameters
    ----------
    url : str
        libpq URL of the shop's database.
    as_of : datetime
        Rows that became known at or after it are not read (see ``docs/adr/0001``).
    hash_key : str
        Key of the hash that replaces personal values.
    timezone : str
        In which the shop's timestamps without a zone, and dates, are read.
    sample : int, optional
        Read only this many customers, chosen by a hash of their id, and the rows that belong to them.
    now : datetime, optional
        What counts as the present when rows are dated in the future; the database's clock if not given.
    shop : str
        Identity of the shop, kept in the manifest; read from the database if not given.
    config : mapping of str to pyarrow.Table, optional
        What the shop's staff told, to be kept beside: a night that is run again obeys the same rules.
    forgotten : frozenset of str
        Keyed hashes of the ids of customers who asked to be forgotten: their rows are left out, and counted as ``erased``.
    progress : callable
        Called with what is being done.

    Returns
    -------
    dict
        The manifest, which is written last: a snapshot without it is not complete.

    Raises
    ------
    ContractError
        The shop's tables do not fit the contract, or a value cannot be cast to the contract's type.
    Unreachable
        The shop is a replica that lags behind ``as_of``.
    """
    found = catalog(url)
    if broken := [fault for table in TABLES.values() for fault in faults_of(table, found)]:
        raise ContractError(
            "The shop's tables do not fit the contract.",
            came="\n".join(map(str, broken)),
            do="mend the tables or views in schema shop (docs/contract.md lists each column)",
        )
    refuse_lagging(url, as_of)
    folder = lake.join("snapshot", ref)
    lake.remove(folder)
    manifest: dict[str, Any] = {
        "ref": ref, "as_of": as_of.astimezone(UTC).isoformat(), "timezone": timezone, "shop": shop or shop_identity(url), "sample": sample,
        "read_at": datetime.now(UTC).isoformat(), "tables": {}, "missing": [],
    }  # fmt: skip
    manifest["state"] = state.state(url)
    with reading(url, timezone, as_of, now, sample) as connection:
        there = Shop.of(found)
        pseudonym = Pseudonym(hash_key)
        reader = Reader(
            connection, lake, there, pseudonym, partial(there.select, sample=sample is not None),
            Ownership(forgotten, pseudonym.hashed),
        )  # fmt: skip
        for name, table in TABLES.items():
            if name in found:
                progress(f"Reading shop.{name} …")
                manifest["tables"][name] = reader.read(table, lake.join(folder, "raw", name))
            else:
                manifest["missing"].append(name)
    manifest["config"] = {name: _keep(lake, lake.join(folder, "config", name), t) for name, t in (config or {}).items()}
    manifest["sha256"] = fingerprint(manifest)
    lake.write_json(lake.join(folder, "manifest.json"), manifest)
    return manifest


def fingerprint(manifest: Mapping[str, Any]) -> str:
    """Digest of all that a snapshot holds, by the digests of its tables."""
    told = [(n, t["sha256"], t["columns"]) for n, t in manifest["tables"].items()]
    told += [(n, t["sha256"], {}) for n, t in manifest["config"].items()]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def refuse_before_first(url: str, table: Table, as_of: datetime, timezone: str) -> None:
    """Raise if the shop's first row of ``table`` was known only at or after ``as_of``: there is nothing to learn from."""
    found = catalog(url)
    shop = Shop({name: frozenset(columns) for name, columns in found.items()})
    if table.name not in found or faults_of(table, found):
        return  # told elsewhere, with everything else that does not fit
    with reading(url, timezone, as_of) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(shop.first(table))
        first = cursor.fetch_arrow_table()["first"][0].as_py()
    if first is not None:
        begun = first.astimezone(ZoneInfo(timezone))
        raise WrongUse(
            f"The shop begins later: nothing of shop.{table.name} was known before {as_of.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M}.",
            came=f"its first row is of {begun:%Y-%m-%d %H:%M} ({timezone})",
            do=f"ask for a night after that day: {begun.date() + timedelta(days=1)} at the earliest, better some weeks later",
        )


def _keep(lake: Lake, folder: str, table: pa.Table) -> dict[str, Any]:
    rows, sha256 = lake.write_stream(folder, table.schema, table.to_batches())
    return {"rows": rows, "sha256": sha256}


@dataclass(frozen=True)
class Reader:
    """Reads tables of the shop into the lake."""

    connection: Any
    lake: Lake
    shop: Shop
    pseudonym: Pseudonym
    select: Callable[[Table], str]
    forgotten: Ownership
    """Whose rows are left out."""

    def read(self, table: Table, folder: str) -> dict[str, Any]:
        """Write the rows that ``select`` chooses into ``folder``; give the manifest's entry."""
        start = time.monotonic()
        nulls = dict.fromkeys(table.column_names, 0)
        erased: list[int] = []
        mended = (self._mend(table, batch) for batch in ahead(self._batches(table)))
        batches = ahead(self._counted(self._without(table, batch, erased), nulls) for batch in mended)
        rows, sha256 = self.lake.write_stream(folder, raw_schema(table), batches)
        return {
            "rows": rows,
            "bytes": self.lake.usage(folder),
            "sha256": sha256,
            "columns": {column.name: column.kind for column in table.columns},
            "absent": [c.name for c in table.columns if c.name not in self.shop.columns[table.name]],
            "nulls": nulls,
            "erased": sum(erased),
            "seconds": round(time.monotonic() - start, 3),
        }

    def _batches(self, table: Table) -> Iterator[pa.RecordBatch]:
        try:
            with closing(self.connection.cursor()) as cursor:
                cursor.execute(self.select(table))
                yield from cursor.fetch_record_batch()
        except (adbc_driver_manager.Error, OSError, pa.ArrowException) as error:  # OSError: the server, while it sends
            if found := as_words(error):
                raise found from error
            raise ContractError(
                f"The table shop.{table.name} could not be read.",
                came=str(error).split("\n\nQuery was")[0],
                do="mend the value or the view that the message names (or the connection), then run the night again",
            ) from error

    def _mend(self, table: Table, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Replace personal values by their hash, what free texts should not hold by a mask, bytes that are no UTF-8 by U+FFFD."""
        arrays = []
        *cells, unread = batch.columns
        for column, values in zip(table.columns, cells, strict=True):
            made = valid_text(values) if column.kind == "text" else values
            made = masked_texts(made) if column.masked else made
            arrays.append(self.pseudonym.hashed(made) if column.personal else made)
        return pa.RecordBatch.from_arrays([*arrays, valid_text(unread)], schema=raw_schema(table))

    def _without(self, table: Table, batch: pa.RecordBatch, erased: list[int]) -> pa.RecordBatch:
        """Leave out the rows of customers who asked to be forgotten; the tables come each after those it references."""
        if not self.forgotten.customers or table.name not in OWNED:
            return batch
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        owners = self.forgotten.owners(columns)
        self.forgotten.learn(table, columns, owners)
        erased.append(len(owners) - owners.null_count)
        return batch.filter(owners.is_null())

    def _counted(self, batch: pa.RecordBatch, nulls: dict[str, int]) -> pa.RecordBatch:
        for name in nulls:
            nulls[name] += batch[name].null_count
        return batch


def faults_of(table: Table, found: dict[str, dict[str, tuple[str, bool]]]) -> list[Fault]:
    """Compare one table of :func:`catalog` with the contract."""
    if table.name not in found:
        return [Fault(table.name, "", "required table is missing")] if table.required else []
    columns = found[table.name]
    if not all(readable for _, readable in columns.values()):
        return [Fault(table.name, "", "the role of the shop's URL may not read it (GRANT SELECT)")]
    return [fault for column in table.columns if (fault := _fault_of(table, column, columns))]


def _fault_of(table: Table, column: Column, columns: dict[str, tuple[str, bool]]) -> Fault | None:
    if column.name not in columns:
        return Fault(table.name, column.name, "required column is missing") if column.required else None
    came, accepted = columns[column.name][0], ACCEPTED.get(column.kind)
    if accepted is None or came in accepted:
        return None
    return Fault(table.name, column.name, f"is {came}, must be {column.kind} ({', '.join(accepted)})")


def catalog(url: str) -> dict[str, dict[str, tuple[str, bool]]]:
    """Type, and whether it may be read, by column of each contract table that the shop has."""
    found: dict[str, dict[str, tuple[str, bool]]] = {}
    for row in postgres.query(url, _CATALOG):
        if row["table"] in TABLES:
            found.setdefault(row["table"], {})[row["column"]] = (row["type"], row["readable"])
    return found


@contextmanager
def reading(
    url: str, timezone: str, as_of: datetime | None, now: datetime | None = None, sample: int | None = None
) -> Iterator[Any]:
    """Open one read-only transaction that sees one state of the shop and holds the values that the SQL asks for.

    Without ``as_of`` and ``now`` both are the database's clock.
    """
    with closing(dbapi.connect(url)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        times = (moment.isoformat() if moment else "" for moment in (as_of, now))
        cursor.execute(_SESSION, (timezone, *times, str(sample or 0)))
        cursor.fetchall()
        yield connection

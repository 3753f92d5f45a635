"""Read the shop once: each contract table, as it was known at a time, as Arrow into the lake."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from ml.adapters import postgres
from ml.adapters.erasure.ownership import Ownership
from ml.adapters.lake import Lake
from ml.adapters.shop import posted as events
from ml.adapters.shop import ranges, state
from ml.adapters.shop.pseudonym import Pseudonym
from ml.adapters.shop.reader import Reader, reading
from ml.adapters.shop.replica import refuse_lagging
from ml.adapters.shop.select import ACCEPTED, Shop
from ml.contract.table import Column, Table
from ml.contract.tables import TABLES
from ml.core.errors import ContractError, WrongUse
from ml.core.spread import Spread

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
    origin = json.dumps([mark["options"], mark["fingerprint"]], sort_keys=True).encode()
    return f"{row['database']}/{mark['source']}-{hashlib.sha256(origin).hexdigest()[:8]}"


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
    spread: Spread | None = None,
    posted: str | None = None,
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
    spread : Spread, optional
        Reads large tables by ranges of their key, all in the one state of the shop; without it each is read as one.
    posted : str, optional
        The database of events that were posted to ``./nightshift serve``, where the shop is in another one: they stand for
        the tables of events that the shop does not have.
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
        "ref": ref,
        "as_of": as_of.astimezone(UTC).isoformat(),
        "timezone": timezone,
        "shop": shop or shop_identity(url),
        "sample": sample,
        "read_at": datetime.now(UTC).isoformat(),
        "tables": {},
        "missing": [],
    }
    manifest["state"] = state.state(url)
    with reading(url, timezone, as_of, now, sample) as connection:
        catalogue = Shop.of(found)
        pseudonym = Pseudonym(hash_key)
        whose = Ownership(forgotten, pseudonym.hashed)
        reader = Reader(
            connection, lake, catalogue, pseudonym, partial(catalogue.select, sample=sample is not None), whose
        )
        request = (
            ranges.Request(url, lake.uri, hash_key, timezone, as_of, sample, found, *ranges.exported(connection))
            if spread
            else None
        )
        for name, table in TABLES.items():
            if name in found:
                progress(f"Reading shop.{name} …")
                place = lake.join(folder, "raw", name)
                within = ranges.bounds(connection, catalogue, table) if request else []
                manifest["tables"][name] = (
                    ranges.read(spread, request, table, place, within, whose)
                    if spread and request and len(within) > 1
                    else reader.read(table, place)
                )
            else:
                manifest["missing"].append(name)
    if posted and sample is None:
        raw = partial(lake.join, folder, "raw")
        manifest["tables"] |= events.read(posted, lake, raw, hash_key, timezone, as_of, forgotten, manifest["missing"])
        manifest["missing"] = [name for name in manifest["missing"] if name not in manifest["tables"]]
    manifest["config"] = {name: _keep(lake, lake.join(folder, "config", name), t) for name, t in (config or {}).items()}
    manifest["sha256"] = fingerprint(manifest)
    lake.write_json(lake.join(folder, "manifest.json"), manifest)
    return manifest


def fingerprint(manifest: Mapping[str, Any]) -> str:
    """Digest of all that a snapshot holds, by the digests of its tables."""
    digests = [(n, t["sha256"], t["columns"]) for n, t in manifest["tables"].items()]
    digests += [(n, t["sha256"], {}) for n, t in manifest["config"].items()]
    return hashlib.sha256(json.dumps(digests).encode()).hexdigest()


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

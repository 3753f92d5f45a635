"""One table of the shop as Arrow into the lake: hashed, masked and counted on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import adbc_driver_manager
import pyarrow as pa
from adbc_driver_postgresql import dbapi

from ml.adapters.erasure.ownership import OWNED, Ownership
from ml.adapters.lake import Lake
from ml.adapters.lake.parquet_streams import ahead
from ml.adapters.postgres.acting import AS_EXTRACT
from ml.adapters.shop.pseudonym import Pseudonym, valid_text
from ml.adapters.shop.select import UNREAD, Shop, literal
from ml.contract.table import Table
from ml.core.batches import ARROW
from ml.core.errors import ContractError
from ml.core.masking import masked_texts
from ml.core.outages import as_words

_SESSION = """
SELECT set_config('TimeZone', $1, true), set_config('nightshift.as_of', coalesce(nullif($2, ''), now()::text), true),
       set_config('nightshift.now', coalesce(nullif($3, ''), now()::text), true),
       set_config('nightshift.sample', $4, true), set_config('application_name', 'nightshift', true),
       set_config('synchronize_seqscans', 'off', true), set_config('work_mem', '64MB', true),
       set_config('max_parallel_workers_per_gather', '0', true)
"""
"""The last three keep the rows in the order of the table, so that the same rows give the same files."""


def schema(table: Table) -> pa.Schema:
    """Arrow schema of a contract table in the lake: every contract column, in the contract's order."""
    return pa.schema([pa.field(column.name, ARROW[column.kind]) for column in table.columns])


def raw_schema(table: Table) -> pa.Schema:
    """Schema of a table as it was read: :func:`schema`, and the cells of a row that hold no value of their kind."""
    return schema(table).append(pa.field(UNREAD, pa.string()))


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
    values: tuple[str, ...] = ()
    """Parameters of what ``select`` gives."""

    def read(self, table: Table, folder: str) -> dict[str, Any]:
        """Write the rows that ``select`` chooses into ``folder``; give the manifest's entry."""
        with self._read(table) as (entry, batches):
            entry["rows"], entry["sha256"] = self.lake.write_stream(folder, raw_schema(table), batches)
        return entry | {"bytes": self.lake.usage(folder)}

    def read_range(self, table: Table, folder: str, number: int) -> tuple[dict[str, Any], dict[str, str]]:
        """Write them as a range of a table beside others; give the entry so far, and the digests of the files."""
        with self._read(table) as (entry, batches):
            entry["rows"], sums = self.lake.write_range(folder, number, raw_schema(table), batches)
        return entry, sums

    @contextmanager
    def _read(self, table: Table) -> Iterator[tuple[dict[str, Any], Iterator[pa.RecordBatch]]]:
        start = time.monotonic()
        nulls = dict.fromkeys(table.column_names, 0)
        erased: list[int] = []
        mended = (self._mend(table, batch) for batch in ahead(self._batches(table)))
        entry: dict[str, Any] = {
            "columns": {column.name: column.kind for column in table.columns},
            "absent": [c.name for c in table.columns if c.name not in self.shop.columns[table.name]],
            "nulls": nulls,
        }
        yield entry, ahead(self._counted(self._without(table, batch, erased), nulls) for batch in mended)
        entry |= {"erased": sum(erased), "seconds": round(time.monotonic() - start, 3)}

    def _batches(self, table: Table) -> Iterator[pa.RecordBatch]:
        try:
            with closing(self.connection.cursor()) as cursor:
                cursor.execute(self.select(table), self.values or None)
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
            mended = valid_text(values) if column.kind == "text" else values
            mended = masked_texts(mended) if column.masked else mended
            arrays.append(self.pseudonym.hashed(mended) if column.personal else mended)
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


@contextmanager
def reading(
    url: str,
    timezone: str,
    as_of: datetime | None,
    now: datetime | None = None,
    sample: int | None = None,
    state: str = "",
) -> Iterator[Any]:
    """Open one read-only transaction that sees one state of the shop and holds the values that the SQL asks for.

    Without ``as_of`` and ``now`` both are the database's clock. ``state``: of a transaction that is open elsewhere
    (``pg_export_snapshot``).
    """
    with closing(dbapi.connect(url)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        if state:
            cursor.execute(f"SET TRANSACTION SNAPSHOT {literal(state)}")  # takes no parameter
        cursor.execute(AS_EXTRACT)
        cursor.fetchall()
        times = (moment.isoformat() if moment else "" for moment in (as_of, now))
        cursor.execute(_SESSION, (timezone, *times, str(sample or 0)))
        cursor.fetchall()
        yield connection

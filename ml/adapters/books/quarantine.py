"""``ml_ops.quarantine``: the rows of a night that are broken or left out, each with the rule that it broke."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from ml.adapters import postgres
from ml.adapters.books.nights import night_of
from ml.adapters.lake import Lake
from ml.adapters.postgres.acting import publishing


def load_quarantine(url: str, lake: Lake, ref: str, folder: str = "") -> int:
    """Put the snapshot's rows that are broken or left out into ``ml_ops.quarantine``, in place of those loaded for ``ref`` before.

    Reads ``quarantine/<table>.parquet`` (``table_name``, ``row_key``, ``rule``, ``severity``, ``row`` as JSON text) below ``folder``, which
    is the snapshot's if not given.

    Returns
    -------
    int
        Rows loaded.
    """
    folder = lake.join(folder or lake.join("snapshot", ref), "quarantine")
    paths = lake.files(folder) if lake.names(folder) else []
    with publishing(url) as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('quarantine ' || %s, 0))", (ref,))
        cursor.execute("DELETE FROM ml_ops.quarantine WHERE ref = %s", (ref,))
        batches = (batch for path in paths for batch in _refused(lake, path, ref))
        return postgres.copy_arrow(cursor.connection, "ml_ops", "quarantine", batches)


def _refused(lake: Lake, path: str, ref: str) -> Iterator[pa.RecordBatch]:
    night = pa.scalar(night_of(ref), pa.date32())
    with lake.open(path) as file, pq.ParquetFile(file) as parquet:
        for batch in parquet.iter_batches(columns=["table_name", "row_key", "rule", "severity", "row"]):
            columns = {name: batch.column(name).cast(pa.string()) for name in batch.schema.names}
            columns["night"] = pa.repeat(night, batch.num_rows)
            columns["ref"] = pa.repeat(ref, batch.num_rows)
            yield pa.record_batch(columns)


def forget_quarantine(url: str, days: int) -> int:
    """Delete quarantined rows older than ``days``; how many."""
    with publishing(url) as cursor:
        cursor.execute("DELETE FROM ml_ops.quarantine WHERE at < now() - make_interval(days => %s)", (days,))
        return int(cursor.rowcount)

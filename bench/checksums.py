"""What it costs to check each file of the lake before it is read, beside reading it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench import Options, Row, in_turn
from ml.adapters.lake import Lake, checksums


def run(options: Options) -> Iterator[Row]:
    """SHA-256 of the files of a table of order lines, beside pyarrow reading them and DuckDB adding up a column."""
    rows = 200_000 if options.quick else 2_000_000
    folder = options.scratch / "checksums-lake"
    shutil.rmtree(folder, ignore_errors=True)
    lake = Lake(str(folder))
    lake.write_stream("t", _SCHEMA, (_lines(start, min(500_000, rows - start)) for start in range(0, rows, 500_000)))
    files, gb = lake.files("t"), lake.usage("t") / 1e9
    connection = lake.duckdb(2, 4)
    query = f"SELECT count(DISTINCT product_id), sum(price * quantity) FROM read_parquet({lake.sql('t')})"  # noqa: S608
    took = in_turn(
        {
            "check": lambda: [_hash(lake, file) for file in files],
            "pyarrow": lambda: [pq.read_table(file) for file in files],
            "duckdb": lambda: connection.sql(query).fetchall(),
        }
    )
    shutil.rmtree(folder)
    for peer in ("pyarrow", "duckdb"):
        yield Row(
            f"checking {gb:.2f} GB of Parquet, {rows:,} rows",
            "GB/s",
            gb / took["check"],
            f"{peer} reads it",
            gb / took[peer],
            took[peer] / took["check"],
            None,
            f"adds {took['check'] / took[peer]:.0%} to the first read of a step",
        )


_SCHEMA = pa.schema(
    [("order_id", pa.string()), ("product_id", pa.string()), ("quantity", pa.float64()), ("price", pa.float64())]
)


def _lines(start: int, rows: int) -> pa.RecordBatch:
    rng = np.random.default_rng(start)
    columns = [
        [f"o{number}" for number in range(start, start + rows)],
        [f"p{number}" for number in rng.integers(0, 50_000, rows)],
        rng.integers(1, 5, rows).astype(float),
        rng.lognormal(3, 1, rows).round(2),
    ]
    return pa.record_batch([pa.array(column) for column in columns], schema=_SCHEMA)


def _hash(lake: Lake, path: str) -> str:
    checksums.forget_hashes()
    return checksums.digest(lake.filesystem, path, local=lake.local)

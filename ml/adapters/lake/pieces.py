"""Part of a Parquet file or folder, read a piece at a time, and how much memory the whole would take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ml.adapters.lake import ROW_GROUP, Lake

_OFFSET = 4
"""Bytes beside the letters of each text."""


def kept(lake: Lake, path: str, chosen: Callable[[pa.RecordBatch], Any]) -> pa.Table:
    """The rows to which ``chosen`` says yes, an array of bool of shape (n_rows,) for each piece; no others are held."""
    pieces = []
    for name in lake.files(path):
        with lake.filesystem.open(name, "rb") as file:
            opened = pq.ParquetFile(file)
            schema = opened.schema_arrow
            pieces += [rows.filter(pa.array(chosen(rows))) for rows in opened.iter_batches(ROW_GROUP)]
    return pa.Table.from_batches(pieces, schema)


def in_memory(lake: Lake, path: str) -> int:
    """Bytes that all rows take in memory, from the footers: for a text the letters that its column holds, encoded."""
    size = 0
    for name in lake.files(path):
        with lake.filesystem.open(name, "rb") as file:
            opened = pq.ParquetFile(file)
            rows = opened.metadata.num_rows
            flat = pa.types.is_primitive
            size += sum(rows * (f.type.bit_width // 8 or 1) for f in opened.schema_arrow if flat(f.type))
            texts = {f.name for f in opened.schema_arrow if not flat(f.type)}
            for group in range(opened.metadata.num_row_groups):
                columns = opened.metadata.row_group(group)
                for place in range(columns.num_columns):
                    column = columns.column(place)
                    if column.path_in_schema.split(".")[0] in texts:
                        size += column.total_uncompressed_size + _OFFSET * columns.num_rows
    return size

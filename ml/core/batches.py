"""Rows of a published table as Arrow: the type of each kind of column, and blocks of columns as record batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import pyarrow as pa

from ml.core.spec import Published, PublishedKind

Columns = Mapping[str, pa.Array | pa.ChunkedArray]
"""A block of rows: one array of equal length per column."""

ARROW: Mapping[PublishedKind, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
    "texts": pa.list_(pa.string()),
    "integers": pa.list_(pa.int32()),
    "numbers": pa.list_(pa.float32()),
    "vector": pa.list_(pa.float32()),
}
"""Type of a column of each kind, in the lake and in what a capability publishes."""


def schema(table: Published) -> pa.Schema:
    """Columns of ``table`` as Arrow, in the spec's order."""
    return pa.schema([pa.field(c.name, ARROW[c.kind], nullable=c.nullable) for c in table.columns])


def batches(table: Published, blocks: Iterable[Columns] = ()) -> Iterator[pa.RecordBatch]:
    """Cast blocks to the columns of ``table``: one batch per block, and one without rows where there is no block.

    Parameters
    ----------
    table : Published
    blocks : iterable of mapping
        Each with at least the columns of ``table``, of equal length; read one by one, as the batches are.

    Raises
    ------
    KeyError
        A block lacks a column of the table.
    """
    wanted = schema(table)
    empty = True
    for block in blocks:
        empty = False
        yield pa.RecordBatch.from_arrays([_whole(block[f.name]).cast(f.type) for f in wanted], schema=wanted)
    if empty:
        yield pa.RecordBatch.from_arrays([pa.array([], field.type) for field in wanted], schema=wanted)


def _whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column

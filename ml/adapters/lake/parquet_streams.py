"""Streams of Arrow batches: made ahead, cut to a size, written to Parquet and hashed on the way."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import RawIOBase
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq


def ahead(batches: Iterable[pa.RecordBatch], depth: int = 2) -> Iterator[pa.RecordBatch]:
    """Make the next batches in a thread while the caller works on this one."""
    stream = iter(batches)
    with ThreadPoolExecutor(1) as pool:
        waiting = deque(pool.submit(next, stream, None) for _ in range(depth))
        while (batch := waiting.popleft().result()) is not None:
            waiting.append(pool.submit(next, stream, None))
            yield batch


class Hashing(RawIOBase):
    """A file that hashes what is written to it."""

    def __init__(self, file: IO[bytes], digest: Any) -> None:
        self._file, self._digest = file, digest

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._digest.update(data)
        return int(self._file.write(data))

    def tell(self) -> int:
        return self._file.tell()


def parquet_writer(file: Any, schema: pa.Schema) -> pq.ParquetWriter:
    """Open a writer of the lake's own kind of Parquet: zstd, times in microseconds."""
    return pq.ParquetWriter(
        file,
        schema,
        compression="zstd",
        compression_level=1,
        dictionary_pagesize_limit=200_000,  # ids are given up as dictionary early: a third faster and smaller than 1 MB
        coerce_timestamps="us",
        allow_truncated_timestamps=True,
    )


def rechunk(schema: pa.Schema, batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    """Cut a stream into batches of exactly ``size`` rows (the last may be shorter; an empty stream gives an empty one)."""
    held: list[pa.RecordBatch] = []
    rows, first = 0, True
    for batch in batches:
        held.append(batch)
        rows += batch.num_rows
        while rows >= size:
            whole = _one(schema, held)
            yield whole.slice(0, size)
            rows, first = rows - size, False
            held = [whole.slice(size)] if rows else []
    if rows or first:
        yield _one(schema, held)


def _one(schema: pa.Schema, batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    table = pa.Table.from_batches([batch.select(schema.names).cast(schema) for batch in batches], schema)
    return pa.RecordBatch.from_arrays([_flat(column) for column in table.columns], schema=schema)


def _flat(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    flat = column.combine_chunks()
    return pa.concat_arrays(flat.chunks) if isinstance(flat, pa.ChunkedArray) else flat

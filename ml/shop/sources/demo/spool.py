"""A shop is made customer by customer and loaded table by table: between the two it waits on disk."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from ml.core.errors import StorageError

_BATCH_ROWS = 65_536


class Spool:
    """Compressed Arrow files in a folder, one a table, written side by side and then read one after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Finish all files; from here on they are read."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def add(self, table: str, rows: pa.RecordBatch) -> None:
        """Append rows to a table."""
        try:
            if table not in self._writers:
                options = pa.ipc.IpcWriteOptions(compression="lz4")
                path = str(self._folder / f"{table}.arrow")
                self._writers[table] = pa.ipc.new_stream(path, rows.schema, options=options)
            self._writers[table].write_table(pa.Table.from_batches([rows]), max_chunksize=_BATCH_ROWS)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise StorageError(
                "The disk is full while the demo shop is being made.",
                came=f"table {table} in {self._folder}",
                do="free space, set TMPDIR to a larger disk, or ask for fewer customers",
            ) from error

    def read(self, table: str) -> Iterator[pa.RecordBatch]:
        """The rows of a table, as often as asked; one empty batch if it has none."""
        with pa.ipc.open_stream(str(self._folder / f"{table}.arrow")) as reader:
            empty = True
            for rows in reader:
                empty = False
                yield rows
            if empty:
                yield _nothing(reader.schema)


def _nothing(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)

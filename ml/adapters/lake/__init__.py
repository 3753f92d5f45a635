"""The lake: Parquet and JSON in a local folder or under any fsspec URI, and DuckDB over both."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from ml.adapters.lake import checksums
from ml.adapters.lake.parquet_streams import Hashing, parquet_writer, rechunk
from ml.adapters.lake.paths import Quoted, literal, pattern
from ml.adapters.lake.tree import FileTree
from ml.core import machine

ROW_GROUP = 131_072
"""Rows of a Parquet row group: what a writer holds in memory, and what DuckDB reads as one piece of work."""

ROWS_PER_FILE = 16 * ROW_GROUP
_RANGE = re.compile(r"part-(\d{5})-\d{5}\.parquet")


class Lake(FileTree):
    """A folder tree of Parquet and JSON.

    Notes
    -----
    Each Parquet file is written with a record of its SHA-256 and each JSON with its own at its end (:mod:`checksums`);
    :meth:`files`, :meth:`scan`, :meth:`read_parquet` and :meth:`read_json` give nothing on that is not as it was written.
    """

    def write_stream(
        self,
        folder: str,
        schema: pa.Schema,
        batches: Iterable[pa.RecordBatch],
        rows_per_file: int = ROWS_PER_FILE,
    ) -> tuple[int, str]:
        """Write batches as ``part-00000.parquet``, … in bounded memory; what was in the folder before is gone.

        Timestamps are written in microseconds. An empty stream gives one file with the schema and no row.

        Returns
        -------
        rows : int
        sha256 : str
            Of the files' record, ``SHA256SUMS``. It does not depend on how the rows came in batches.
        """
        self.remove(folder)
        rows, sums = self._write_files(folder, "part", schema, batches, rows_per_file)
        return rows, self.record(folder, sums)

    def write_range(
        self, folder: str, number: int, schema: pa.Schema, batches: Iterable[pa.RecordBatch]
    ) -> tuple[int, dict[str, str]]:
        """Write one range of a table beside others, as ``part-00003-00000.parquet``, …; :meth:`record` makes them whole.

        Returns
        -------
        rows : int
        sums : dict of str to str
            By name of a file, its SHA-256.
        """
        return self._write_files(folder, f"part-{number:05d}", schema, batches, ROWS_PER_FILE)

    def record(self, folder: str, sums: Mapping[str, str]) -> str:
        """Write down what all files of a folder are; gives the digest of that."""
        record = checksums.text({name: frozenset([digest]) for name, digest in sums.items()})
        self.write_bytes(self.join(folder, checksums.SUMS), record)
        return hashlib.sha256(record).hexdigest()

    def ranges(self, *parts: str) -> list[list[str]]:
        """Names of a folder's files by the range that :meth:`write_range` wrote; one range if anything else wrote them."""
        names = [name for name in self.names(*parts) if name.endswith(".parquet")]
        found: dict[str, list[str]] = {}
        for name in names:
            if not (match := _RANGE.fullmatch(name)):
                return [names]
            found.setdefault(match[1], []).append(name)
        return list(found.values())

    def _write_files(
        self, folder: str, stem: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch], rows_per_file: int
    ) -> tuple[int, dict[str, str]]:
        sums: dict[str, str] = {}
        rows, part = 0, 0
        chunks = rechunk(schema, batches, min(ROW_GROUP, rows_per_file))
        chunk = next(chunks)
        while True:
            written, name, digest = 0, f"{stem}-{part:05d}.parquet", hashlib.sha256()
            with (
                self.open(self.join(folder, name), "wb") as file,
                parquet_writer(Hashing(file, digest), schema) as writer,
            ):
                while chunk is not None and (not written or written + chunk.num_rows <= rows_per_file):
                    writer.write_batch(chunk, row_group_size=ROW_GROUP)
                    written += chunk.num_rows
                    chunk = next(chunks, None)
            rows, part = rows + written, part + 1
            sums[name] = digest.hexdigest()
            if chunk is None:
                return rows, sums

    def write_batches(self, path: str, batches: Iterable[pa.RecordBatch]) -> int:
        """Write batches as the one file ``path``, with its record, and return the rows; no batch at all leaves no file.

        A file of that name is replaced at once, also one that :meth:`write_stream` wrote.
        """
        stream = iter(batches)
        first = next(stream, None)
        if first is None:
            checksums.forget(self, self.join(path))
            return 0
        with self.writer(path, first.schema) as writer:
            return sum(_put(writer, batch) for batch in chain([first], stream))

    @contextmanager
    def writer(self, path: str, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
        """Open the file ``path`` for writing; it is there, with its record, when the block ends without an error."""
        target, digest = self.join(path), hashlib.sha256()
        with (
            self.open(self._partial(target), "wb") as file,
            parquet_writer(Hashing(file, digest), schema) as writer,
        ):
            yield writer
        self._replace(target, digest.hexdigest())

    def write_ibis(self, backend: Any, table: Any, path: str) -> None:
        """Write the result of an Ibis expression as the one file ``path``, without taking it into Python."""
        target = self.join(path)
        partial = self._partial(target)
        if backend.name == "pyspark":
            try:
                backend.write_parts(table, self.parts(target))
                self.gather(target, table.schema().to_pyarrow())
            finally:
                self.remove(self.parts(target))
            return
        with self.guard(target):
            if self.local:
                Path(target).parent.mkdir(parents=True, exist_ok=True)
            backend.to_parquet(table, Quoted(partial), compression="zstd", compression_level=1)
        self._replace(target, checksums.digest(self.filesystem, partial, local=self.local))

    def parts(self, target: str) -> str:
        """Folder beside a file in which several write what :meth:`gather` puts together."""
        folder, _, name = self.join(target).rpartition("/")
        return f"{folder}/.{name}.parts"

    def gather(self, target: str, schema: pa.Schema) -> int:
        """Put the files of :meth:`parts` together, a piece at a time, as the one file ``target``; ``schema`` if there is none."""
        parts = self.parts(target)
        files = [self.join(parts, part) for part in self.names(parts) if part.endswith(".parquet")]
        with ExitStack() as stack:
            opened = [pq.ParquetFile(stack.enter_context(self.filesystem.open(file, "rb"))) for file in files]
            pieces = (batch for file in opened for batch in file.iter_batches(ROW_GROUP))
            found = opened[0].schema_arrow.remove_metadata() if opened else schema
            with self.writer(target, found) as writer:
                rows = sum(_put(writer, batch) for batch in rechunk(found, pieces, ROW_GROUP))
        return rows

    def read_parquet(self, *parts: str) -> pa.Table:
        """Read one Parquet file, or all files of a folder in order of name."""
        tables = []
        for name in self.files(*parts):
            with self.filesystem.open(name, "rb") as file:
                tables.append(pq.read_table(file))
        return pa.concat_tables(tables)

    def files(self, *parts: str) -> list[str]:
        """Paths of the Parquet files of a folder (or of the one file), once all of them are as they were written.

        Raises
        ------
        DamagedFile
            Names each file that is missing, was never written by Nightshift, or has another checksum.
        """
        if faults := self.faults(*parts):
            raise checksums.damaged(faults)
        path = self.join(*parts)
        names = [] if path.endswith(".parquet") else self.names(path)
        return [self.join(path, name) for name in names if name.endswith(".parquet")] or [path]

    def scan(self, *parts: str) -> list[str]:
        """What :meth:`files` gives, as DuckDB reads it: it takes a path for a pattern."""
        return [pattern(path) if self.local else path for path in self.files(*parts)]

    def sql(self, *parts: str) -> str:
        """What :meth:`files` gives, as the argument of DuckDB's ``read_parquet``."""
        return literal(self.scan(*parts))

    def faults(self, *parts: str) -> list[str]:
        """What is wrong with the Parquet files of a folder (or the one file), in words; empty: nothing."""
        path = self.join(*parts)
        folder, _, only = path.rpartition("/") if path.endswith(".parquet") else (path, "", "")
        return checksums.faults(self, folder, only)

    def _replace(self, target: str, digest: str) -> None:
        """Let a grown file take its place, and its record. Killed in between, either file is one that the record names."""
        if self.exists(target):
            checksums.replacing(self, target, digest)
        self._complete(target)
        checksums.record(self, target, frozenset([digest]))

    def duckdb(
        self, threads: int | None = None, memory_gb: float = 4, temp_dir: str | None = None
    ) -> duckdb.DuckDBPyConnection:
        """Open an in-process DuckDB that reads and writes this lake; what does not fit in memory spills to ``temp_dir``.

        Without ``temp_dir`` that is ``tmp/`` in a local lake, else the system's folder for temporary files.
        """
        spill = Path(temp_dir) if temp_dir else Path(self.uri if self.local else tempfile.gettempdir()) / "tmp"
        with self.guard(str(spill)):
            spill.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(
            config={
                "threads": threads or machine.cores(),
                "memory_limit": f"{memory_gb}GiB",
                "temp_directory": str(spill / f"duckdb-{os.getpid()}"),
                "autoinstall_known_extensions": False,
            }
        )
        connection.execute("SET TimeZone = 'UTC'")
        if not self.local:
            connection.register_filesystem(self.filesystem)
        return connection

    def ibis(self, threads: int | None = None, memory_gb: float = 4, temp_dir: str | None = None) -> Any:
        """Open the same DuckDB as an Ibis backend."""
        return ibis.duckdb.from_connection(self.duckdb(threads, memory_gb, temp_dir))

    def table(self, backend: Any, *parts: str) -> Any:
        """What :meth:`files` gives, as a table of ``backend``, an Ibis backend of this lake."""
        if backend.name == "pyspark":
            files = self.files(*parts)
            return backend.scanned(files, pa.unify_schemas([self._schema(file) for file in files]))
        return scanned(backend, self.scan(*parts))

    def _schema(self, file: str) -> pa.Schema:
        with self.filesystem.open(file, "rb") as opened_file:
            return pq.read_schema(opened_file).remove_metadata()


def scanned(backend: Any, files: Iterable[str]) -> Any:
    """Parquet files as a table of an Ibis backend; columns go by their names, one that a file lacks is null there.

    Ibis' own ``read_parquet`` makes DuckDB fetch an extension from the internet for ``s3://``.
    """
    name = ibis.util.gen_name("lake")
    backend.con.execute(f'CREATE TEMP VIEW "{name}" AS FROM read_parquet({literal(files)}, union_by_name = true)')
    return backend.table(name)


def _put(writer: pq.ParquetWriter, batch: pa.RecordBatch) -> int:
    writer.write_batch(batch, row_group_size=ROW_GROUP)
    return int(batch.num_rows)

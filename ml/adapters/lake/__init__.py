"""The lake: Parquet and JSON in a local folder or under any fsspec URI, and DuckDB over both."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any

import duckdb
import fsspec
import ibis
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from ml.adapters.lake.parquet_streams import Hashing, parquet_writer, rechunk
from ml.core.errors import StorageError

ROW_GROUP = 131_072
"""Rows of a Parquet row group: what a writer holds in memory, and what DuckDB reads as one piece of work."""

ROWS_PER_FILE = 16 * ROW_GROUP
GIB = 2**30
_REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)
_DUCKDB_FULL = ("no space left", "max_temp_directory_size", "disk quota")


class Lake:
    """A folder tree of Parquet and JSON.

    Parameters
    ----------
    uri : str
        A local folder, or a URI that fsspec knows (``file://``, ``s3://bucket/prefix``, ``memory://x``).

    Notes
    -----
    Every method takes a name below the root (``"snapshot/2026-01-01/001"``) or what :meth:`join` gave.
    """

    def __init__(self, uri: str) -> None:
        self.filesystem, root = fsspec.core.url_to_fs(uri)
        self.local = isinstance(self.filesystem, LocalFileSystem)
        self.uri = str(Path(root).resolve()) if self.local else self.filesystem.unstrip_protocol(root).rstrip("/")

    def join(self, *parts: str) -> str:
        """Path or URI of a name below the root, as DuckDB and pyarrow read it."""
        path = "/".join(part.strip("/") if i else part.rstrip("/") for i, part in enumerate(parts))
        return path if path == self.uri or path.startswith(self.uri + "/") else f"{self.uri}/{path.lstrip('/')}"

    def parquet(self, *parts: str) -> str:
        """Glob of the Parquet files of a folder."""
        return self.join(*parts, "*.parquet")

    def exists(self, *parts: str) -> bool:
        return bool(self.filesystem.exists(self.join(*parts)))

    def names(self, *parts: str) -> list[str]:
        """Names in a folder, sorted; empty if there is no such folder."""
        self.filesystem.invalidate_cache()
        try:
            found = self.filesystem.ls(self.join(*parts), detail=False)
        except FileNotFoundError:
            return []
        return sorted(name.rstrip("/").rsplit("/", 1)[-1] for name in found)

    def usage(self, *parts: str) -> int:
        """Bytes of all files below a folder (or of one file); 0 if there is none."""
        self.filesystem.invalidate_cache()
        return int(sum(self.filesystem.du(self.join(*parts), total=False).values())) if self.exists(*parts) else 0

    def remove(self, *parts: str) -> None:
        """Delete a folder or file with all that is in it; nothing there is no error."""
        if self.exists(*parts):
            self.filesystem.rm(self.join(*parts), recursive=True)

    def walk(self, *parts: str) -> list[str]:
        """Every file below a folder, sorted; empty if there is no such folder."""
        self.filesystem.invalidate_cache()
        found = self.filesystem.find(self.join(*parts))
        return sorted(found if self.local else map(self.filesystem.unstrip_protocol, found))

    def move(self, source: str, target: str) -> None:
        """Let a folder take the place of another; done again after a kill it ends the same."""
        self.remove(target)
        if self.local:
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            Path(source).rename(target)
            return
        for name in self.names(source):
            self.filesystem.copy(self.join(source, name), self.join(target, name))
        self.remove(source)

    @contextmanager
    def open(self, path: str, mode: str = "rb") -> Iterator[IO[Any]]:
        """Open a file; a mode that writes makes its folder first."""
        target = self.join(path)
        with self.guard(target):
            if self.local and mode[0] in "wax":
                Path(target).parent.mkdir(parents=True, exist_ok=True)
            with self.filesystem.open(target, mode) as file:
                yield file

    def read_json(self, *parts: str) -> Any:
        with self.filesystem.open(self.join(*parts), "rb") as file:
            return json.load(file)

    def write_json(self, path: str, value: Any) -> None:
        """Write JSON so that a reader finds the whole file or none, also after a crash."""
        content = json.dumps(value, indent=1, ensure_ascii=False, default=str).encode()
        target = self.join(path)
        with self.open(self._partial(target), "wb") as file:
            file.write(content)
            if self.local:
                file.flush()
                os.fsync(file.fileno())
        self._complete(target)

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
            Of all files' bytes in order of name. It does not depend on how the rows came in batches:
            ``cat part-*.parquet | sha256sum`` gives the same.
        """
        self.remove(folder)
        digest, rows, part = hashlib.sha256(), 0, 0
        chunks = rechunk(schema, batches, min(ROW_GROUP, rows_per_file))
        chunk = next(chunks)
        while True:
            written = 0
            with (
                self.open(self.join(folder, f"part-{part:05d}.parquet"), "wb") as file,
                parquet_writer(Hashing(file, digest), schema) as writer,
            ):
                while chunk is not None and (not written or written + chunk.num_rows <= rows_per_file):
                    writer.write_batch(chunk, row_group_size=ROW_GROUP)
                    written += chunk.num_rows
                    chunk = next(chunks, None)
            rows, part = rows + written, part + 1
            if chunk is None:
                return rows, digest.hexdigest()

    def write_batches(self, path: str, batches: Iterable[pa.RecordBatch]) -> int:
        """Write batches as the one file ``path`` and return the rows; no batch at all leaves no file."""
        self.remove(path)
        stream = iter(batches)
        first = next(stream, None)
        if first is None:
            return 0
        rows, target = 0, self.join(path)
        with self.open(self._partial(target), "wb") as file, parquet_writer(file, first.schema) as writer:
            for batch in chain([first], stream):
                writer.write_batch(batch, row_group_size=ROW_GROUP)
                rows += batch.num_rows
        self._complete(target)
        return rows

    def write_ibis(self, backend: Any, table: Any, path: str) -> None:
        """Write the result of an Ibis expression as the one file ``path``, without taking it into Python."""
        target = self.join(path)
        with self.guard(target):
            if self.local:
                Path(target).parent.mkdir(parents=True, exist_ok=True)
            backend.to_parquet(table, self._partial(target), compression="zstd", compression_level=1)
        self._complete(target)

    def read_parquet(self, *parts: str) -> pa.Table:
        """Read one Parquet file, or all files of a folder in order of name."""
        path = self.join(*parts)
        files = [path]
        if self.filesystem.isdir(path):
            files = [self.join(path, name) for name in self.names(path) if name.endswith(".parquet")]
        tables = []
        for name in files:
            with self.filesystem.open(name, "rb") as file:
                tables.append(pq.read_table(file))
        return pa.concat_tables(tables)

    def _partial(self, target: str) -> str:
        """Where a file of this name grows; an object store shows an object only when it is complete."""
        folder, _, name = target.rpartition("/")
        return f"{folder}/.{name}.{os.getpid()}-{threading.get_ident()}" if self.local else target

    def _complete(self, target: str) -> None:
        if self.local:
            Path(self._partial(target)).replace(target)

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
                "threads": threads or os.cpu_count() or 1,
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

    @contextmanager
    def guard(self, path: str = "") -> Iterator[None]:
        """Turn a full, read-only or forbidden disk (the system's error or DuckDB's) into a :class:`StorageError`."""
        try:
            yield
        except OSError as error:
            if error.errno not in _REFUSED:
                raise
            raise self._refused(path, os.strerror(error.errno)) from error
        except duckdb.Error as error:
            if not any(sign in str(error).lower() for sign in _DUCKDB_FULL):
                raise
            raise self._refused(path, str(error).splitlines()[0]) from error

    def _refused(self, path: str, why: str) -> StorageError:
        came = f"{path or self.uri}: {why}"
        if self.local:
            there = next(p for p in (Path(path or self.uri), *Path(path or self.uri).parents) if p.exists())
            disk = shutil.disk_usage(there)
            came += f"; {disk.free / GIB:.1f} GiB free of {disk.total / GIB:.1f}, the lake holds "
            came += f"{self.usage('') / GIB:.1f} GiB"
        return StorageError(
            "The lake's storage refused.",
            came=came,
            do="free disk space (delete old folders under snapshot/ and features/ in the lake), make the folder "
            "writable, or set NIGHTSHIFT_LAKE_URI to a larger disk; then run the night again",
        )

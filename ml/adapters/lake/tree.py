"""Files in a local folder or under any fsspec URI: a reader finds a whole file or none, also after a crash."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import duckdb
from fsspec.implementations.local import LocalFileSystem

from ml.adapters.lake import checksums
from ml.adapters.lake.stores import opened
from ml.core import disk
from ml.core.errors import NightshiftError


class FileTree:
    """A folder tree of files.

    Parameters
    ----------
    uri : str
        A local folder, or a URI that fsspec knows (``file://``, ``s3://bucket/prefix``, ``memory://x``).
    setting : str
        What named it, for the words of an error.

    Notes
    -----
    Every method takes a name below the root (``"snapshot/2026-01-01/001"``) or what :meth:`join` gave.
    """

    def __init__(self, uri: str, setting: str = "NIGHTSHIFT_LAKE_URI") -> None:
        self.filesystem, root = opened(uri, setting)
        self.local = isinstance(self.filesystem, LocalFileSystem)
        self.uri = str(Path(root).resolve()) if self.local else self.filesystem.unstrip_protocol(root).rstrip("/")
        if self.local and (strange := [char for char in "\\\n\r\0" if char in self.uri]):
            raise NightshiftError(
                "The lake's folder has a name that DuckDB cannot open.",
                came=f"{self.uri!r} holds {', '.join(map(repr, strange))}",
                do="set NIGHTSHIFT_LAKE_URI (or NIGHTSHIFT_HOME) to a folder without it",
            )

    def join(self, *parts: str) -> str:
        """Path or URI of a name below the root, as DuckDB and pyarrow read it."""
        path = "/".join(part.strip("/") if i else part.rstrip("/") for i, part in enumerate(parts))
        return path if path == self.uri or path.startswith(self.uri + "/") else f"{self.uri}/{path.lstrip('/')}"

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

    def remove_older(self, *parts: str, days: int) -> int:
        """Delete the files below a folder that were not written to for ``days``; how many."""
        limit = datetime.now(UTC) - timedelta(days=days)
        old = [path for path in self.walk(*parts) if self.filesystem.modified(path) < limit]
        for path in old:
            self.filesystem.rm(path)
        return len(old)

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
        """Read what :meth:`write_json` wrote; a file that is cut off or of which a bit changed is a DamagedFile."""
        path = self.join(*parts)
        with self.filesystem.open(path, "rb") as file:
            content = file.read()
        try:
            return checksums.unseal(content)
        except ValueError as error:
            raise checksums.damaged([f"{path}: {error}"]) from error

    def write_json(self, path: str, value: Mapping[str, Any]) -> None:
        """Write JSON, with its checksum, so that a reader finds the whole file or none, also after a crash."""
        self.write_bytes(self.join(path), checksums.seal(value))

    def write_bytes(self, target: str, content: bytes) -> None:
        """Write a small file so that a reader finds the whole of it or none."""
        self.write_chunks(target, [content])

    def write_chunks(self, target: str, chunks: Iterable[bytes]) -> None:
        """Write a file piece by piece so that a reader finds the whole of it or none."""
        with self.open(self._partial(target), "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            if self.local:
                file.flush()
                os.fsync(file.fileno())
        self._complete(target)

    def _partial(self, target: str) -> str:
        """Where a file of this name grows; an object store shows an object only when it is complete."""
        folder, _, name = target.rpartition("/")
        return f"{folder}/.{name}.{os.getpid()}-{threading.get_ident()}" if self.local else target

    def _complete(self, target: str) -> None:
        if self.local:
            Path(self._partial(target)).replace(target)

    @contextmanager
    def guard(self, path: str = "") -> Iterator[None]:
        """Turn a full, read-only or forbidden disk (the system's error or DuckDB's) into a :class:`StorageError`."""
        try:
            yield
        except (OSError, duckdb.Error) as error:
            held = self.usage("") if self.local else None
            if words := disk.refusal(error, path or self.uri, held):
                raise words from error
            raise

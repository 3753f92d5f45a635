"""A disk that refuses: what is full, read-only or forbidden, in words."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ml.core.errors import StorageError

GIB = 2**30
_REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
_DUCKDB_FULL = ("no space left", "max_temp_directory_size", "disk quota")


@contextmanager
def guard(path: str, *, usage: Callable[[], int | None] = lambda: None) -> Iterator[None]:
    """Turn a full, read-only or forbidden disk (the system's error or DuckDB's) into a :class:`StorageError`.

    Parameters
    ----------
    path : str
        What is written.
    usage : callable, optional
        Gives the bytes of the lake, if ``path`` lies in one on this machine.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        raise _refused(str(error.filename or path), os.strerror(error.errno), usage()) from error
    except duckdb.Error as error:
        if not any(sign in str(error).lower() for sign in _DUCKDB_FULL):
            raise
        raise _refused(path, str(error).splitlines()[0], usage()) from error


def _refused(path: str, why: str, held: int | None) -> StorageError:
    came = f"{path}: {why}"
    there = next((p for p in (Path(path), *Path(path).parents) if p.exists()), None)
    if Path(path).is_absolute() and there:
        space = shutil.disk_usage(there)
        came += f"; {space.free / GIB:.1f} GiB free of {space.total / GIB:.1f}"
        came += "" if held is None else f", the lake holds {held / GIB:.1f} GiB"
    return StorageError(
        "The disk refused to be written to.",
        came=came,
        do="free disk space (delete old folders under snapshot/ and features/ in the lake), make the folder writable, "
        "or set NIGHTSHIFT_LAKE_URI to a larger disk; then run the night again",
    )

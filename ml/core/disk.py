"""A disk that refuses to be written to: full, read-only or forbidden, in words."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from ml.core.errors import StorageError

GIB = 2**30
REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
"""Numbers of the system's errors."""

FULL = ("no space left", "max_temp_directory_size", "disk quota", "disk is full", "could not extend file")
"""In the words of DuckDB, MLflow, SQLite and PostgreSQL."""


def refusal(error: BaseException, path: str = "", held: int | None = None) -> StorageError | None:
    """The error as a message if a disk refused, or None.

    Parameters
    ----------
    path : str
        What was written, if the error does not say.
    held : int, optional
        Bytes of the lake, if ``path`` lies in one on this machine.

    Examples
    --------
    >>> refusal(OSError(28, "No space left on device", "s3://lake/x")).came
    's3://lake/x: No space left on device'
    """
    text = str(error)
    if isinstance(error, OSError) and error.errno in REFUSED:
        path, why = str(error.filename or path), os.strerror(error.errno)
    elif any(word in text.lower() for word in FULL):
        why = text.splitlines()[0]
    else:
        return None
    came = f"{path}: {why}" if path else why
    nearest = next((p for p in (Path(path), *Path(path).parents) if p.exists()), None)
    if Path(path).is_absolute() and nearest:
        space = shutil.disk_usage(nearest)
        came += f"; {space.free / GIB:.1f} GiB free of {space.total / GIB:.1f}"
        came += "" if held is None else f", the lake holds {held / GIB:.1f} GiB"
    return StorageError(
        "The disk refused to be written to.",
        came=came,
        do="free disk space (delete old folders under snapshot/ and features/ in the lake), make the folder writable, "
        "or set NIGHTSHIFT_LAKE_URI to a larger disk; then run the night again",
    )

"""What the lake's files were when they were written: their SHA-256 beside them, and at the end of each JSON.

Beside Parquet lie records as ``sha256sum`` writes them, so that anyone can check a folder: ``sha256sum -c SHA256SUMS``,
``sha256sum -c *.sha256``. A table that is written as a whole has one record of all its files; a file that is written by
itself, perhaps beside others at the same time, has its own.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Protocol

from ml.core.errors import DamagedFile

SUMS = "SHA256SUMS"
"""The record of a whole folder."""

SUFFIX = ".sha256"
"""Ending of the record of one file."""

_LINE = re.compile(r"([0-9a-f]{64})  ([^/\n]+)\n")
_SEAL = re.compile(rb'(.*),\n "_sha256": "([0-9a-f]{64})"\n}', re.DOTALL)
_SETTLED_S = 2.0
"""A file written to later than this ago may change again within one tick of its clock: it is hashed each time."""

_EXAMPLES = 5
Sums = Mapping[str, frozenset[str]]
"""By name of a file, the digests that are right: one, or two while a file is being replaced."""


def text(sums: Sums) -> bytes:
    """Write a record."""
    return "".join(f"{digest}  {name}\n" for name in sorted(sums) for digest in sorted(sums[name])).encode()


def parse(content: bytes, only: str = "") -> dict[str, frozenset[str]]:
    """Read a record, of one file if ``only`` is its name; every byte of it counts.

    Raises
    ------
    ValueError
        It is not as :func:`text` writes it, or of another file.
    """
    sums: dict[str, frozenset[str]] = {}
    for digest, name in _LINE.findall(content.decode()):
        sums[name] = sums.get(name, frozenset()) | {digest}
    if not sums or text(sums) != content:
        raise ValueError("it is not a record of checksums")
    if only and set(sums) != {only}:
        raise ValueError("it is the record of another file")
    return sums


def seal(value: Mapping[str, Any]) -> bytes:
    """Write JSON that ends in the digest of what stands before.

    Examples
    --------
    >>> unseal(seal({"rows": 1}))
    {'rows': 1}
    """
    body = json.dumps(dict(value), indent=1, ensure_ascii=False, default=str).encode()
    if body == b"{}":
        raise ValueError("an empty object cannot be sealed")
    digest = hashlib.sha256(body).hexdigest()
    return body.removesuffix(b"\n}") + f',\n "_sha256": "{digest}"\n}}'.encode()


def unseal(content: bytes) -> Any:
    """Read what :func:`seal` wrote.

    Raises
    ------
    ValueError
        A byte of it is not as it was written, or it has no seal.
    """
    if not content:
        raise ValueError("it is empty")
    if not (parts := _SEAL.fullmatch(content)):
        raise ValueError("it is cut off, or not as it was written")
    body = parts[1] + b"\n}"
    if hashlib.sha256(body).hexdigest() != parts[2].decode():
        raise ValueError("its sha256 differs from the one at its end")
    return json.loads(body)


def digest(filesystem: Any, path: str, *, local: bool) -> str:
    """SHA-256 of a file, hex; a local one that was not written to since this process hashed it is not hashed again."""
    if not local:
        with filesystem.open(path, "rb") as file:
            return _hash(file)
    found = Path(path).stat()
    if time.time() - found.st_mtime < _SETTLED_S:
        return _of_local.__wrapped__(path)
    return _of_local(path, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


@lru_cache(maxsize=65_536)
def _of_local(path: str, *_state: int) -> str:
    with Path(path).open("rb") as file:
        return _hash(file)


def forget_hashes() -> None:
    """Hash every file anew from now on."""
    _of_local.cache_clear()


def _hash(file: IO[bytes]) -> str:
    found = hashlib.sha256()
    while block := file.read(2**18):
        found.update(block)
    return found.hexdigest()


class Folder(Protocol):
    """What is asked of a lake."""

    filesystem: Any
    local: bool

    def names(self, *parts: str) -> list[str]: ...
    def exists(self, *parts: str) -> bool: ...
    def remove(self, *parts: str) -> None: ...
    def write_bytes(self, target: str, content: bytes) -> None: ...


def faults(lake: Folder, folder: str, only: str = "") -> list[str]:
    """What is wrong with the Parquet files of a folder (or with the one called ``only``), in words; empty: nothing."""
    names = lake.names(folder)
    found = {name for name in names if name.endswith(".parquet")}
    sums: dict[str, frozenset[str]] = {}
    wrong = []
    for name in names:
        if _is_record(name):
            try:
                sums |= _read(lake, folder, name)
            except DamagedFile as error:
                wrong.append(error.came)
    wanted = {only} if only else found | set(sums)
    if not wanted:
        return [*wrong, f"{folder}: it holds no Parquet file"]
    for name in sorted(wanted):
        if name not in found:
            wrong.append(f"{folder}/{name}: it is missing")
        elif name not in sums:
            wrong.append(f"{folder}/{name}: no record says what it was when it was written")
        elif digest(lake.filesystem, f"{folder}/{name}", local=lake.local) not in sums[name]:
            wrong.append(f"{folder}/{name}: its sha256 is not the recorded one")
    return wrong


def damaged(wrong: list[str]) -> DamagedFile:
    """The error that names damaged files."""
    more = f"\n… and {len(wrong) - _EXAMPLES} more" if len(wrong) > _EXAMPLES else ""
    return DamagedFile(
        "Files of the lake are not as they were written, so they are not read.",
        came="\n".join(wrong[:_EXAMPLES]) + more,
        do="run the night again: it makes them anew, from the shop if need be. If it happens again, look at the disk and at "
        "who writes into the lake",
    )


def replacing(lake: Folder, target: str, new: str) -> None:
    """Write down that a file is about to be replaced: until :func:`record` its old digests are right, and the new one."""
    where = _record_of(lake, target)
    try:
        old = _read(lake, *where).get(target.rpartition("/")[2], frozenset())
    except DamagedFile:
        old = frozenset()
    if old:
        record(lake, target, old | {new})


def record(lake: Folder, target: str, right: frozenset[str]) -> None:
    """Write down which digests are right for a file, in the record that names it or in one of its own."""
    folder, where = _record_of(lake, target)
    others = _read(lake, folder, where) if where == SUMS else {}
    lake.write_bytes(f"{folder}/{where}", text({**others, target.rpartition("/")[2]: right}))


def forget(lake: Folder, target: str) -> None:
    """Delete a file and what is recorded of it."""
    folder, where = _record_of(lake, target)
    lake.remove(target)
    others = _read(lake, folder, where) if where == SUMS else {}
    others.pop(target.rpartition("/")[2], None)
    if others:
        lake.write_bytes(f"{folder}/{where}", text(others))
    else:
        lake.remove(f"{folder}/{where}")


def _is_record(name: str) -> bool:
    return name == SUMS or name.endswith(SUFFIX)


def _record_of(lake: Folder, target: str) -> tuple[str, str]:
    """Folder and name of the record of a file, there or not."""
    folder, _, name = target.rpartition("/")
    return folder, SUMS if name in _read(lake, folder, SUMS) else name + SUFFIX


def _read(lake: Folder, folder: str, name: str) -> dict[str, frozenset[str]]:
    """Read a record; one that is not there names nothing."""
    try:
        with lake.filesystem.open(f"{folder}/{name}", "rb") as file:
            return parse(file.read(), "" if name == SUMS else name.removesuffix(SUFFIX))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise damaged([f"{folder}/{name}: {error}"]) from None

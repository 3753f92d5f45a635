"""What a file is by its first bytes, and errors of reading it as words: a name's ending is a claim, not a proof."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

HEAD = 16

MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"PAR1", "Parquet"),
    (b"PARE", "encrypted Parquet"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook (.xlsx)"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a rar archive"),
    (b"SQLite format 3", "an SQLite database"),
    (b"Obj\x01", "Avro"),
    (b"ORC", "ORC"),
    (b"ARROW1", "Arrow"),
    (b"%PDF", "a PDF"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
)
"""First bytes -> what the file is."""

SAVE_AS = "save it as CSV in UTF-8 with a header line, or as Parquet"


class Unreadable(Exception):
    """A file that cannot be read at all: what is wrong with it and what to do, without its name."""


def format_of(path: Path) -> str:
    """Name the format by the first bytes; empty for text."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if (name := next((name for magic, name in MAGIC if head.startswith(magic)), "")) or b"\0" not in head[:4]:
        return name
    return "text in UTF-16 or UTF-32" if sum(byte == 0 for byte in head) >= len(head) // 3 else ""


@contextmanager
def reading() -> Iterator[None]:
    """Turn the errors of a disk and of a damaged gzip file into :class:`Unreadable`."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Unreadable(f"the gzip data are damaged or cut off ({error}); copy or export the file again") from None
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror or error}); look at its rights and its disk") from None


def is_gzip(path: Path) -> bool:
    """Whether the name says so."""
    return path.suffix.lower() == ".gz"


def open_bytes(path: Path) -> IO[bytes]:
    """Open a plain or gzip-compressed file."""
    return gzip.open(path, "rb") if is_gzip(path) else path.open("rb")  # type: ignore[return-value]


def must_be_text(path: Path) -> None:
    """Refuse what is no text (inside its gzip), in words that say what it is."""
    with reading():
        came = format_of(path)
        if is_gzip(path) and came != "gzip":
            raise Unreadable(
                f"is named .gz but is {came or 'no gzip'}; rename it if it is plain text, else export it again"
            )
        if not is_gzip(path) and came:
            name = path.name.split(".", 1)[0]
            do = {"gzip": f"rename it {name}.csv.gz", "Parquet": f"rename it {name}.parquet"}.get(came, SAVE_AS)
            raise Unreadable(f"is {came}, not text in UTF-8; {do}")

"""How a CSV file is written: its encoding, line ends, delimiter and header."""

from __future__ import annotations

import codecs
import csv
import io
import re
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ml.shop.sources._formats import Unreadable, must_be_text, open_bytes, reading

DELIMITERS = ",;\t|"
NOT_DOUBLED = "text after a closing quote; a quote inside a quoted field is doubled, a stray one removed"
_SEP = re.compile(r'^"?sep=([,;\t|])"?\s*$', re.IGNORECASE)


@dataclass(frozen=True)
class Scan:
    """What one pass over the bytes shows. ``alien``: the first line that is not UTF-8, and its byte."""

    lines: int
    newline: str
    alien: tuple[int, int] | None = None

    @property
    def encoding(self) -> str:
        return "latin-1" if self.alien else "utf-8"


@dataclass(frozen=True)
class Layout:
    """How a CSV file is written."""

    names: tuple[str, ...]
    delimiter: str
    scan: Scan
    header_line: int = 1
    """Line on which the header ends."""
    blank: bool = False
    """A blank follows each delimiter and is no part of the field."""


def scan(path: Path) -> Scan:
    """Read all bytes once: is it UTF-8, how do lines end, how many are there."""
    decoder, lines, alien = codecs.getincrementaldecoder("utf-8")(), 0, None
    feeds = returns = 0
    last = b""
    with reading(), open_bytes(path) as file:
        while block := file.read(1 << 20):
            alien = alien or _alien(decoder, block, lines)
            lines = (feeds := feeds + block.count(b"\n")) or (returns := returns + block.count(b"\r"))
            last = block[-1:]
    if not alien and decoder.getstate()[0]:
        alien = (lines + 1, decoder.getstate()[0][0])
    newline = "\r" if returns and not feeds else "\n"
    return Scan(lines + (last not in (b"", newline.encode())), newline, alien)


def _alien(decoder: codecs.IncrementalDecoder, block: bytes, lines_before: int) -> tuple[int, int] | None:
    held = decoder.getstate()[0]
    try:
        decoder.decode(block)
    except UnicodeDecodeError as error:
        before = (held + block)[: error.start]
        return lines_before + before.count(b"\n") + 1, (held + block)[error.start]
    return None


def layout(path: Path, known: Collection[str] = ()) -> Layout:
    """Read the header. ``known``: names of which the right delimiter shows most.

    Raises
    ------
    Unreadable
        The file is no text, or has no header line.
    """
    must_be_text(path)
    found = scan(path)
    with open_text(path, found) as stream:
        lines = enumerate(stream, 1)
        number, text = next(((n, line) for n, line in lines if line.strip()), (0, ""))
        marked = _SEP.match(text)
        if marked:
            number, text = next(((n, line) for n, line in lines if line.strip()), (0, ""))
    if not text:
        raise Unreadable("is empty; a file has at least a header line")
    choices = {d: _header(text, d) for d in (marked.group(1) if marked else DELIMITERS)}
    delimiter, raw = max(choices.items(), key=lambda c: (len({n.strip() for n in c[1]} & set(known)), len(c[1])))
    if len(raw) < 2 and not all(choices.values()):
        raise Unreadable(f"its header line has {NOT_DOUBLED}")
    blank = len(raw) > 1 and all(name[:1] == " " for name in raw[1:])
    if blank:
        raw = _header(text, delimiter, blank=True)
    names = tuple(name.strip() for name in raw)
    return Layout(names, delimiter, found, number, blank)


def _header(text: str, delimiter: str, *, blank: bool = False) -> list[str]:
    """Split the header; empty where its quotes do not fit."""
    csv.field_size_limit(sys.maxsize)
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True, skipinitialspace=blank))
    except csv.Error:
        return []


def open_text(path: Path, found: Scan) -> io.TextIOWrapper:
    encoding = "utf-8-sig" if found.encoding == "utf-8" else found.encoding
    return io.TextIOWrapper(open_bytes(path), encoding=encoding, newline=found.newline)

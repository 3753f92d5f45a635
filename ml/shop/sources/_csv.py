"""Reading CSV strictly: a row is read as it was written, or is a fault with its line.

Rules (docs/connect-your-shop.md has them for the shop): comma, semicolon, tab or ``|`` by the header or a first line
``sep=;``; lines end in LF, CRLF or, in all of the file, CR; fields may be quoted, a quote inside is doubled; an empty field,
quoted or not, is null; blank lines are skipped. Names are stripped; if every name but the first stands behind a blank, so
may the fields, and that blank is not part of them.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from ml.shop.sources._formats import Unreadable, must_be_text, open_bytes, reading

BATCH_ROWS = 65_536
BATCH_CHARS = 64 << 20
"""A batch ends with either: its text columns must stay below 2 GiB."""

DELIMITERS = ",;\t|"
_SEP = re.compile(r'^"?sep=([,;\t|])"?\s*$', re.IGNORECASE)
_LEARNED_FROM = 10_000

NOT_DOUBLED = "text after a closing quote; a quote inside a quoted field is doubled, a stray one removed"
NOT_CLOSED = "a quoted field that is never closed; remove or double the stray quote"
SWALLOWED = (
    "a quoted field holds a line that looks like a row of this file, as stray quotes make it; double or remove them "
    "(if the text is meant: write its line breaks as blanks, or the file as Parquet)"
)
LONE_CR = "a carriage return in the middle of a line; quote the field, or remove it"
BLANK_QUOTE = "a blank before an opening quote; remove the blank"
AGAIN = "the header stands there again; keep one header, and one file per table"

OnFault = Callable[[str, int, str], None]
"""Called with what is wrong, the line on which the row starts, and what stands there."""


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


@dataclass(frozen=True)
class Rows:
    """Some rows of a file: columns of text, and the line on which each row starts."""

    batch: pa.RecordBatch
    lines: list[int]


def scan(path: Path) -> Scan:
    """Read all bytes once: is it UTF-8, how do lines end, how many are there."""
    decoder, done, alien = codecs.getincrementaldecoder("utf-8")(), 0, None
    feeds = returns = 0
    last = b""
    with reading(), open_bytes(path) as file:
        while block := file.read(1 << 20):
            alien = alien or _alien(decoder, block, done)
            done = (feeds := feeds + block.count(b"\n")) or (returns := returns + block.count(b"\r"))
            last = block[-1:]
    if not alien and decoder.getstate()[0]:
        alien = (done + 1, decoder.getstate()[0][0])
    newline = "\r" if returns and not feeds else "\n"
    return Scan(done + (last not in (b"", newline.encode())), newline, alien)


def _alien(decoder: codecs.IncrementalDecoder, block: bytes, done: int) -> tuple[int, int] | None:
    held = decoder.getstate()[0]
    try:
        decoder.decode(block)
    except UnicodeDecodeError as error:
        before = (held + block)[: error.start]
        return done + before.count(b"\n") + 1, (held + block)[error.start]
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
    with _open(path, found) as stream:
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


def _open(path: Path, found: Scan) -> io.TextIOWrapper:
    encoding = "utf-8-sig" if found.encoding == "utf-8" else found.encoding
    return io.TextIOWrapper(open_bytes(path), encoding=encoding, newline=found.newline)


def rows(
    path: Path, form: Layout, fault: OnFault, kinds: Mapping[str, re.Pattern[str]] | None = None, key: str = ""
) -> Iterator[Rows]:
    """Read the rows; each that is broken is given to ``fault`` and left out.

    Parameters
    ----------
    kinds : mapping of str to re.Pattern, optional
        What a value of a column looks like, of columns that are no free text; tells rows from lines of a text.
    key : str
        Column of an identifier; the first column if not given.

    Raises
    ------
    Unreadable
        The file ends in the middle of its gzip data, or lines are unaccounted for.
    """
    with reading(), _open(path, form.scan) as stream:
        yield from _Reader(form, fault, _Likeness(form, kinds or {}, key)).read(stream)


@dataclass
class _Reader:
    form: Layout
    fault: OnFault
    likeness: _Likeness

    def read(self, stream: io.TextIOWrapper) -> Iterator[Rows]:
        for _ in range(self.form.header_line):
            stream.readline()
        block: list[list[str]] = []
        lines: list[int] = []
        size = 0
        for start, fields, text in self._records(stream):
            block.append(fields)
            lines.append(start)
            size += len(text)
            if len(block) == BATCH_ROWS or size > BATCH_CHARS:
                yield Rows(_batch(self.form.names, block), lines)
                block, lines, size = [], [], 0
        if block:
            yield Rows(_batch(self.form.names, block), lines)
        for line, text in self.likeness.suspects():
            self.fault(SWALLOWED, line, text)

    def _records(self, stream: io.TextIOWrapper) -> Iterator[tuple[int, list[str], str]]:
        """Yield the whole records: their first line, their fields and the first of their text."""
        kept: list[str] = []
        form, base, width = self.form, self.form.header_line, len(self.form.names)
        quoted = f'{form.delimiter} "'
        csv.field_size_limit(sys.maxsize)  # a description may hold a picture
        records = csv.reader(_keeping(stream, kept), delimiter=form.delimiter, strict=True, skipinitialspace=form.blank)
        while True:
            start = base + records.line_num + 1
            kept.clear()
            try:
                fields = next(records, None)
            except csv.Error as error:
                self.fault(_words(error), start, _upto(base + records.line_num, start, kept[-1]))
                continue
            if fields is None:
                break
            if len(fields) != width:
                if fields:
                    self.fault(f"not {width} fields as in the header", start, f"{len(fields)}: {kept[0]}")
                continue
            if not form.blank and quoted in kept[0] and any(f.lstrip(" \t")[:1] == '"' != f[:1] for f in fields):
                self.fault(BLANK_QUOTE, start, kept[0])
            if fields[0].lstrip("\ufeff").strip() == form.names[0] and [f.strip() for f in fields[1:]] == list(
                form.names[1:]
            ):
                self.fault(AGAIN, start, kept[0])
            self.likeness.see(start, fields, len(kept))
            yield start, fields, kept[0]
        if base + records.line_num != form.scan.lines:
            raise Unreadable(
                f"has {form.scan.lines:,} lines of which {base + records.line_num:,} were read; "
                "is it being written just now? Load it again"
            )


@dataclass
class _Likeness:
    """Tells a line of a text from a row that a stray quote made part of it: by its fields, their kinds and its key."""

    form: Layout
    kinds: Mapping[str, re.Pattern[str]]
    key: str
    seen: int = 0
    looks: set[tuple[bool, ...]] = field(default_factory=set)
    doubted: list[tuple[int, str, tuple[bool, ...]]] = field(default_factory=list)

    @property
    def place(self) -> int:
        return self.form.names.index(self.key) if self.key in self.form.names else 0

    def see(self, start: int, fields: list[str], lines: int) -> None:
        """Learn what keys look like; doubt a record of several lines of which the first and another look like rows."""
        if self.seen < _LEARNED_FROM:
            self.seen += 1
            self.looks.add(_look(fields[self.place]))
        if lines == 1:
            return
        mark, end, number = self.form.delimiter, self.form.scan.newline, start
        for place, value in enumerate(fields):
            first, *others = value.split(end)
            for offset, text in enumerate(others, 1) if place + 1 + first.count(mark) == len(fields) else ():
                rest = fields[place + 1 :] if offset == len(others) else []
                cells = [cell.strip(' "\r') for cell in (*text.split(mark), *rest)]
                if len(cells) == len(fields) and cells[self.place] and self._fits(cells):
                    self.doubted.append((number + offset, text, _look(cells[self.place])))
            number += len(others)

    def _fits(self, cells: list[str]) -> bool:
        pairs = zip(self.form.names, cells, strict=True)
        return all(self.kinds[name].fullmatch(cell) for name, cell in pairs if cell and name in self.kinds)

    def suspects(self) -> Iterator[tuple[int, str]]:
        yield from ((line, text) for line, text, look in self.doubted if look in self.looks)


def _look(value: str) -> tuple[bool, ...]:
    """What tells an identifier from a word: digits, letters, blanks."""
    return any(map(str.isdigit, value)), any(map(str.isalpha, value)), " " in value


def _keeping(lines: Iterable[str], kept: list[str]) -> Iterator[str]:
    for line in lines:
        kept.append(line)
        yield line


def _batch(names: tuple[str, ...], block: list[list[str]]) -> pa.RecordBatch:
    columns = zip(*block, strict=True)
    arrays = [pa.array([value or None for value in column], pa.string()) for column in columns]
    return pa.RecordBatch.from_arrays(arrays, list(names))


def _words(error: csv.Error) -> str:
    text = str(error)
    if "expected after" in text:
        return NOT_DOUBLED
    if "unexpected end" in text:
        return NOT_CLOSED
    return LONE_CR if "new-line" in text else f"cannot be read ({text})"


def _upto(line: int, start: int, text: str) -> str:
    return text if line == start else f"up to line {line}: {text}"

"""Reading CSV strictly: a row is read as it was written, or is a fault with its line.

Rules (docs/connect-your-shop.md has them for the shop): comma, semicolon, tab or ``|`` by the header or a first line
``sep=;``; lines end in LF, CRLF or, in all of the file, CR; fields may be quoted, a quote inside is doubled; an empty field,
quoted or not, is null; blank lines are skipped. Names are stripped; if every name but the first stands behind a blank, so
may the fields, and that blank is not part of them.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from ml.shop.sources._formats import Unreadable, reading
from ml.shop.sources._layout import NOT_DOUBLED, Layout, open_text

BATCH_ROWS = 65_536
BATCH_CHARS = 64 << 20
"""A batch ends with either: its text columns must stay below 2 GiB."""

_LEARNED_FROM = 10_000

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
class Rows:
    """Some rows of a file: columns of text, and the line on which each row starts."""

    batch: pa.RecordBatch
    lines: list[int]


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
    with reading(), open_text(path, form.scan) as stream:
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
                cells = [*text.split(mark), *rest]
                if len(cells) == len(fields) and self._fits(cells):
                    self.doubted.append((number + offset, text, _look(_bare(cells[self.place]))))
            number += len(others)

    def _fits(self, cells: list[str]) -> bool:
        """Whether these may be the cells of a row; in a text a comma is followed by a blank."""
        if not self.form.blank and any(cell.startswith(" ") for cell in cells[1:]):
            return False
        pairs = zip(self.form.names, map(_bare, cells), strict=True)
        return bool(_bare(cells[self.place])) and all(
            self.kinds[name].fullmatch(cell) for name, cell in pairs if cell and name in self.kinds
        )

    def suspects(self) -> Iterator[tuple[int, str]]:
        yield from ((line, text) for line, text, look in self.doubted if look in self.looks)


def _bare(cell: str) -> str:
    return cell.strip(' "\r')


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

"""A small reader of a shop's files in plain Python, written to the rules of docs/connect-your-shop.md: the other opinion.

It shares no code with the source ``tables``: characters are walked one by one, values are read by ``Decimal`` and
``datetime``. It is slow and knows text only.
"""

from __future__ import annotations

import gzip
import re
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ml.contract.table import Table
from ml.contract.tables import TABLES

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
WHOLE = re.compile(r"[+-]?\d+(\.0*)?", re.ASCII)
TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?: ?(Z|z|UTC|GMT|[+-]\d\d(?::?\d\d)?))?)?",
    re.ASCII,
)
TRUE, FALSE = {"true", "t", "yes", "y", "1"}, {"false", "f", "no", "n", "0"}


@dataclass(frozen=True)
class Fault:
    """One thing that the reader refuses."""

    file: str
    why: str
    line: int = 0
    column: str = ""
    value: str = ""


class Faulty(Exception):
    """A file that is refused; ``args`` are its faults."""


def read(path: Path, table: Table, zone: str = "UTC") -> list[dict[str, object]]:
    """Read a file of text; raises :class:`Faulty`."""
    names, records = _records(path, table)
    faults, rows = [], []
    for line, fields in records:
        row: dict[str, object] = {}
        for name, field in zip(names, fields, strict=True):
            try:
                row[name] = value(field, table[name].kind, zone)
            except (ValueError, OverflowError):
                faults.append(Fault(path.name, "value", line, name, field))
        rows.append(row)
    if faults:
        raise Faulty(*faults)
    return rows


def value(text: str, kind: str, zone: str) -> object:
    """Read one field; an empty one is null, and so is a blank one that is no text."""
    if not text or (kind != "text" and not text.strip(" \t\r\n\f\v")):
        return None
    bare = text.strip(" ")
    match kind:
        case "text":
            return text.replace("\0", "\ufffd")
        case "integer" if WHOLE.fullmatch(bare) and -(2**63) <= int(bare.split(".")[0]) < 2**63:
            return int(bare.split(".")[0])
        case "number" if NUMBER.fullmatch(bare) and abs(float(bare)) != float("inf"):
            return float(bare)
        case "boolean" if bare.lower() in TRUE | FALSE:
            return bare.lower() in TRUE
        case "timestamp" if found := TIME.fullmatch(bare):
            return _moment(found, zone)
    raise ValueError(text)


def _moment(found: re.Match[str], zone: str) -> datetime:
    year, month, day, hour, minute, second, part, offset = found.groups()
    micro = int(((part or "") + "000000")[:6])
    at = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micro)  # noqa: DTZ001
    if not 2 <= at.year <= 9998:
        raise ValueError(year)
    if offset is None:
        return at.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    if offset.isalpha():
        return at.replace(tzinfo=UTC)
    hours, minutes = int(offset[1:3]), int(offset[-2:]) if len(offset) > 3 else 0
    if minutes > 59 or hours * 60 + minutes > 14 * 60:
        raise ValueError(offset)
    shift = timedelta(hours=hours, minutes=minutes)
    return at.replace(tzinfo=timezone(-shift if offset[0] == "-" else shift)).astimezone(UTC)


def _text(path: Path) -> str:
    raw = path.read_bytes()
    try:
        if path.name.lower().endswith(".gz"):
            raw = gzip.decompress(raw)
        return raw.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error) as error:
        raise Faulty(Fault(path.name, f"gzip: {error}")) from None
    except UnicodeDecodeError:
        raise Faulty(Fault(path.name, "encoding")) from None


def _records(path: Path, table: Table) -> tuple[list[str], list[tuple[int, list[str]]]]:
    text = _text(path)
    end = "\n" if "\n" in text else "\r"
    lines = text.split(end)
    first = next((n for n, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise Faulty(Fault(path.name, "empty"))
    marks = ",;\t|"
    if marked := re.fullmatch(r'"?sep=([,;\t|])"?\s*', lines[first], re.IGNORECASE):
        marks = marked[1]
        first = next((n for n, line in enumerate(lines) if n > first and line.strip()), len(lines))
        if first == len(lines):
            raise Faulty(Fault(path.name, "empty"))

    def header(mark: str, *, blank: bool = False) -> list[str]:
        try:
            return _walk(lines[first], mark, end, 1, path.name, blank=blank)[0][1]
        except Faulty:
            return []

    known = set(table.column_names)
    mark = max(marks, key=lambda m: (len({n.strip() for n in header(m)} & known), len(header(m))))
    names = header(mark)
    blank = len(names) > 1 and all(name.startswith(" ") for name in names[1:])
    names = [name.strip() for name in header(mark, blank=blank)]
    required = {column.name for column in table.columns if column.required}
    if set(names) - known or len(set(names)) != len(names) or required - set(names):
        raise Faulty(Fault(path.name, "header"))
    body = end.join(lines[first + 1 :])
    records = [r for r in _walk(body, mark, end, first + 2, path.name, blank=blank) if r[1]]
    for line, fields in records:
        if len(fields) != len(names) or [f.strip() for f in fields] == names:
            raise Faulty(Fault(path.name, "row", line))
    return names, records


def _walk(text: str, mark: str, end: str, line: int, file: str, *, blank: bool) -> list[tuple[int, list[str]]]:  # noqa: C901, PLR0912 (one machine, read from top to bottom)
    """Walk the characters; a record is the line on which it starts and its fields, none for a blank line."""
    records: list[tuple[int, list[str]]] = []
    fields: list[str] = []
    field, state, start, at = "", "begin", line, 0
    while at < len(text):
        char = text[at]
        at += 1
        over = char == end or (char == "\r" and end == "\n" and text[at : at + 1] in ("\n", "\r", ""))
        line += char == end
        if state == "quoted":
            if char == '"' and text[at : at + 1] == '"':
                field, at = field + char, at + 1
            elif char == '"':
                state = "closed"
            else:
                field += char
        elif over or char == mark:
            if not over or fields or field or state == "closed":
                fields.append(field)
            field, state = "", "begin"
            if over:
                if char == "\r" and end == "\n":
                    at = len(text) - len(text[at:].lstrip("\r"))
                    if at < len(text) and text[at] != "\n":
                        raise Faulty(Fault(file, "carriage return", start))
                    line += at < len(text)
                    at += 1
                records.append((start, fields))
                fields, start = [], line
            elif char == mark and at == len(text):
                fields.append("")
                records.append((start, fields))
                fields = []
        elif state == "closed" or (char == "\r" and end == "\n"):
            raise Faulty(Fault(file, "text after a quote, or a carriage return", start))
        elif char == '"' and state == "begin":
            state = "quoted"
        elif not (blank and char == " " and state == "begin"):
            field, state = field + char, "plain"
    if state == "quoted":
        raise Faulty(Fault(file, "never closed", start))
    if fields or field or state == "closed":
        records.append((start, [*fields, field]))
    return records


def read_folder(folder: Path, zone: str = "UTC") -> dict[str, list[dict[str, object]]]:
    """Read each table's file of text; raises :class:`Faulty` with the faults of all."""
    found: dict[str, list[dict[str, object]]] = {}
    faults: list[Any] = []
    for path in sorted(folder.iterdir()):
        name = path.name.lower().split(".", 1)[0]
        if path.suffix == ".parquet" or name not in TABLES:
            continue
        try:
            found[name] = read(path, TABLES[name], zone)
        except Faulty as error:
            faults += error.args
    if faults:
        raise Faulty(*faults)
    return found

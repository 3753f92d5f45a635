"""A shop's own export: a folder with one file per contract table, CSV (``.csv``, ``.tsv``, ``.txt``, also ``.gz``) or Parquet.

The file has the table's name and its columns by name, in any order; optional columns may be left out. An
optional table without a row is not there. Every fault of every file is told in one message, by kind. An unknown column is a
fault, because a misspelt optional one would be lost unseen.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from ml.contract.table import Column, Table
from ml.contract.tables import TABLES
from ml.contract.vocabulary import spellings
from ml.core.errors import NightshiftError
from ml.core.spec import Kind
from ml.shop.ddl import literal, quoted
from ml.shop.sources import _csv, _parquet
from ml.shop.sources._faults import Faults
from ml.shop.sources._files import blocks
from ml.shop.sources._folder import SHOPIFY, close, look
from ml.shop.sources._formats import Unreadable
from ml.shop.sources._layout import Layout, layout

EXPECTED: dict[Kind, str] = {
    "text": "text",
    "integer": "a whole number, as 12",
    "number": "a number with a decimal point, as 12.5",
    "boolean": "true or false (or a word for it: docs/contract.md, boolean)",
    "timestamp": (
        "an ISO 8601 time of the years 2 to 9998, as 2026-01-31 18:05:00 or 2026-01-31T18:05:00+01:00 "
        "(an offset up to 14:00, not the name of a zone)"
    ),
}

LOOKS: dict[Kind, re.Pattern[str]] = {
    "integer": re.compile(r"[+-]?\d+(\.0*)?"),
    "number": re.compile(r"[+-]?[\d.]+([eE][+-]?\d+)?"),
    "timestamp": re.compile(r"\d{4}-\d\d-\d\d.*"),
}
"""What a value of a kind looks like at a glance; tells a row from a line of a text."""

UNKNOWN = 5
"""Unknown columns of a file that are named one by one; more of them are another file's, or no header."""

SHOPIFYS = {"Name", "Email", "Financial Status", "Lineitem name"}


@dataclass(frozen=True)
class Where:
    """The places of some rows in their file: the ``word`` line or row, and a number each."""

    word: str
    numbers: Sequence[int]


@dataclass(frozen=True)
class _File:
    """A table's file. ``form`` is how a CSV file is written; None: Parquet, whose columns have ``types``."""

    table: Table
    path: Path
    names: tuple[str, ...]
    types: Mapping[str, pa.DataType]
    form: Layout | None = None


def tables(data: Path, timezone: str = "UTC") -> Iterator[tuple[str, Iterable[pa.RecordBatch]]]:
    """Read the folder; times without an offset are in ``timezone``.

    Raises
    ------
    ContractError
        With every unknown or missing file and column before anything is read; after the last row with every value that
        cannot be read, with its file, line and column.
    """
    known_zone(timezone)
    folder, faults = Path(data), Faults()
    files = [file for name, path in look(folder, faults).files.items() if (file := _opened(TABLES[name], path, faults))]
    faults.check(folder)
    with duckdb.connect() as db:
        db.execute(f"SET TimeZone = '{timezone}'")
        for file in files:
            batches = _read(db, file, faults)
            first = next(batches, None)
            if first is not None:
                yield file.table.name, chain([first], batches)
            elif file.table.required and not faults.has(file.path.name):
                faults.add(file.path.name, "holds no row, and a shop cannot be without them")
    faults.check(folder)


def notes(data: Path) -> list[str]:
    """Name what lies in the folder and is not read."""
    unread = look(Path(data), Faults()).unread
    return [f"not read: {', '.join(unread)}"] if unread else []


def known_zone(name: str) -> None:
    """Raise unless it is a time zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise NightshiftError(
            "The time zone is not known.", came=repr(name), do="use a name like Europe/Paris"
        ) from None


def _opened(table: Table, path: Path, faults: Faults) -> _File | None:
    """Read a file's header; None if it has a fault."""
    try:
        file = _header(table, path)
    except Unreadable as error:
        faults.add(path.name, str(error))
        return None
    for problem in (*_named(file), *_typed(file)):
        faults.add(path.name, problem)
    return file


def _header(table: Table, path: Path) -> _File:
    if path.suffix.lower() == ".parquet":
        types = _parquet.names_and_types(path)
        return _File(table, path, tuple(types), types)
    form = layout(path, table.column_names)
    if form.scan.alien:  # read as another encoding, every name in it could be wrong and nobody would be told
        line, byte = form.scan.alien
        raise Unreadable(
            f"is not in UTF-8 (line {line} holds the byte 0x{byte:02X}); save it as UTF-8, "
            "or change it: iconv -f ITS_ENCODING -t UTF-8"
        )
    return _File(table, path, form.names, dict.fromkeys(form.names, pa.string()), form)


def _named(file: _File) -> Iterator[str]:
    """Say what is wrong with the names of the columns."""
    table = file.table
    unknown = [n for n in file.names if n and n not in table.column_names]
    if set(file.names) >= SHOPIFYS:
        yield SHOPIFY
        return
    for name in unknown[:UNKNOWN]:
        yield f"the contract has no column {_shown(name)} in {table.name}{close(name, table.column_names)}"
    if len(unknown) > UNKNOWN:
        yield f"{len(unknown) - UNKNOWN:,} more columns that the contract does not have"
    if "" in file.names:
        yield f"column {file.names.index('') + 1} has no name; remove it, or the delimiter at the end of the lines"
    yield from (f"no required column {c.name}" for c in table.columns if c.required and c.name not in file.names)
    yield from (f"the column {n} is there twice" for n, count in Counter(file.names).items() if count > 1 and n)


def _typed(file: _File) -> Iterator[str]:
    """Say which columns of a Parquet file cannot be what the contract has."""
    for column in file.table.columns:
        came = file.types.get(column.name)
        if came is not None and not _parquet.accepted(column.kind, came):
            yield f"column {column.name} is of type {came}, expected {EXPECTED[column.kind]}"


def _shown(name: str) -> str:
    return repr(name if len(name) <= 60 else name[:57] + "...")


def _read(db: duckdb.DuckDBPyConnection, file: _File, faults: Faults) -> Iterator[pa.RecordBatch]:
    sql = blocks(Path(__file__).with_suffix(".sql"))
    columns = [column for column in file.table.columns if column.name in file.names]
    try:
        for batch, where in _rows(file, faults):
            try:
                result = _parsed(db, sql, columns, batch)
            except duckdb.Error as error:
                place = f"{where.word} {where.numbers[0]:,} or behind it"
                raise Unreadable(f"holds a value that cannot be converted, in {place} ({str(error)[:160]})") from None
            for column in columns:
                _unread(file, column, batch.column(column.name), result.column(column.name), where, faults)
            yield result
    except Unreadable as error:
        faults.add(file.path.name, str(error))


def _rows(file: _File, faults: Faults) -> Iterator[tuple[pa.RecordBatch, Where]]:
    """Read the rows as they were written, each with its place in the file."""
    if file.form is None:
        n_read = 0
        for batch in _parquet.rows(file.path):
            yield batch, Where("row", range(n_read + 1, n_read + batch.num_rows + 1))
            n_read += batch.num_rows
        return

    def fault(problem: str, line: int, text: str) -> None:
        faults.add(file.path.name, problem, where=f"line {line}", came=text)

    looks = {c.name: LOOKS[c.kind] for c in file.table.columns if c.kind in LOOKS}
    for found in _csv.rows(file.path, file.form, fault, looks, file.table.key[0]):
        yield found.batch, Where("line", found.lines)


def _parsed(
    db: duckdb.DuckDBPyConnection, sql: Mapping[str, str], columns: Sequence[Column], batch: pa.RecordBatch
) -> pa.RecordBatch:
    """Make the contract's types of the values; null where one cannot be read."""
    db.register("batch", pa.Table.from_batches([batch]))
    terms = [f"{_term(sql, c, batch.schema.field(c.name).type)} AS {quoted(c.name)}" for c in columns]
    query = f"SELECT {', '.join(terms)} FROM batch"  # noqa: S608  # quoted names and our own SQL
    result = db.sql(query).to_arrow_table().combine_chunks().to_batches()
    return result[0] if result else batch.slice(0, 0)


def _term(sql: Mapping[str, str], column: Column, came: pa.DataType) -> str:
    name = quoted(column.name)
    if column.kind == "timestamp" and (pa.types.is_timestamp(came) or pa.types.is_date(came)):
        return sql["instant"].replace("$value", name)
    text = sql[column.kind].replace("$value", f"trim(CAST({name} AS VARCHAR))" if column.kind != "text" else name)
    if column.kind == "boolean":
        for word in ("true", "false"):
            text = text.replace(f"${word}", ", ".join(map(literal, sorted(spellings("boolean", word)))))
    return text


def _unread(file: _File, column: Column, came: pa.Array, parsed: pa.Array, where: Where, faults: Faults) -> None:
    """Add the values that were there and are null now; a blank text is no value."""
    if parsed.null_count == came.null_count:
        return
    filled = pc.is_valid(came)
    if pa.types.is_string(came.type) or pa.types.is_large_string(came.type):
        filled = pc.and_kleene(filled, pc.invert(pc.match_substring_regex(came, r"^\s*$")))
    rows = pc.indices_nonzero(pc.and_(pc.fill_null(filled, False), pc.is_null(parsed))).to_pylist()
    kind = file.path.name, column.name, f"expected {EXPECTED[column.kind]}"
    shown = rows[: faults.wanted(*kind)]
    for row in shown:
        faults.add(kind[0], kind[2], column=kind[1], where=f"{where.word} {where.numbers[row]}", came=_text(came[row]))
    if len(rows) > len(shown):
        faults.more(*kind, len(rows) - len(shown))


def _text(value: pa.Scalar) -> str:
    """A value as text; Python has no time after the year 9999."""
    try:
        return str(value.as_py())
    except (ValueError, OverflowError):
        return str(value.cast(pa.string()).as_py())

"""A shop's own export: a folder with one CSV (``.csv``, ``.csv.gz``) or Parquet file per contract table.

The file has the table's name and its columns by name, in any order; optional columns may be left out. An
optional table without a row is not there. Every fault of every file is told in one message. An unknown column is a
fault, because a misspelt optional one would be lost unseen.
"""

from __future__ import annotations

import csv
import difflib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from ml.contract.table import Column, Table
from ml.contract.tables import TABLES
from ml.core.errors import ContractError, NightshiftError
from ml.core.spec import Kind
from ml.shop.ddl import quoted
from ml.shop.sources._files import BATCH_ROWS, blocks, encoding_of, header_of, open_bytes, read_csv

SUFFIXES = (".csv", ".csv.gz", ".parquet")
EXAMPLES = 5
"""Values of a column that a message quotes."""

EXPECTED: dict[Kind, str] = {
    "text": "text",
    "integer": "a whole number, as 12",
    "number": "a number with a decimal point, as 12.5",
    "boolean": "true or false",
    "timestamp": (
        "an ISO 8601 time of the years 2 to 9998, as 2026-01-31 18:05:00 or 2026-01-31T18:05:00+01:00 "
        "(an offset up to 14:00, not the name of a zone)"
    ),
}


@dataclass
class _Faults:
    """What is wrong, collected until all is read."""

    lines: list[str] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def check(self, folder: Path) -> None:
        if not self.lines:
            return
        more = [
            f"{file}: column {column}: {n - EXAMPLES:,} more"
            for (file, column), n in self.counts.items()
            if n > EXAMPLES
        ]
        raise ContractError(
            "The folder does not fit the contract.",
            came="\n".join([str(folder), *self.lines, *more]),
            do="correct the files; ./nightshift shop template FOLDER writes empty ones that fit",
        )


def tables(data: Path, timezone: str = "UTC") -> Iterator[tuple[str, Iterable[pa.RecordBatch]]]:
    """Read the folder; times without an offset are in ``timezone``.

    Raises
    ------
    ContractError
        With every unknown or missing file and column before anything is read; after the last row with every value that
        cannot be read, with its file, line and column.
    """
    _known_zone(timezone)
    folder, faults = Path(data), _Faults()
    files = _find(folder, faults)
    for table, path in files.items():
        faults.lines += _header_faults(TABLES[table], path)
    faults.check(folder)
    with duckdb.connect() as db:
        db.execute(f"SET TimeZone = '{timezone}'")
        for table, path in files.items():
            batches = _read(db, TABLES[table], path, faults)
            first = next(batches, None)
            if first is not None:
                yield table, chain([first], batches)
            elif TABLES[table].required:
                yield table, ()
    faults.check(folder)


def _known_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise NightshiftError(
            "The time zone is not known.", came=repr(name), do="use a name like Europe/Paris"
        ) from None


def _find(folder: Path, faults: _Faults) -> dict[str, Path]:
    """Find the file of each contract table, in the contract's order."""
    if not folder.is_dir():
        raise NightshiftError("There is no such folder.", came=str(folder), do="name the folder of the table files")
    found: dict[str, Path] = {}
    for path in sorted(p for p in folder.iterdir() if p.is_file() and p.name.lower().endswith(SUFFIXES)):
        name = path.name.split(".", 1)[0]
        if name not in TABLES:
            faults.lines.append(f"{path.name}: the contract has no table {name}{_close(name, TABLES)}")
        elif name in found:
            faults.lines.append(f"{path.name}: there is {found[name].name} too; keep one")
        else:
            found[name] = path
    faults.lines += [
        f"no file for the required table {t.name}" for t in TABLES.values() if t.required and t.name not in found
    ]
    return {name: found[name] for name in TABLES if name in found}


def _close(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(names), 1)
    return f"; do you mean {close[0]}?" if close else ""


def _header_faults(table: Table, path: Path) -> list[str]:
    if path.suffix == ".parquet":
        names = list(parquet.read_schema(path).names)
    elif encoding_of(path) != "utf-8":  # read as another one, every name in it could be wrong and nobody would be told
        return [f"{path.name}: is not in UTF-8; save it as UTF-8, or change it: iconv -f ITS_ENCODING -t UTF-8"]
    else:
        names = header_of(path, "utf-8")[0]
    unknown = [n for n in names if n not in table.column_names]
    lacking = [c.name for c in table.columns if c.required and c.name not in names]
    twice = [n for n, count in Counter(names).items() if count > 1]
    return [
        *(
            f"{path.name}: the contract has no column {n!r} in {table.name}{_close(n, table.column_names)}"
            for n in unknown
        ),
        *(f"{path.name}: no required column {n}" for n in lacking),
        *(f"{path.name}: the column {n} is there twice" for n in twice),
    ]


def _read(db: duckdb.DuckDBPyConnection, table: Table, path: Path, faults: _Faults) -> Iterator[pa.RecordBatch]:
    ragged: list[Any] = []

    def skip(row: Any) -> str:
        ragged.append(row)
        return "skip"

    is_parquet = path.suffix == ".parquet"
    batches = parquet.ParquetFile(path).iter_batches(BATCH_ROWS) if is_parquet else read_csv(path, skip)
    sql = blocks(Path(__file__).with_suffix(".sql"))
    bad: list[tuple[int, Column, str]] = []
    before = 0
    for batch in batches:
        db.register("batch", pa.Table.from_batches([batch]))
        columns = [column for column in table.columns if column.name in batch.schema.names]
        terms = [f"{_term(sql, c, batch.schema.field(c.name).type)} AS {quoted(c.name)}" for c in columns]
        query = f"SELECT {', '.join(terms)} FROM batch"  # noqa: S608  # quoted names and our own SQL
        parsed = db.sql(query).to_arrow_table().combine_chunks().to_batches()
        for result in parsed:
            bad += _unread(batch, result, columns, before, faults, path)
            yield result
        before += batch.num_rows
    if bad or ragged:
        faults.lines += _described(bad, path, is_parquet=is_parquet)


def _term(sql: dict[str, str], column: Column, came: pa.DataType) -> str:
    """The SQL that makes the contract's type of a value; null where it cannot."""
    name = quoted(column.name)
    if column.kind == "timestamp" and (pa.types.is_timestamp(came) or pa.types.is_date(came)):
        return sql["instant"].replace("$value", name)
    return sql[column.kind].replace("$value", f"trim(CAST({name} AS VARCHAR))" if column.kind != "text" else name)


def _unread(
    batch: pa.RecordBatch, result: pa.RecordBatch, columns: list[Column], before: int, faults: _Faults, path: Path
) -> Iterator[tuple[int, Column, str]]:
    """Find the values that were there and are null now; a blank text is no value."""
    for column in columns:
        came, parsed = batch.column(column.name), result.column(column.name)
        if parsed.null_count == came.null_count:
            continue
        there = pc.is_valid(came)
        if pa.types.is_string(came.type) or pa.types.is_large_string(came.type):
            there = pc.and_kleene(there, pc.invert(pc.match_substring_regex(came, r"^\s*$")))
        rows = pc.indices_nonzero(pc.and_(pc.fill_null(there, False), pc.is_null(parsed))).to_pylist()
        already = faults.counts[path.name, column.name]
        faults.counts[path.name, column.name] += len(rows)
        for row in rows[: max(0, EXAMPLES - already)]:
            yield before + row, column, _shown(came[row])


def _shown(value: pa.Scalar) -> str:
    """A value as text; Python has no time after the year 9999."""
    try:
        return str(value.as_py())
    except (ValueError, OverflowError):
        return str(value.cast(pa.string()).as_py())


def _described(bad: list[tuple[int, Column, str]], path: Path, *, is_parquet: bool) -> Iterator[str]:
    """Say where each unreadable value is: the line of a CSV file, the row of a Parquet file."""
    lines: dict[int, int] = {}
    if not is_parquet:
        lines, ragged = _lines(path, {row for row, _, _ in bad})
        yield from (f"{path.name}: line {line}: {what}" for line, what in ragged[:EXAMPLES])
        if len(ragged) > EXAMPLES:
            yield f"{path.name}: {len(ragged) - EXAMPLES:,} more lines with a wrong number of fields"
    for row, column, value in sorted(bad, key=lambda fault: fault[0]):
        where = f"row {row + 1}" if is_parquet else f"line {lines[row]}"
        shown = value if len(value) <= 60 else value[:57] + "..."
        yield f"{path.name}: {where}: {column.name} is {shown!r}, expected {EXPECTED[column.kind]}"


def _lines(path: Path, rows: set[int]) -> tuple[dict[int, int], list[tuple[int, str]]]:
    """Find the line on which each row starts, and the lines whose number of fields is wrong.

    A quoted field may span lines, so only reading the file again tells.
    """
    names, delimiter = header_of(path, "utf-8")
    found: dict[int, int] = {}
    ragged: list[tuple[int, str]] = []
    with open_bytes(path) as file:
        reader = csv.reader((line.decode() for line in file), delimiter=delimiter)
        next(reader)
        row, start = 0, reader.line_num + 1
        for fields in reader:
            if len(fields) == len(names):
                if row in rows:
                    found[row] = start
                row += 1
            elif fields:
                ragged.append((start, f"{len(fields)} fields instead of {len(names)}"))
            start = reader.line_num + 1
    return found, ragged

"""Reading a publisher's files as columns of text, and running a source's SQL over them.

The SQL runs in a private in-memory DuckDB that ends with the source.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import duckdb
import pyarrow as pa
from pyarrow import csv

from ml.core.errors import ContractError

BATCH_ROWS = 65_536


def database() -> duckdb.DuckDBPyConnection:
    """Open an empty DuckDB in memory whose sessions think in UTC."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def open_bytes(path: Path) -> IO[bytes]:
    """Open a plain or gzip-compressed file."""
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def encoding_of(path: Path) -> str:
    """Tell UTF-8 from Latin-1 by reading the whole file: any byte that UTF-8 refuses makes it Latin-1."""
    with open_bytes(path) as file:
        rest = b""
        while block := file.read(1 << 20):
            try:
                (rest + block).decode("utf-8")
                rest = b""
            except UnicodeDecodeError as error:
                if error.end < len(rest + block) or "unexpected end" not in error.reason:
                    return "latin-1"
                rest = (rest + block)[error.start :]
    return "latin-1" if rest else "utf-8"


def header_of(path: Path, encoding: str) -> tuple[list[str], str]:
    """Return the column names of a CSV file and its delimiter (comma, semicolon or tab)."""
    with open_bytes(path) as file:
        line = file.readline().decode("utf-8-sig" if encoding == "utf-8" else encoding).rstrip("\r\n")
    delimiter = max(",;\t", key=line.count)
    return [name.strip().strip('"') for name in line.split(delimiter)], delimiter


def read_csv(path: Path, invalid_row_handler: Any = None, missing: tuple[str, ...] = ("",)) -> Iterator[pa.RecordBatch]:
    """Read a CSV file as batches of text columns; an empty field, quoted or not, is null.

    Byte-order mark, either line end, line breaks and doubled quotes inside quoted fields, gzip, UTF-8 and Latin-1 are
    understood.
    """
    encoding = encoding_of(path)
    names, delimiter = header_of(path, encoding)
    with open_bytes(path) as file:
        try:
            yield from csv.open_csv(
                file,
                read_options=csv.ReadOptions(encoding=encoding, use_threads=False, block_size=4 << 20),
                parse_options=csv.ParseOptions(
                    delimiter=delimiter, newlines_in_values=True, invalid_row_handler=invalid_row_handler
                ),
                convert_options=csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=list(missing),
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                ),
            )
        except pa.ArrowInvalid as error:
            raise ContractError(
                "A CSV file cannot be read.",
                came=f"{path.name}: {error}",
                do="save it again as CSV with a header line, quoting fields that hold the delimiter or a line break",
            ) from None


def create_table(database: duckdb.DuckDBPyConnection, name: str, batches: Iterable[pa.RecordBatch]) -> None:
    """Create a DuckDB table from record batches, in their order."""
    iterator = iter(batches)
    first = next(iterator, None)
    if first is None:
        raise ContractError("A file is empty.", came=name, do="give the file as published, with its header line")
    source = pa.RecordBatchReader.from_batches(first.schema, _chain(first, iterator))
    database.register("incoming", source)
    database.execute(f'CREATE TABLE "{name}" AS FROM incoming')
    database.unregister("incoming")


def _chain(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


def blocks(path: Path) -> dict[str, str]:
    """Split a .sql file at its ``-- name: x`` lines."""
    parts = path.read_text(encoding="utf-8").split("-- name: ")[1:]
    return {name.strip(): sql.strip() for name, _, sql in (part.partition("\n") for part in parts)}


def select(
    database: duckdb.DuckDBPyConnection, sql: str, params: Mapping[str, Any] | None = None
) -> Iterator[pa.RecordBatch]:
    """Run a SELECT and stream its rows."""
    yield from database.sql(sql, params=dict(params or {})).to_arrow_reader(BATCH_ROWS)

"""Reading a publisher's files as columns of text, and running a source's SQL over them.

The SQL runs in a private in-memory DuckDB that ends with the source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from ml.core.errors import ContractError
from ml.shop.sources._csv import BATCH_ROWS, rows
from ml.shop.sources._formats import Unreadable
from ml.shop.sources._layout import layout


def database() -> duckdb.DuckDBPyConnection:
    """Open an empty DuckDB in memory whose sessions think in UTC."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def read_csv(path: Path) -> Iterator[pa.RecordBatch]:
    """Read a publisher's CSV file (see :mod:`ml.shop.sources._csv`) as batches of text columns, UTF-8 or Latin-1."""

    def refuse(problem: str, line: int, text: str) -> None:
        raise Unreadable(f"line {line}: {problem}: {text.strip()[:80]!r}")

    try:
        yield from (found.batch for found in rows(path, layout(path), refuse))
    except Unreadable as error:
        raise ContractError(
            "A CSV file cannot be read.", came=f"{path.name}: {error}", do="give the file as published"
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

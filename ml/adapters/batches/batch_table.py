"""Make a batch table: create, load, check, index."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq
from psycopg2 import sql

from ml.adapters import postgres
from ml.adapters.lake import Lake
from ml.core.errors import ContractError, DataRefused, NightshiftError
from ml.core.spec import Published

SCHEMA = "ml_batch"
_NAME = 63
"""Longest name that Postgres keeps whole."""

_ROWS = 65_536


@dataclass(frozen=True)
class Built:
    """A loaded batch table."""

    rows: int
    bytes: int
    seconds: tuple[float, float]
    """Of loading, and of indexing."""


def name_of(table: str, batch_id: int | str) -> str:
    """Name of the table in ``ml_batch`` that holds a batch."""
    name = f"{table}_{batch_id}"
    if len(name.encode()) > _NAME - len("_index_00"):
        raise NightshiftError("The name of a published table is too long.", came=name, do="give it a shorter one")
    return name


def live_of(table: str) -> str:
    """Name of the table in ``ml_batch`` that holds the rows of the lane between nights."""
    return name_of(table, "live")


def build(connection: postgres.Connection, lake: Lake, table: Published, folder: str, batch_id: int) -> Built:
    """Create and fill the table of a batch in the connection's transaction, with its keys and statistics.

    Raises
    ------
    DataRefused
        The key is not unique, a null where none may be, or the table has not the rows that the files have.
    ContractError
        The files have not the columns of ``table``.
    """
    name = name_of(table.name, batch_id)
    start = perf_counter()
    with connection.cursor() as cursor:
        create(cursor, table, name)
    paths = files(lake, table, folder)
    expected = count(lake, table, paths)
    batches = (batch for path in paths for batch in _read(lake, path, table))
    # Frozen rows are seen by readers whose snapshot is older than the batch: without it a REPEATABLE READ reader
    # that meets the new view finds it empty.
    rows = postgres.copy_arrow(connection, SCHEMA, name, batches, freeze=True)
    return finish(connection, table, name, (rows, expected), start)


def files(lake: Lake, table: Published, folder: str) -> list[str]:
    """The files of a batch, once they are as they were written; none is an error."""
    if not any(file.endswith(".parquet") for file in lake.names(folder)):
        raise NightshiftError(f"There is nothing to publish for {table.name}.", came=folder, do="run the step score")
    return lake.files(folder)


def append(connection: postgres.Connection, lake: Lake, table: Published, path: str, name: str) -> int:
    """Append the rows of one file; how many."""
    return postgres.copy_arrow(connection, SCHEMA, name, _read(lake, path, table))


def count(lake: Lake, table: Published, paths: Sequence[str]) -> int:
    """Rows of files that have the columns of ``table``; others are an error."""
    return sum(_count(lake, path, table) for path in paths)


def finish(
    connection: postgres.Connection, table: Published, name: str, loaded_and_expected: tuple[int, int], start: float
) -> Built:
    """Check that a loaded table has the rows of its files, and index it."""
    rows, expected = loaded_and_expected
    if rows != expected:
        raise DataRefused(
            f"Rows of {table.name} got lost on the way.",
            came=f"{expected} in the files, {rows} in the table",
            do="run the step publish again; if it stays so, this is a bug",
        )
    loaded = perf_counter()
    with connection.cursor() as cursor:
        _index(cursor, table, name)
        cursor.execute("SELECT pg_total_relation_size(to_regclass(%s))", (f'{SCHEMA}."{name}"',))
        size = int((cursor.fetchone() or (0,))[0])
    return Built(rows, size, (loaded - start, perf_counter() - loaded))


def create(cursor: Any, table: Published, name: str) -> None:
    """Create the table of a batch."""
    try:
        cursor.execute(_create(table, name))
    except psycopg2.errors.UndefinedObject as error:
        raise ContractError(
            f"The database has no type for a column of {table.name}.",
            came=str(error).strip().splitlines()[0],
            do="let an administrator run in it: CREATE EXTENSION vector SCHEMA public (pgvector 0.8 or newer)",
        ) from None


def _create(table: Published, name: str) -> sql.Composed:
    columns = [
        sql.SQL("{} {}{}").format(
            sql.Identifier(column.name),
            sql.SQL(postgres.TYPES[column.kind]),
            sql.SQL("" if column.nullable else " NOT NULL"),
        )
        for column in table.columns
    ]
    return sql.SQL("CREATE TABLE {} ({})").format(sql.Identifier(SCHEMA, name), sql.SQL(", ").join(columns))


def _count(lake: Lake, path: str, table: Published) -> int:
    with lake.open(path) as file, pq.ParquetFile(file) as parquet:
        given, wanted = set(parquet.schema_arrow.names), set(table.column_names)
        if given != wanted:
            raise ContractError(
                f"The predictions have not the columns of {table.name}.",
                came=f"missing: {', '.join(sorted(wanted - given)) or 'none'}; "
                f"unknown: {', '.join(sorted(given - wanted)) or 'none'} ({path})",
                do="make score.py and spec.py of the capability agree",
            )
        return int(parquet.metadata.num_rows)


def _read(lake: Lake, path: str, table: Published) -> Iterator[pa.RecordBatch]:
    with lake.open(path) as file, pq.ParquetFile(file) as parquet:
        for batch in parquet.iter_batches(batch_size=_ROWS):
            yield batch.select(table.column_names)


def _index(cursor: Any, table: Published, name: str) -> None:
    cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
    try:
        cursor.execute(
            sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} PRIMARY KEY ({}) WITH (fillfactor = 100)").format(
                sql.Identifier(SCHEMA, name), sql.Identifier(f"{name}_key"), _list(table.key)
            )
        )
    except psycopg2.errors.UniqueViolation as error:
        raise DataRefused(
            f"The key of {table.name} is not unique.",
            came=error.diag.message_detail or str(error),
            do="let score.py give each key once; yesterday's tables stay",
        ) from None
    for number, columns in enumerate(table.indexes):
        cursor.execute(
            sql.SQL("CREATE INDEX {} ON {} ({}) WITH (fillfactor = 100)").format(
                sql.Identifier(f"{name}_index_{number}"), sql.Identifier(SCHEMA, name), _list(columns)
            )
        )
    if table.nearest:
        _index_vectors(cursor, table, name)
    cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(SCHEMA, name)))


def _index_vectors(cursor: Any, table: Published, name: str) -> None:
    """An index over the vectors as ``halfvec(d)``, d that of the rows: an index needs one length.

    HNSW (Malkov & Yashunin 2018), or √n lists of vectors near a common centre (Jégou et al. 2011).
    """
    place, column = sql.Identifier(SCHEMA, name), sql.Identifier(table.nearest)
    cursor.execute(
        sql.SQL("SELECT max(vector_dims({0})) AS dims, count({0}) AS n FROM {1}").format(column, place)
        if table.clustered
        else sql.SQL("SELECT vector_dims({0}) AS dims, 0 AS n FROM {1} WHERE {0} IS NOT NULL LIMIT 1").format(
            column, place
        )
    )
    found = cursor.fetchone()
    dims, n = (found["dims"], found["n"]) if isinstance(found, dict) else found or (None, 0)
    if dims is None:
        return
    method, options = ("ivfflat", f" WITH (lists = {max(1, math.isqrt(n))})") if table.clustered else ("hnsw", "")
    cursor.execute(
        sql.SQL("CREATE INDEX {} ON {} USING {} (({}::halfvec({})) halfvec_cosine_ops){}").format(
            sql.Identifier(f"{name}_nearest"), place, sql.SQL(method), column, sql.Literal(dims), sql.SQL(options)
        )
    )


def _list(columns: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def dumps(value: Any) -> str:
    """JSON that Postgres takes: not-a-number and infinity become text."""
    return json.dumps(_finite(value), default=str)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124
        return str(value)
    return value

"""The rows of the lane between nights: one table a product, beside its batches, written by upsert; and the lane's runs.

The view shows a row of it while it knows more than the batch (see :func:`ml.adapters.batches.view.point`). So nothing here has to
happen at the same time as a swap, and a rollback finds what it needs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg2
import pyarrow as pa
from psycopg2 import sql
from psycopg2.extras import Json

from ml.adapters import postgres
from ml.adapters.batches import view
from ml.adapters.batches.batch_table import SCHEMA, live_of
from ml.adapters.postgres.acting import publishing
from ml.core.batches import ARROW
from ml.core.errors import DataRefused, NightshiftError
from ml.core.spec import Published

_TEMPORARY = """
CREATE TEMP TABLE given ({typed}, inputs text NOT NULL, PRIMARY KEY ({key})) ON COMMIT DROP;
CREATE TEMP TABLE made (LIKE {live}, PRIMARY KEY ({key})) ON COMMIT DROP;
ALTER TABLE made ALTER inputs DROP NOT NULL
"""
_DROP = """
DELETE FROM {live} AS l USING given AS g
WHERE {same} AND l.as_of <= {as_of} AND NOT EXISTS (SELECT FROM made AS m WHERE {made})
"""
_UPSERT = """
INSERT INTO {live} AS l ({names}, inputs) SELECT {values}, g.inputs FROM made AS m JOIN given AS g ON {made}
ON CONFLICT ({key}) DO UPDATE SET {again}, inputs = excluded.inputs WHERE l.as_of <= excluded.as_of
"""
_FACTS = {"model_version": "integer", "as_of": "timestamptz", "run": "bigint", "inputs": "text"}
_ARROW = (pa.int32(), pa.timestamp("us", "UTC"), pa.int64())
_ENDED = "the process ended before the run did"
_MESSAGE = 4000


@dataclass(frozen=True)
class Origin:
    """Where the rows of one run come from."""

    model_version: int
    as_of: datetime
    run: int


def ensure(url: str, table: Published, *, patience_s: float = 30) -> None:
    """Make the live table of ``table`` if it is not there, and let the view show it; new columns make it anew.

    Made anew it is empty: the next run of the lane scores what it held.
    """
    wanted = {c.name: postgres.TYPES[c.kind] for c in table.columns} | _FACTS
    with publishing(url) as cursor:
        if view.same_columns(cursor, SCHEMA, live_of(table.name), wanted):
            return
        patience = view.Patience(view.LOCK_TIMEOUT_S, patience_s)
        patience.run(cursor, [table.name], lambda: _make(cursor, table))


def _make(cursor: postgres.Cursor, table: Published) -> None:
    cursor.execute("SELECT batch_id FROM ml_ops.batch WHERE table_name = %s AND status = 'published'", (table.name,))
    batch = cursor.fetchone()
    if batch:
        view.point(cursor, table.name, batch["batch_id"], live=False)
    name = sql.Identifier(SCHEMA, live_of(table.name))
    # Which columns may be null is checked before each upsert: the spec may change its mind without a new table.
    columns = [sql.SQL("{} {}").format(sql.Identifier(c.name), sql.SQL(postgres.TYPES[c.kind])) for c in table.columns]
    columns += [sql.SQL("{} {} NOT NULL").format(sql.Identifier(n), sql.SQL(kind)) for n, kind in _FACTS.items()]
    key = sql.SQL(", ").join(map(sql.Identifier, table.key))
    cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name))
    cursor.execute(sql.SQL("CREATE TABLE {} ({}, PRIMARY KEY ({}))").format(name, sql.SQL(", ").join(columns), key))
    for indexed in (*table.indexes, ("as_of",)):
        cursor.execute(
            sql.SQL("CREATE INDEX ON {} ({})").format(name, sql.SQL(", ").join(map(sql.Identifier, indexed)))
        )
    if batch:
        view.point(cursor, table.name, batch["batch_id"])


def keys_of(table: Published) -> pa.Schema:
    """The columns of the key of ``table``, and ``inputs``: the digest of what its row was scored from."""
    kinds = {column.name: ARROW[column.kind] for column in table.columns}
    return pa.schema([*((name, kinds[name]) for name in table.key), ("inputs", pa.string())])


def scored(url: str, table: Published) -> pa.Table:
    """:func:`keys_of` each row that there is."""
    wanted = keys_of(table)
    names = sql.SQL(", ").join(map(sql.Identifier, wanted.names))
    statement = sql.SQL("SELECT {} FROM {}").format(names, sql.Identifier(SCHEMA, live_of(table.name)))
    with postgres.transaction(url, readonly=True) as cursor:
        cursor.execute(statement)
        return pa.Table.from_pylist(list(cursor.fetchall()), wanted)


def upsert(url: str, table: Published, rows: pa.Table, keys: pa.Table, origin: Origin) -> tuple[int, int]:
    """Put ``rows`` in place of those of the same key, all at one instant; a key without a row loses the one it had.

    A row that knows more (a later ``as_of``) than these stays.

    Parameters
    ----------
    rows : pyarrow.Table
        With the columns of ``table``; their keys are among ``keys``.
    keys : pyarrow.Table
        As :func:`keys_of`.

    Returns
    -------
    tuple of int
        Rows written, and rows taken out.

    Raises
    ------
    DataRefused
        A key comes twice, or a value that the table cannot hold.
    """
    _refuse_nulls(table, rows)
    complete = rows.select(table.column_names)
    for name, value, kind in zip(_FACTS, vars(origin).values(), _ARROW, strict=False):
        complete = complete.append_column(name, pa.repeat(pa.scalar(value, kind), len(rows)))
    parts = {
        "live": sql.Identifier(SCHEMA, live_of(table.name)),
        "key": sql.SQL(", ").join(map(sql.Identifier, table.key)),
        "typed": sql.SQL(", ").join(_typed(table, name) for name in table.key),
        "same": _equal("l", "g", table.key),
        "made": _equal("m", "g", table.key),
        "names": sql.SQL(", ").join(map(sql.Identifier, complete.column_names)),
        "values": sql.SQL(", ").join(sql.SQL("m.{}").format(sql.Identifier(n)) for n in complete.column_names),
        "again": sql.SQL(", ").join(
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(n)) for n in complete.column_names
        ),
    }
    with publishing(url) as cursor:
        cursor.execute(sql.SQL(_TEMPORARY).format(**parts))
        postgres.copy_arrow(cursor.connection, "pg_temp", "given", keys.to_batches())
        postgres.copy_arrow(cursor.connection, "pg_temp", "made", complete.to_batches())
        cursor.execute(sql.SQL(_DROP).format(**parts, as_of=sql.Literal(origin.as_of)))
        dropped = cursor.rowcount
        cursor.execute(sql.SQL(_UPSERT).format(**parts))
        return int(cursor.rowcount), int(dropped)


def _typed(table: Published, name: str) -> sql.Composable:
    kind = next(column.kind for column in table.columns if column.name == name)
    return sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(postgres.TYPES[kind]))


def _equal(left: str, right: str, names: Sequence[str]) -> sql.Composable:
    """Condition: two rows, by their aliases, have the same key."""
    return sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier(left, name), sql.Identifier(right, name)) for name in names
    )


def _refuse_nulls(table: Published, rows: pa.Table) -> None:
    nulls = [c.name for c in table.columns if not c.nullable and rows[c.name].null_count]
    if nulls:
        raise DataRefused(
            f"{table.name} refuses rows.",
            came="null in " + ", ".join(nulls),
            do="let score.py fill them, or call them nullable in spec.py",
        )


def forget(url: str, table: str) -> int:
    """Delete the rows that neither the batch which the shop sees nor the one before it leaves to the lane; how many.

    What the batch before leaves to the lane is kept: a rollback shows it again at once.
    """
    with publishing(url) as cursor:
        cursor.execute(
            sql.SQL(
                """
                DELETE FROM {} WHERE as_of <= (
                    SELECT min(least(as_of, read_at)) FROM (
                        SELECT DISTINCT ON (status) as_of, read_at FROM ml_ops.batch
                        WHERE table_name = %s AND status IN ('published', 'superseded')
                        ORDER BY status, published_at DESC) AS shown)
                """
            ).format(sql.Identifier(SCHEMA, live_of(table))),
            (table,),
        )
        return int(cursor.rowcount)


@contextmanager
def run(url: str, capability: str, table: str, ref: str) -> Iterator[dict[str, Any]]:
    """Record a run in ``ml_ops.live``; first closes what a killed process left open.

    Yields
    ------
    dict
        With ``run``, its number. Put ``as_of``, ``model_version``, ``new``, ``scored``, ``dropped``, ``quarantined``,
        ``timings`` and ``message`` into it.
    """
    with publishing(url) as cursor:
        cursor.execute(
            "UPDATE ml_ops.live SET status = 'failed', message = %s WHERE capability = %s AND status = 'running'",
            (_ENDED, capability),
        )
        cursor.execute(
            "INSERT INTO ml_ops.live (capability, table_name, ref) VALUES (%s, %s, %s) RETURNING run",
            (capability, table, ref),
        )
        record: dict[str, Any] = {"run": next(iter(cursor))["run"]}
    start = time.perf_counter()
    try:
        yield record
    except BaseException as error:
        with suppress(NightshiftError, psycopg2.Error):  # the first error is the one to tell
            failure = {"status": "failed", "message": f"{type(error).__name__}: {error}"[:_MESSAGE]}
            _end(url, record | failure, time.perf_counter() - start)
        raise
    _end(url, {"status": "done"} | record, time.perf_counter() - start)


def _end(url: str, record: Mapping[str, Any], seconds: float) -> None:
    names = ("status", "as_of", "model_version", "new", "scored", "dropped", "quarantined", "message")
    values = {name: record.get(name) for name in (*names, "run")}
    values |= {"seconds": seconds, "timings": Json(record.get("timings", {}))}
    with publishing(url) as cursor:
        cursor.execute(
            """
            UPDATE ml_ops.live SET status = %(status)s, as_of = %(as_of)s, model_version = %(model_version)s,
                new = %(new)s, scored = %(scored)s, dropped = %(dropped)s, quarantined = %(quarantined)s,
                message = %(message)s, seconds = %(seconds)s, timings = %(timings)s
            WHERE run = %(run)s
            """,
            values,
        )


def forget_runs(url: str, days: int) -> int:
    """Delete the story of runs older than ``days``; how many."""
    with publishing(url) as cursor:
        cursor.execute("DELETE FROM ml_ops.live WHERE started_at < now() - make_interval(days => %s)", (days,))
        return int(cursor.rowcount)

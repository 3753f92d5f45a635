"""A large batch loaded by several at once: each file in a transaction of its own, before the one that swaps.

What is loaded so is committed and not yet shown. A reader whose snapshot is older than that would find the new table empty,
so the swap waits until such readers have ended.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from psycopg2 import sql

from ml.adapters import postgres
from ml.adapters.batches import batch_table
from ml.adapters.lake import Lake
from ml.adapters.postgres.acting import publishing
from ml.core.errors import Busy
from ml.core.spec import Published
from ml.core.spread import Place, Spread

_OLDER = """
SELECT DISTINCT l.virtualtransaction AS transaction, l.pid, a.usename
FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'virtualxid' AND l.granted AND a.backend_xmin IS NOT NULL AND a.datname = current_database()
  AND a.pid <> pg_backend_pid() AND a.backend_type IS DISTINCT FROM 'autovacuum worker'
"""
"""The transactions that hold a snapshot now."""


def load(url: str, lake: Lake, spread: Spread, table: Published, paths: Sequence[str], batch_id: int) -> None:
    """Create the table of a batch and let each of its files be loaded elsewhere; the table is there, without indexes."""
    name = batch_table.name_of(table.name, batch_id)
    with publishing(url) as cursor:
        batch_table.create(cursor, table, name)
        cursor.execute(sql.SQL("CREATE TABLE {} (file text PRIMARY KEY)").format(_loaded(name)))
    spread(append, [(url, lake.uri, table, path, name) for path in paths])
    with publishing(url) as cursor:
        cursor.execute(sql.SQL("DROP TABLE {}").format(_loaded(name)))


def append(_place: Place, url: str, uri: str, table: Published, path: str, name: str) -> int:
    """Load one file, once: what is tried again after it was committed changes nothing."""
    with publishing(url) as cursor:
        cursor.execute(
            sql.SQL("INSERT INTO {} VALUES (%s) ON CONFLICT DO NOTHING").format(_loaded(name)),
            (path.rpartition("/")[2],),
        )
        return batch_table.append(cursor.connection, Lake(uri), table, path, name) if cursor.rowcount else 0


def rows(cursor: Any, table: str, batch_id: int) -> int:
    """Count what was loaded."""
    name = sql.Identifier(batch_table.SCHEMA, batch_table.name_of(table, batch_id))
    cursor.execute(sql.SQL("SELECT count(*) AS rows FROM {}").format(name))
    return int(cursor.fetchone()["rows"])


def drop(cursor: Any, table: str, batch_id: int) -> None:
    """Drop what a load left that was not published."""
    name = batch_table.name_of(table, batch_id)
    place = sql.Identifier(batch_table.SCHEMA, name)
    cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}, {}").format(place, _loaded(name)))


def wait_for_older(url: str, patience_s: float) -> None:
    """Wait until every transaction has ended whose snapshot may be older than what was loaded just now.

    Raises
    ------
    Busy
        One does not end.
    """
    older = {row["transaction"]: row for row in postgres.query(url, _OLDER)}
    deadline, pause = time.monotonic() + patience_s, 0.05
    while older:
        running = {row["transaction"] for row in postgres.query(url, _OLDER)}
        older = {name: row for name, row in older.items() if name in running}
        if older and time.monotonic() > deadline:
            raise Busy(
                "Somebody's transaction is older than the new batch and does not end; the shop still sees the batch before.",
                came=", ".join(f"process {row['pid']} of {row['usename']}" for row in older.values()),
                do="let that session end its transaction (SELECT pg_terminate_backend(…)) and publish again",
            )
        if older:
            time.sleep(pause)
            pause = min(1.0, pause * 2)


def _loaded(name: str) -> sql.Identifier:
    """The table of the files that are in."""
    return sql.Identifier(batch_table.SCHEMA, f"{name}_loaded")

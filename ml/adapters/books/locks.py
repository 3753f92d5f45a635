"""One at a time, across processes and machines: advisory locks of the database.

A lock lives as long as a transaction that is held open for it. Behind a pooler that shares connections by transaction
(PgBouncer) a lock of a *session* would stay with a pooled connection that others use.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2

from ml.adapters import postgres
from ml.core.errors import Busy, Unreachable

_SPACE = 0x4E53
"""First half of our lock keys ("NS"), so that they never meet the shop's own advisory locks."""

_TAKE = """
SELECT pg_try_advisory_xact_lock(%s, hashtext(%s)), (
    SELECT count(set_config(name, '0', true)) FROM pg_settings
    WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')
)
"""
"""Lifts the server's limits for transactions that do nothing: this one holds no snapshot and no row, so it is in
nobody's way."""

_TAKE_SHARED = _TAKE.replace("xact_lock", "xact_lock_shared")


class Held:
    """A lock that this process holds."""

    def __init__(self, name: str, connection: postgres.Connection) -> None:
        self._name, self._connection = name, connection

    def check(self) -> None:
        """Raise if the connection that holds the lock was lost: somebody else may hold it by now."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except psycopg2.Error as error:
            raise Unreachable(
                f"The lock {self._name} was lost on the way, so somebody else may be at it.",
                came=str(error).strip() or type(error).__name__,
                do="run the step again; the database or a pooler has ended the connection that held the lock",
            ) from None


@contextmanager
def exclusive(url: str, name: str, wait_s: float = 0, *, shared: bool = False) -> Iterator[Held]:
    """Hold the lock ``name`` on this database; it is gone when the block, the process or the machine ends.

    Parameters
    ----------
    wait_s : float
        How long to wait for somebody else who holds it.
    shared : bool
        Hold it beside others who share it; who holds it alone waits for all of them, and they for that one.

    Raises
    ------
    Busy
        Somebody else still holds it; says who and since when.
    """
    application = f"{postgres.APPLICATION} {name}"
    with (
        closing(postgres.connect(url, application_name=application)) as connection,
        connection.cursor() as cursor,
    ):
        deadline, pause = time.monotonic() + wait_s, 0.02
        # Asked again and again: a waiting pg_advisory_xact_lock would hold back vacuum for as long as it waits.
        while not _taken(cursor, name, shared=shared):
            if time.monotonic() >= deadline:
                raise Busy(
                    f"Somebody else is at it: {name}.",
                    came=_holder(cursor, name),
                    do="wait for it to end, or end that process if it hangs",
                )
            connection.rollback()
            time.sleep(pause)
            pause = min(1.0, pause * 1.5)
        yield Held(name, connection)


def _taken(cursor: Any, name: str, *, shared: bool) -> bool:
    cursor.execute(_TAKE_SHARED if shared else _TAKE, (_SPACE, name))
    return bool(cursor.fetchone()[0])


def _holder(cursor: Any, name: str) -> str:
    cursor.execute(
        """
        SELECT a.pid, coalesce(a.application_name, a.usename), coalesce(a.client_addr::text, 'this machine'),
               coalesce(a.xact_start, a.backend_start)
        FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
        WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
          AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND l.classid::bigint = %s AND l.objid::bigint = (hashtext(%s)::bigint & 4294967295)
        """,
        (_SPACE, name),
    )
    row = cursor.fetchone()
    if row is None:
        return "it ended just now"
    pid, application, client, since = row
    when = f" since {since:%Y-%m-%d %H:%M:%S %Z}" if since else ""  # another login's session shows no time
    return f"{application} (database process {pid}, from {client}){when}"

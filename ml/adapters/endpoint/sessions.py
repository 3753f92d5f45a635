"""Database sessions of the endpoint: a few that stay open, reading as the shop's role and never writing."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg2.extras

from ml.adapters import postgres

PATIENCE_S = 2.0
"""For a free session, and for an answer of the database."""
_PREPARE = "SELECT set_config('statement_timeout', %s, false), set_config('default_transaction_read_only', 'on', false)"


class Sessions:
    """At most ``size`` sessions of ``url``; one that broke is opened anew."""

    def __init__(self, url: str, size: int = 8) -> None:
        self.url = url
        self._free: queue.LifoQueue[postgres.Connection | None] = queue.LifoQueue()
        for _ in range(size):
            self._free.put(None)

    @contextmanager
    def _one(self) -> Iterator[postgres.Connection]:
        session = self._free.get(timeout=PATIENCE_S)  # queue.Empty: all are busy
        try:
            if session is None or session.closed:
                session = postgres.connect(self.url, role="shop_reader")
                session.autocommit = True
                with session.cursor() as cursor:
                    cursor.execute(_PREPARE, (f"{PATIENCE_S:.0f}s",))
            yield session
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            if session is not None and session.closed:
                session = None
            raise
        finally:
            self._free.put(session)

    def rows(self, sql: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Rows of one statement."""
        for last in (False, True):
            try:
                with self._one() as session, session.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
                    cursor.execute(sql, params)
                    return [dict(row) for row in cursor.fetchall()]
            except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
                if last or isinstance(error, psycopg2.errors.QueryCanceled):
                    raise
        raise AssertionError

    def close(self) -> None:
        """Close the sessions that are free."""
        while not self._free.empty():
            session = self._free.get()
            if session is not None:
                session.close()

"""Database sessions of the endpoint: a few that stay open, reading as the shop's role and never writing.

They wait in the event loop, not in threads of their own: on a busy machine each change of threads costs more than a question.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import psycopg2
import psycopg2.extensions as pg

from ml.adapters import postgres

PATIENCE_S = 2.0
"""For a free session, for a connection, and for an answer of the database."""
_PREPARE = (
    "SELECT set_config('role', 'shop_reader', false), set_config('statement_timeout', %s, false), "
    "set_config('default_transaction_read_only', 'on', false)"
)


class Busy(Exception):
    """All sessions are at work."""


class Sessions:
    """At most ``size`` sessions of ``url``; one that broke is opened anew."""

    def __init__(self, url: str, size: int = 8) -> None:
        self.url = url
        self._free: asyncio.LifoQueue[pg.connection | None] = asyncio.LifoQueue()
        for _ in range(size):
            self._free.put_nowait(None)

    async def rows(self, sql: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Rows of one statement."""
        for last in (False, True):
            try:
                async with self._one() as session:
                    return await _rows(session, sql, params)
            except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
                if last or isinstance(error, psycopg2.errors.QueryCanceled):
                    raise
        raise AssertionError

    @asynccontextmanager
    async def _one(self) -> AsyncIterator[pg.connection]:
        try:
            async with asyncio.timeout(PATIENCE_S):
                session = await self._free.get()
        except TimeoutError:
            raise Busy from None
        try:
            if session is None or session.closed:
                session = await self._open()
            yield session
        except psycopg2.Error:
            raise
        except BaseException:  # who asked has gone: the answer that is still to come is nobody's
            if session is not None:
                session.close()
            raise
        finally:
            self._free.put_nowait(None if session is None or session.closed else session)

    async def _open(self) -> pg.connection:
        parts = {"keepalives_idle": "60"} | pg.parse_dsn(self.url)
        session: pg.connection = psycopg2.connect(**parts, application_name=postgres.APPLICATION, async_=1)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await _answered(session)
                await _rows(session, _PREPARE, (f"{PATIENCE_S:.0f}s",))
        except TimeoutError:
            session.close()
            raise psycopg2.OperationalError("no connection in time") from None
        except BaseException:
            session.close()
            raise
        return session

    def close(self) -> None:
        """Close the sessions that are free."""
        while not self._free.empty():
            session = self._free.get_nowait()
            if session is not None:
                session.close()


async def _rows(session: pg.connection, sql: str, params: Any) -> list[dict[str, Any]]:
    with session.cursor() as cursor:
        cursor.execute(sql, params)
        await _answered(session)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


async def _answered(session: pg.connection) -> None:
    """Wait until the server has answered what was sent."""
    loop = asyncio.get_running_loop()
    while (state := session.poll()) != pg.POLL_OK:
        ready = loop.create_future()
        file = session.fileno()
        watch, forget = (
            (loop.add_reader, loop.remove_reader) if state == pg.POLL_READ else (loop.add_writer, loop.remove_writer)
        )
        watch(file, _done, ready)
        try:
            await ready
        finally:
            forget(file)


def _done(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)

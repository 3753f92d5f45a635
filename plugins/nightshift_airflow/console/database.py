"""The console's way to Postgres: as its own role, a few connections kept open, no statement longer than a page may take."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extras import RealDictCursor

from ml.adapters import postgres
from ml.adapters.postgres import CONSOLE
from ml.core.errors import NightshiftError, Unreachable

Row = dict[str, Any]
PATIENCE_MS = 3000
"""After so long a statement is ended, and its part of the page says so."""
KEPT = 8

_RELATIONS = """
SELECT n.nspname || '.' || c.relname AS name FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ('ml', 'ml_ops', 'ml_config') AND c.relkind IN ('r', 'v', 'm', 'p')
  AND has_table_privilege(c.oid, 'SELECT')
"""
_FUNCTIONS = """
SELECT DISTINCT 'ml.' || p.proname AS short FROM pg_proc AS p
WHERE p.pronamespace = to_regnamespace('ml') AND has_function_privilege(p.oid, 'EXECUTE')
"""


class Reader:
    """What a page asks within one transaction; a part that fails leaves the others standing."""

    def __init__(self, cursor: RealDictCursor) -> None:
        self.cursor = cursor
        self.relations = {row["name"] for row in self.rows(_RELATIONS)}
        self._functions: set[str] | None = None
        self._begun = False

    def has(self, *names: str) -> bool:
        """Whether all of these tables or views (``ml.recommendation``) are there."""
        return all(name in self.relations for name in names)

    @property
    def functions(self) -> set[str]:
        """Names of the functions of schema ``ml`` that may be called, as ``ml.recommend``."""
        if self._functions is None:
            self._functions = {row["short"] for row in self.rows(_FUNCTIONS)}
        return self._functions

    def rows(self, statement: str | sql.Composable, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
        """Rows of a SELECT."""
        self.cursor.execute(statement, values or None)
        return [dict(row) for row in self.cursor.fetchall()]

    def one(self, statement: str | sql.Composable, values: Sequence[Any] | Mapping[str, Any] = ()) -> Row | None:
        """The first row; None if there is none."""
        return next(iter(self.rows(statement, values)), None)

    def attempt(
        self, statement: str | sql.Composable, values: Sequence[Any] | Mapping[str, Any] = ()
    ) -> tuple[list[Row], str]:
        """Rows, and what went wrong in words; a fault spoils nothing that was asked before."""
        # The savepoint and the statement are one message: a page asks some dozens of things.
        mark = sql.SQL("RELEASE SAVEPOINT part; SAVEPOINT part; " if self._begun else "SAVEPOINT part; ")
        self._begun = True
        try:
            found = self.rows(mark + (sql.SQL(statement) if isinstance(statement, str) else statement), values)
        except psycopg2.errors.QueryCanceled:
            fault = f"This took longer than {PATIENCE_MS / 1000:g} s and was ended."
        except (psycopg2.errors.ProgrammingError, psycopg2.errors.DataError) as error:
            fault = str(error).strip().splitlines()[0]
        else:
            return found, ""
        self.cursor.execute("ROLLBACK TO SAVEPOINT part")
        return [], fault


class Database:
    """Connections to one database, taken and given back."""

    def __init__(self, url: str, role: str = CONSOLE) -> None:
        self.url, self.role = url, role
        self._idle: deque[Any] = deque()
        self._lock = threading.Lock()

    @contextmanager
    def transaction(self, *, readonly: bool = True, patience_ms: int = PATIENCE_MS) -> Iterator[RealDictCursor]:
        """A cursor in a transaction with the console's rights; rolled back by an error."""
        connection = self._take()
        try:
            connection.set_session(readonly=readonly)
            with connection, connection.cursor(cursor_factory=RealDictCursor) as cursor:
                self._act(cursor, patience_ms)
                yield cursor
        except (psycopg2.InterfaceError, psycopg2.OperationalError) as error:
            if isinstance(error, psycopg2.errors.QueryCanceled):
                raise NightshiftError(
                    "The database took too long.", came=str(error).strip(), do="try again when less is running"
                ) from None
            self._drop_all()
            raise Unreachable(
                "The database does not answer.",
                came=str(error).strip() or type(error).__name__,
                do="see that the server runs (./nightshift status); this page needs nothing else",
            ) from None
        finally:
            self._give_back(connection)

    def _act(self, cursor: RealDictCursor, patience_ms: int) -> None:
        """Take the role and the patience of a page, in one message."""
        try:
            cursor.execute(
                "SELECT set_config('statement_timeout', %s, true), set_config('role', %s, true)",
                (f"{patience_ms}ms", self.role or "none"),
            )
        except (psycopg2.ProgrammingError, psycopg2.DataError) as error:
            raise NightshiftError(
                f"The pages may not act as {self.role}.",
                came=str(error).strip(),
                do="./nightshift database check prints what an administrator has to run; then ./nightshift up",
            ) from None

    def _take(self) -> Any:
        with self._lock:
            while self._idle:
                connection = self._idle.pop()
                if not connection.closed:
                    return connection
        return postgres.connect(self.url, application_name=f"{postgres.APPLICATION} console")

    def _give_back(self, connection: Any) -> None:
        with suppress(psycopg2.Error):
            connection.rollback()
        with self._lock:
            if not connection.closed and len(self._idle) < KEPT:
                self._idle.append(connection)
                return
        with suppress(psycopg2.Error):
            connection.close()

    def _drop_all(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, deque()
        for connection in idle:
            with suppress(psycopg2.Error):
                connection.close()


_OPEN: dict[tuple[str, str], Database] = {}
_OPENING = threading.Lock()


def database(url: str, role: str = CONSOLE) -> Database:
    """The connections to ``url``; the same for all pages of this process."""
    with _OPENING:
        return _OPEN.setdefault((url, role), Database(url, role))

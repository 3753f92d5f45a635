"""Roles of the steps of a night: the shop is read as nightshift_extract, all that is written is written as nightshift_publish.

A login takes a role where it may, and where the role can do all that the step needs; elsewhere it keeps its own rights, so
that a server without the roles works as well. Each role is taken for a transaction: a pooler gives the session to others.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extras import RealDictCursor

from ml.adapters.postgres import Cursor, connect

EXTRACT, PUBLISH = "nightshift_extract", "nightshift_publish"

_MEMBER = """
pg_has_role(r.oid, CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)
"""

AS_EXTRACT = f"""
SELECT set_config('role', r.rolname, true) FROM pg_roles AS r
WHERE r.rolname = '{EXTRACT}' AND {_MEMBER} AND NOT EXISTS (
    SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE (n.nspname = 'shop' OR (n.nspname, c.relname) IN (('ml_ops', 'posted_event'), ('ml_ops', 'posted_search')))
      AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND has_table_privilege(c.oid, 'SELECT')
      AND NOT (has_schema_privilege(r.oid, n.oid, 'USAGE') AND has_table_privilege(r.oid, c.oid, 'SELECT')))
"""  # noqa: S608 - a constant
"""Take the role that reads the shop and what was posted, where it sees all that the login sees there."""

_MINE = f"""
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ('ml', 'ml_batch') AND c.relkind IN ('r', 'p', 'v')
  AND c.relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user AND rolname <> '{PUBLISH}')
"""  # noqa: S608 - a constant
_MAY_PUBLISH = f"""
FROM pg_roles AS r WHERE r.rolname = '{PUBLISH}' AND {_MEMBER}
  AND coalesce(has_schema_privilege(r.oid, to_regnamespace('ml_batch')::oid, 'CREATE'), false)
  AND NOT EXISTS (
      SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
      WHERE n.nspname = 'ml_ops' AND c.relkind = 'r' AND c.relname NOT IN ('migration', 'audit')
        AND NOT has_table_privilege(r.oid, c.oid, 'DELETE'))
  AND pg_has_role(r.oid, 'USAGE') AND has_database_privilege(r.oid, current_database(), 'TEMPORARY')
"""
_AS_PUBLISH = f"SELECT set_config('role', r.rolname, true) {_MAY_PUBLISH} AND NOT EXISTS (SELECT {_MINE})"
_TO_HAND_OVER = f"""
SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind, n.nspname AS place, c.relname AS name {_MINE}
  AND EXISTS (SELECT {_MAY_PUBLISH}) ORDER BY c.relkind = 'v' DESC, c.oid
"""
"""Views first: a reader, too, takes the view before what it shows."""
LOCK_TIMEOUT_S = 0.5
"""Below Postgres' deadlock_timeout of 1 s: where a reader and we wait for each other, we give way."""
TRIES = 12


def as_publisher(cursor: Any) -> None:
    """Act as nightshift_publish until the transaction ends, where the login may and owns no table or view of a batch itself."""
    cursor.execute(_AS_PUBLISH)


def as_login(cursor: Any) -> None:
    """Act with the login's own rights again."""
    cursor.execute("SELECT set_config('role', 'none', true)")


@contextmanager
def publishing(url: str) -> Iterator[Cursor]:
    """A cursor in one transaction that acts as :func:`as_publisher`; committed at the end. Its rows are dictionaries."""
    with closing(connect(url)) as connection, connection, connection.cursor(cursor_factory=RealDictCursor) as cursor:
        as_publisher(cursor)
        yield cursor


def hand_over(cursor: Any) -> list[str]:
    """Give the tables and views of batches that this login owns to nightshift_publish; what was done, in words."""
    cursor.execute(_TO_HAND_OVER)
    owned = cursor.fetchall()
    if not owned:
        return []
    for number in range(1, TRIES + 1):
        cursor.execute("SAVEPOINT hand_over")
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", (f"{int(1000 * LOCK_TIMEOUT_S)}ms",))
        try:
            _give(cursor, owned)
        except (psycopg2.errors.LockNotAvailable, psycopg2.errors.InsufficientPrivilege) as error:
            cursor.execute("ROLLBACK TO SAVEPOINT hand_over; RELEASE SAVEPOINT hand_over")
            if number == TRIES or isinstance(error, psycopg2.errors.InsufficientPrivilege):
                return [f"batches stay the login's own for now: {str(error).strip()}"]
            time.sleep(LOCK_TIMEOUT_S)  # in which whoever waited for us reads
        else:
            break
    cursor.execute("SET LOCAL lock_timeout = DEFAULT")
    return [f"gave {len(owned)} tables and views of batches to {PUBLISH}"]


def _give(cursor: Any, owned: list[dict[str, str]]) -> None:
    for row in owned:
        cursor.execute(
            sql.SQL("ALTER {} {} OWNER TO {}").format(
                sql.SQL(row["kind"]), sql.Identifier(row["place"], row["name"]), sql.Identifier(PUBLISH)
            )
        )


def to_hand_over(cursor: Any) -> bool:
    """Whether :func:`hand_over` has something to do."""
    cursor.execute(_TO_HAND_OVER)
    return bool(cursor.fetchall())

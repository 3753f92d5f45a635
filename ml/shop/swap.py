"""Let a filled shadow schema take the name of a schema that is read, in the caller's transaction."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from ml.core.errors import Busy, ContractError
from ml.shop.ddl import quoted
from ml.shop.marker import Marker

TRIES = 20
LOCK_TIMEOUT_MS = 500
"""Shorter than Postgres' deadlock_timeout: a reader that waits for us meanwhile is let through, not killed."""

LOCK_NOT_AVAILABLE, DEADLOCK, STILL_DEPENDED_ON = "55P03", "40P01", "2BP01"

_EXISTS = "SELECT 1 FROM pg_namespace WHERE nspname = %s"
_RELATIONS = """
    SELECT c.relname, c.relkind FROM pg_class AS c
    WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    ORDER BY c.relname
"""


def shadow(schema: str) -> str:
    """Name of the schema that is filled while ``schema`` is still read."""
    return f"{schema}_loading"


def allowed(cursor: Any, schema: str, *, replace: bool) -> None:
    """Refuse early to take the place of a schema with something in it that Nightshift did not fill."""
    found = _relations(cursor, schema)
    if found and not replace and Marker.read(cursor, schema) is None:
        raise ContractError(
            f"Schema {schema} was not filled by Nightshift, so it stays as it is.",
            came=f"{len(found)} tables or views: " + ", ".join(name for name, _ in found[:10]),
            do="if it is not your shop, load with --replace: it is renamed, not dropped",
        )


def swap(cursor: Any, schemas: Iterable[str], *, replace: bool) -> list[str]:
    """Give each shadow the name of its schema; a schema without a shadow goes. Returns remarks."""
    schemas = tuple(schemas)
    _lock(cursor, schemas)
    ours = Marker.read(cursor, schemas[0]) is not None
    notes = []
    for schema in schemas:
        filled = _exists(cursor, shadow(schema))
        if _exists(cursor, schema):
            notes += _make_way(cursor, schema, ours=ours, replace=replace)
        if filled:
            cursor.execute(f"ALTER SCHEMA {quoted(shadow(schema))} RENAME TO {quoted(schema)}")
    return notes


def _exists(cursor: Any, schema: str) -> bool:
    cursor.execute(_EXISTS, (schema,))
    return cursor.fetchone() is not None


def _relations(cursor: Any, schema: str) -> list[tuple[str, str]]:
    cursor.execute(_RELATIONS, (schema,))
    return list(cursor.fetchall())


def _lock(cursor: Any, schemas: Iterable[str]) -> None:
    """Wait for readers of the old tables, without making later readers wait long behind us."""
    names = [quoted(s, name) for s in schemas for name, kind in _relations(cursor, s) if kind in "rp"]
    if not names:
        return
    for attempt in range(TRIES):
        cursor.execute("SAVEPOINT lock")
        try:
            cursor.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
            cursor.execute(f"LOCK TABLE {', '.join(names)} IN ACCESS EXCLUSIVE MODE")
        except Exception as error:
            cursor.execute("ROLLBACK TO SAVEPOINT lock")
            if getattr(error, "pgcode", None) not in (LOCK_NOT_AVAILABLE, DEADLOCK):
                raise
            time.sleep(min(0.1 * 2**attempt, 3))
        else:
            cursor.execute("SET LOCAL lock_timeout = 0")
            return
    raise Busy(
        "The shop is being read, so the new one cannot take its place.",
        came=f"no lock in {TRIES} tries",
        do="wait until the night has read it, or end the query that holds it (pg_stat_activity)",
    )


def _make_way(cursor: Any, schema: str, *, ours: bool, replace: bool) -> list[str]:
    """Drop a schema that is ours and that nothing else depends on; rename any other."""
    if ours or not _relations(cursor, schema):
        cursor.execute("SAVEPOINT make_way")
        try:
            tables = [quoted(schema, name) for name, kind in _relations(cursor, schema) if kind == "r"]
            if tables:
                cursor.execute(f"DROP TABLE {', '.join(tables)}")
            cursor.execute(f"DROP SCHEMA {quoted(schema)}")
        except Exception as error:
            cursor.execute("ROLLBACK TO SAVEPOINT make_way")
            if getattr(error, "pgcode", None) != STILL_DEPENDED_ON:
                raise
            if not replace:
                raise ContractError(
                    f"Something depends on schema {schema}, so it stays as it is.",
                    came=str(error).strip(),
                    do="drop what depends on it, or load with --replace: the old schema is renamed, not dropped",
                ) from None
        else:
            return []
    aside = f"{schema}_before_{datetime.now(UTC):%Y%m%d_%H%M%S}"
    cursor.execute(f"ALTER SCHEMA {quoted(schema)} RENAME TO {quoted(aside)}")
    return [f"the schema {schema} that was there is now {aside}"]

"""Let a filled shadow schema take the name of a schema that is read, in the caller's transaction."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from ml.core.errors import Busy, ContractError, NightshiftError
from ml.shop.ddl import quoted
from ml.shop.marker import Marker

TRIES = 20
LOCK_TIMEOUT_MS = 500
"""Shorter than Postgres' deadlock_timeout: a reader that waits for us meanwhile is let through, not killed."""

LOCK_NOT_AVAILABLE, DEADLOCK, STILL_DEPENDED_ON = "55P03", "40P01", "2BP01"

_EXISTS = "SELECT 1 FROM pg_namespace WHERE nspname = %s"
_KEPT = "SELECT nspname FROM pg_namespace WHERE starts_with(nspname::text, %s) ORDER BY nspname DESC"
_RELATIONS = """
    SELECT c.relname, c.relkind FROM pg_class AS c
    WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    ORDER BY c.relname
"""


def shadow(schema: str) -> str:
    """Name of the schema that is filled while ``schema`` is still read."""
    return f"{schema}_loading"


def allowed(cursor: Any, schema: str, source: str, *, replace: bool) -> None:
    """Refuse early to take the place of a schema that holds another source's shop, or that Nightshift did not fill."""
    found = _relations(cursor, schema)
    if not found or replace:
        return
    marker = Marker.read(cursor, schema)
    if marker is None:
        raise ContractError(
            f"Schema {schema} was not filled by Nightshift, so it stays as it is.",
            came=f"{len(found)} tables or views: " + ", ".join(name for name, _ in found[:10]),
            do="if it is not your shop, load with --replace: it is renamed, not dropped",
        )
    if marker.source != source:
        raise ContractError(
            f"Schema {schema} holds another shop, so it stays as it is.",
            came=f"{marker.source} with {sum(marker.rows.values()):,} rows, not {source}",
            do="load with --replace: the shop before is kept, and ./nightshift shop restore brings it back",
        )


def swap(cursor: Any, schemas: Iterable[str], *, replace: bool) -> list[str]:
    """Give each shadow the name of its schema, whose own is kept as the shop before. Returns remarks."""
    schemas = tuple(schemas)
    _lock(cursor, schemas)
    if Marker.read(cursor, schemas[0]) is not None and not replace:
        _nothing_depends(cursor, schemas[0])
    _forget(cursor, schemas)
    stamp = _stamp()
    moved = [schema for schema in schemas if _aside(cursor, schema, stamp)]
    for schema in schemas:
        if _exists(cursor, shadow(schema)):
            _rename(cursor, shadow(schema), schema)
    if schemas[0] not in moved:
        return []
    return [f"./nightshift shop restore brings back the shop before, which is kept as {before(schemas[0], stamp)}"]


def kept(cursor: Any, schema: str) -> list[str]:
    """Names of the schemas that were ``schema`` before, the latest first."""
    cursor.execute(_KEPT, (before(schema, ""),))
    return [row[0] for row in cursor.fetchall()]


def before(schema: str, stamp: str) -> str:
    """Name of a schema that was ``schema`` until the time of ``stamp``."""
    return f"{schema}_before_{stamp}"


def restore(cursor: Any, schemas: Iterable[str], chosen: str = "") -> str:
    """Let the shop before (or the ``chosen`` one) and the present one change places; returns the name that it had.

    Raises
    ------
    NightshiftError
        There is none.
    """
    schemas = tuple(schemas)
    found = kept(cursor, schemas[0])
    if not found or (chosen and chosen not in found):
        raise NightshiftError(
            f"There is no shop {chosen or 'before this one'}.",
            came=", ".join(found) or f"no schema {before(schemas[0], '…')}",
            do="name one of these" if found else "load a shop; the one that it replaces is kept",
        )
    name = chosen or found[0]
    old = name.removeprefix(before(schemas[0], ""))
    _lock(cursor, schemas)
    stamp = _stamp()
    for schema in schemas:
        _aside(cursor, schema, stamp)
        if _exists(cursor, before(schema, old)):
            _rename(cursor, before(schema, old), schema)
    return name


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


def _nothing_depends(cursor: Any, schema: str) -> None:
    """Refuse if others' views depend on the tables: they would go on reading the shop before. The server knows."""
    cursor.execute("SAVEPOINT trial")
    depends = _drop(cursor, schema)
    cursor.execute("ROLLBACK TO SAVEPOINT trial")
    if depends:
        raise ContractError(
            f"Something depends on schema {schema}, so it stays as it is.",
            came=depends,
            do="drop what depends on it, or load with --replace: it goes on reading the shop before, which is kept",
        )


def _forget(cursor: Any, schemas: Sequence[str]) -> None:
    """Drop what was kept of earlier shops that Nightshift filled and on which nothing depends: one of them is enough."""
    for name in kept(cursor, schemas[0]):
        if Marker.read(cursor, name) is None:
            continue
        stamp = name.removeprefix(before(schemas[0], ""))
        for each in (before(schema, stamp) for schema in schemas):
            if _exists(cursor, each):
                _drop(cursor, each)


def _drop(cursor: Any, schema: str) -> str:
    """Drop a schema of tables; returns what depends on it if that keeps it."""
    cursor.execute("SAVEPOINT before_drop")
    try:
        tables = [quoted(schema, name) for name, kind in _relations(cursor, schema) if kind == "r"]
        if tables:
            cursor.execute(f"DROP TABLE {', '.join(tables)}")
        cursor.execute(f"DROP SCHEMA {quoted(schema)}")
    except Exception as error:
        cursor.execute("ROLLBACK TO SAVEPOINT before_drop")
        if getattr(error, "pgcode", None) != STILL_DEPENDED_ON:
            raise
        return str(error).strip()
    return ""


def _stamp() -> str:
    return f"{datetime.now(UTC):%Y%m%d_%H%M%S_%f}"


def _rename(cursor: Any, schema: str, name: str) -> None:
    cursor.execute(f"ALTER SCHEMA {quoted(schema)} RENAME TO {quoted(name)}")


def _aside(cursor: Any, schema: str, stamp: str) -> bool:
    """Rename a schema, so that it can be brought back; one with nothing in it goes."""
    if not _exists(cursor, schema) or (not _relations(cursor, schema) and not _drop(cursor, schema)):
        return False
    _rename(cursor, schema, before(schema, stamp))
    return True

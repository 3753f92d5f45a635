"""Give a platform's database the views of its mapping and a login that reads them: what ``shop connect`` does.

All of it is one transaction on the platform's own database: schema ``shop`` with the contract's tables as views, schema
``shop_help`` with what these share, and the login. The platform's tables are read and never written.
"""

# ruff: noqa: S608 (names are ours or quoted)
from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ml.adapters import postgres
from ml.contract.vocabulary import vocabulary
from ml.core.errors import ContractError, NightshiftError
from ml.shop import reader, swap
from ml.shop.ddl import literal, quoted
from ml.shop.noticed import noticed
from ml.shop.platforms._choices import Choices, chosen, select
from ml.shop.platforms._platform import Columns, Platform, Version
from ml.shop.platforms._recognise import recognise

SHARED = "shop_help"
_MARK = "nightshift connect"
_COLUMNS = """
    SELECT n.nspname::text AS schema, c.relname::text AS "table", array_agg(a.attname::text) AS columns
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT starts_with(n.nspname, 'pg_')
      AND n.nspname NOT IN ('information_schema', 'shop', 'shop_help') AND NOT starts_with(n.nspname, 'shop_before_')
    GROUP BY n.nspname, c.relname
"""
_VIEWS = """
    SELECT n.nspname AS schema, c.relname AS name, c.relkind = 'v' AS view FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('shop', 'shop_help') AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""
STATUSES = "SELECT status, count(*) AS n FROM {} GROUP BY status ORDER BY n DESC, status"
_COMMENT = "SELECT obj_description(to_regnamespace(%s), 'pg_namespace') AS comment"
_FORBIDDEN, _READ_ONLY, _DEPENDED_ON = "42501", "25006", "2BP01"


@dataclass(frozen=True)
class Word:
    """A status of the platform's orders: how many have it, and what it is taken for (None: it is not known)."""

    word: str
    rows: int
    means: str | None


@dataclass(frozen=True)
class Connected:
    """What was found and made. ``password`` is that of a login that was just created."""

    platform: Platform
    version: Version
    schema: str
    release: str
    rows: Mapping[str, int]
    absent: tuple[str, ...]
    words: tuple[Word, ...]
    custom: tuple[tuple[str, str, int], ...]
    notes: tuple[str, ...]
    statements: tuple[str, ...]
    noticed: tuple[str, ...]
    password: str | None = None


def connect(
    url: str,
    name: str | None = None,
    *,
    schema: str | None = None,
    choices: Choices | None = None,
    replace: bool = False,
    try_only: bool = False,
) -> Connected:
    """Write the views and grants of a platform's mapping into its database.

    Parameters
    ----------
    url : str
        The platform's database, as a login that may create schemas there: the primary, no replica.
    name : str, optional
        The platform; recognised by the tables if not given.
    schema : str, optional
        Where its tables are; found if not given.
    replace : bool
        Also take the place of a schema ``shop`` that this did not make; it is renamed, not dropped.
    try_only : bool
        Do it all, tell what was found, and roll it back.

    Raises
    ------
    ContractError
        No platform, or no version of it, that is known.
    """
    choices = choices or Choices()
    choices.check()
    with explained(), postgres.transaction(url) as cursor:
        cursor.execute(_COLUMNS)
        columns: dict[str, dict[str, frozenset[str]]] = {}
        for row in cursor.fetchall():
            columns.setdefault(row["schema"], {})[row["table"]] = frozenset(row["columns"])
        platform, where, version = recognise(columns, name, schema, mysql=False)
        choices.fit(platform)
        notes = list(_make_room(cursor, replace=replace))
        statements = list(_statements(cursor, platform, where, columns, choices))
        rows = {view: _count(cursor, view) for view in platform.views}
        meant, custom = words(_statuses(cursor)), tuple(_custom(cursor, platform))
        release = _release(cursor, platform)
        seen = tuple(noticed(partial(_rows, cursor), _order_columns(cursor), partial(quoted, "shop")))
        password, granted = reader.grant(cursor, notes)
        absent = tuple(t for t, optional, _ in platform.columns() if optional and t not in columns[where])
        if try_only:
            cursor.execute("ROLLBACK")
    return Connected(
        platform,
        version,
        where,
        release,
        rows,
        absent,
        meant,
        custom,
        tuple(notes),
        (*statements, *granted),
        seen,
        None if try_only else password,
    )


def disconnect(url: str) -> int:
    """Take away the views that :func:`connect` made, as before an upgrade of the platform; returns how many."""
    with explained(), postgres.transaction(url) as cursor:
        views = _ours(cursor)
        _drop(cursor, views)
        for schema in {schema for schema, _ in views}:
            cursor.execute(f"DROP SCHEMA {quoted(schema)}")
        return len(views)


@contextmanager
def explained() -> Iterator[None]:
    """Say in words what a server refuses: rights, a replica, what depends on the views."""
    try:
        yield
    except Exception as error:
        code = getattr(error, "pgcode", None)
        if code not in (_FORBIDDEN, _READ_ONLY, _DEPENDED_ON):
            raise
        what, do = {
            _FORBIDDEN: ("This login may not create the views.", "connect as the owner of the platform's tables"),
            _READ_ONLY: ("This database is read-only.", "connect to the primary; the views reach its replicas"),
            _DEPENDED_ON: ("Something of yours depends on the views.", "drop it first, and make it again afterwards"),
        }[code]
        raise NightshiftError(what, came=str(error).strip(), do=do) from None


def _ours(cursor: Any) -> list[tuple[str, str]]:
    """The views in the schemas that bear our mark."""
    marked = []
    for schema in ("shop", SHARED):
        cursor.execute(_COMMENT, (schema,))
        comment = cursor.fetchone()["comment"]
        if comment and comment.startswith('{"' + _MARK):
            marked.append(schema)
    cursor.execute(_VIEWS)
    return [(row["schema"], row["name"]) for row in cursor.fetchall() if row["view"] and row["schema"] in marked]


def _drop(cursor: Any, views: list[tuple[str, str]]) -> None:
    if views:
        cursor.execute(f"DROP VIEW {', '.join(quoted(*view) for view in views)}")


def refuse_foreign(url: str) -> None:
    """Raise where :func:`connect` without ``replace`` would, as before a long installation."""
    with explained(), postgres.transaction(url) as cursor:
        for schema, names in _foreign(cursor, _ours(cursor)):
            raise _occupied(schema, names)


def _foreign(cursor: Any, ours: list[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """The schemas that hold what is not ours, with the names."""
    cursor.execute(_VIEWS)
    left: dict[str, list[str]] = {}
    for row in cursor.fetchall():
        if (row["schema"], row["name"]) not in ours:
            left.setdefault(row["schema"], []).append(row["name"])
    return sorted(left.items())


def _occupied(schema: str, names: list[str]) -> ContractError:
    return ContractError(
        f"Schema {schema} is there already and was not made by this command, so it stays as it is.",
        came=f"{len(names)} tables or views: {', '.join(sorted(names)[:10])}",
        do="with --replace it is renamed, not dropped (./nightshift shop restore brings it back)",
    )


def _make_room(cursor: Any, *, replace: bool) -> Iterator[str]:
    """Drop our own views of before; refuse, or rename, schemas that are not ours."""
    _drop(cursor, _ours(cursor))
    for schema, names in _foreign(cursor, []):
        if not replace:
            raise _occupied(schema, names)
        kept = swap.before(schema, f"{datetime.now(UTC):%Y%m%d_%H%M%S_%f}")
        cursor.execute(f"ALTER SCHEMA {quoted(schema)} RENAME TO {quoted(kept)}")
        yield f"The schema {schema} that was there is kept as {kept}"


def _statements(cursor: Any, platform: Platform, where: str, columns: Columns, choices: Choices) -> Iterator[str]:
    """Run and give each statement that makes the views."""
    mark = json.dumps({_MARK: {"platform": platform.name, "schema": where}})
    for schema in ("shop", SHARED):
        yield _run(cursor, f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
        yield _run(cursor, f"COMMENT ON SCHEMA {quoted(schema)} IS {literal(mark)}")
    yield _run(cursor, f"SET LOCAL search_path = {SHARED}, {quoted(where)}, pg_catalog")
    for table, optional, wanted in platform.columns():
        stand_in = _stand_in(where, table, wanted, columns[where].get(table), optional=optional)
        if stand_in:
            yield _run(cursor, f"CREATE VIEW {quoted(SHARED, table)} AS {stand_in}")
    for name in platform.helpers:
        yield _run(cursor, f"CREATE VIEW {quoted(SHARED, name)} AS\n{select(platform, name, choices)}")
    for name in platform.views:
        sql = select(platform, name, choices)
        if name == "order":
            cursor.execute(f"SELECT * FROM ({sql}\n) AS mapped LIMIT 0")
            sql = chosen([column.name for column in cursor.description], sql, choices)
        yield _run(cursor, f"CREATE VIEW {quoted('shop', name)} AS\n{sql}")


def _run(cursor: Any, statement: str) -> str:
    cursor.execute(statement)
    return statement + ";"


def _stand_in(
    schema: str, table: str, wanted: list[tuple[str, str]], present: frozenset[str] | None, *, optional: bool
) -> str:
    """SELECT what stands for a table that is not there, or lacks columns; empty: it can be read as it is."""
    missing = [(name, kind) for name, kind in wanted if present is None or name not in present]
    if not missing:
        return ""
    nulls = ", ".join(f"NULL::{kind} AS {quoted(name)}" for name, kind in missing)
    if present is None and optional:
        return f"SELECT {nulls} WHERE false"
    named = ", ".join(quoted(name) for name, _ in wanted if present and name in present)
    return f"SELECT {named}, {nulls} FROM {quoted(schema, table)}"


def _count(cursor: Any, view: str) -> int:
    cursor.execute(f"SELECT count(*) AS n FROM {quoted('shop', view)}")
    return int(cursor.fetchone()["n"])


def _rows(cursor: Any, sql: str) -> list[tuple[Any, ...]]:
    cursor.execute(sql)
    return [tuple(row.values()) for row in cursor.fetchall()]


def _order_columns(cursor: Any) -> list[str]:
    cursor.execute(f"SELECT * FROM {quoted('shop', 'order')} LIMIT 0")
    return [column.name for column in cursor.description]


def words(found: Iterable[tuple[str | None, int]]) -> tuple[Word, ...]:
    """Say what each status of the orders, with its count, is taken for."""
    known = vocabulary("order.status")
    return tuple(Word(word, rows, known.read(word)) for word, rows in found if word is not None)


def _statuses(cursor: Any) -> list[tuple[str | None, int]]:
    cursor.execute(STATUSES.format(quoted("shop", "order")))
    return [(row["status"], row["n"]) for row in cursor.fetchall()]


def _custom(cursor: Any, platform: Platform) -> Iterator[tuple[str, str, int]]:
    if "custom" in platform.sql:
        cursor.execute(platform.sql["custom"])
        yield from sorted((row["place"], row["field"], row["rows"]) for row in cursor.fetchall())


def _release(cursor: Any, platform: Platform) -> str:
    if "release" not in platform.sql:
        return ""
    cursor.execute(platform.sql["release"])
    row = cursor.fetchone()
    return str(next(iter(row.values())) or "") if row else ""

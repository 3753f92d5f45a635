"""Changes of the tables of ``ml_config``: saved with who and why, undone; what would change is in ``trials``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import psycopg2
from psycopg2 import sql
from psycopg2.extras import Json

from ml.adapters.books.config import SCHEMA
from ml.core.errors import WrongUse
from ml.core.spec import ConfigTable
from ml.registry import CONFIG
from nightshift_airflow.console.database import Database

Action = Literal["insert", "update", "delete"]


@dataclass(frozen=True)
class Change:
    """One row to add, change or delete; ``key`` names the row that is there."""

    table: ConfigTable
    action: Action
    key: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)


def saved(database: Database, person: str, change: Change, note: str, seen: str) -> int:
    """Make a change for good and write down who did it; gives the number of the record.

    Parameters
    ----------
    seen : str
        The row as the person saw it before, as JSON: one that somebody changed meanwhile is not written over.
    """
    with database.transaction(readonly=False) as cursor, in_words(change.table):
        before, after = make(cursor, change)
        if seen and json.loads(seen) != before:
            raise WrongUse(
                "Somebody changed this row meanwhile.", came="another row than the one shown", do="look at it again"
            )
        return record(
            cursor,
            person,
            change.action,
            change.table.name,
            before=before,
            after=after,
            note=note,
            key=_key(change.table, after or before or {}),
        )


def undone(database: Database, person: str, number: int) -> tuple[str, int]:
    """Take a change back, if its row is still as it left it; gives the table's name and the number of the record."""
    with database.transaction(readonly=False) as cursor:
        cursor.execute("SELECT * FROM ml_ops.audit WHERE id = %s", (number,))
        row = cursor.fetchone()
        tables = {table.name: table for table in CONFIG}
        if row is None or row["object"] not in tables or row["action"] not in ("insert", "update", "delete"):
            raise WrongUse("This cannot be undone here.", came=f"change {number}", do="see the history")
        table = tables[row["object"]]
        with in_words(table):
            if row["after"] is not None:
                _expect(cursor, table, row["after"])
            if row["before"] is None:
                make(cursor, Change(table, "delete", _of_key(table, row["after"])))
            elif row["after"] is None:
                _put_back(cursor, table, row["before"])
            else:
                values = {k: v for k, v in row["before"].items() if k in table.column_names}
                make(cursor, Change(table, "update", _of_key(table, row["after"]), values))
            action = {"insert": "delete", "delete": "insert"}.get(row["action"], "update")
            return table.name, record(
                cursor,
                person,
                action,
                table.name,
                before=row["after"],
                after=row["before"],
                note=f"undo of change {number}",
                key=row["row_key"],
                undoes=number,
            )


def record(cursor: Any, person: str, action: str, what: str, **facts: Any) -> int:
    """Write a line of ``ml_ops.audit``: ``before``, ``after``, ``note``, ``key`` and ``undoes`` as they are known."""
    cursor.execute(
        """
        INSERT INTO ml_ops.audit (person, action, object, row_key, before, after, note, undoes)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
        """,
        (
            person,
            action,
            what,
            facts.get("key"),
            _json(facts.get("before")),
            _json(facts.get("after")),
            facts.get("note", ""),
            facts.get("undoes"),
        ),
    )
    return int(cursor.fetchone()["id"])


def _json(value: Any) -> Json | None:
    return None if value is None else Json(value, dumps=lambda v: json.dumps(v, default=str))


def _of_key(table: ConfigTable, row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in table.key}


def _key(table: ConfigTable, row: Mapping[str, Any]) -> str:
    return json.dumps([row.get(name) for name in table.key], ensure_ascii=False, default=str)


def _name(table: ConfigTable) -> sql.Identifier:
    return sql.Identifier(SCHEMA, table.name)


def _where(key: Mapping[str, Any]) -> sql.Composed:
    return sql.SQL(" AND ").join([sql.SQL("{} = {}").format(sql.Identifier(n), sql.Literal(v)) for n, v in key.items()])


def row_of(cursor: Any, table: ConfigTable, key: Mapping[str, Any], *, lock: bool = False) -> dict[str, Any] | None:
    """The row as JSON values; None if it is not there."""
    cursor.execute(
        sql.SQL("SELECT to_jsonb(t) AS row FROM {} AS t WHERE {} {}").format(
            _name(table), _where(key), sql.SQL("FOR UPDATE" if lock else "")
        )
    )
    found = cursor.fetchone()
    return dict(found["row"]) if found else None


def make(cursor: Any, change: Change) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Make the change; the row before and after."""
    table, before = change.table, None
    if change.action != "insert":
        before = row_of(cursor, table, change.key, lock=True)
        if before is None:
            raise WrongUse(
                f"This row of {table.name} is gone.", came=_key(table, change.key), do="look at the table again"
            )
    names = sql.SQL(", ").join(map(sql.Identifier, change.values))
    values = sql.SQL(", ").join(map(sql.Literal, change.values.values()))
    if change.action == "delete":
        cursor.execute(sql.SQL("DELETE FROM {} WHERE {}").format(_name(table), _where(change.key)))
        return before, None
    if change.action == "insert":
        statement = sql.SQL("INSERT INTO {} AS t ({}) VALUES ({}) RETURNING to_jsonb(t) AS row").format(
            _name(table), names, values
        )
    else:
        statement = sql.SQL("UPDATE {} AS t SET ({}) = ROW({}) WHERE {} RETURNING to_jsonb(t) AS row").format(
            _name(table), names, values, _where(change.key)
        )
    cursor.execute(statement)
    return before, dict(cursor.fetchone()["row"])


def _put_back(cursor: Any, table: ConfigTable, row: Mapping[str, Any]) -> None:
    statement = sql.SQL("INSERT INTO {} SELECT * FROM jsonb_populate_record(NULL::{}, %s)")
    cursor.execute(statement.format(_name(table), _name(table)), (_json(row),))


def _expect(cursor: Any, table: ConfigTable, row: Mapping[str, Any]) -> None:
    now = row_of(cursor, table, _of_key(table, row), lock=True)
    if now != row:
        raise WrongUse(
            "This change cannot be undone: the row was changed again since.",
            came="it is gone" if now is None else "another row than the change left",
            do="undo the later change first, or change the row by hand",
        )


@contextmanager
def in_words(table: ConfigTable) -> Iterator[None]:
    """Say in words why the database refuses a row: a check's name is its words."""
    try:
        yield
    except psycopg2.errors.CheckViolation as error:
        came = error.diag.constraint_name or "a check"
        raise WrongUse("This makes no sense here.", came=f"must hold: {came}", do="change what is named") from None
    except psycopg2.errors.UniqueViolation:
        raise WrongUse(
            "There is such a row already.",
            came=f"a row of {table.name} with this " + ", ".join(table.key),
            do="change that one",
        ) from None
    except psycopg2.errors.NotNullViolation as error:
        raise WrongUse("A value is missing.", came=f"{error.diag.column_name} is empty", do="fill it in") from None
    except psycopg2.errors.DataError as error:
        raise WrongUse("A value cannot be kept.", came=str(error).splitlines()[0], do="change it") from None

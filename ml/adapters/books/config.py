"""The tables that the shop's staff edits, in schema ``ml_config``: made from the specs, and read.

An upgrade adds tables, columns, checks and default rows; it never takes a row or a column away.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from psycopg2 import sql

from ml.adapters import postgres
from ml.core.batches import ARROW
from ml.core.spec import ConfigColumn, ConfigKind, ConfigTable, Kind

SCHEMA = "ml_config"
TYPES: Mapping[Kind | ConfigKind, str] = {**postgres.TYPES, "date": "date"}  # type: ignore[dict-item]  # keys are invariant
_ARROW: Mapping[Kind | ConfigKind, pa.DataType] = {**ARROW, "date": pa.date32()}  # type: ignore[dict-item]
HASH = "^[A-Za-z0-9_-]{16}$"
"""What a keyed hash looks like."""
_OURS = "nightshift: "
"""How the comment of a check begins that came from a spec; the check's SQL follows."""

_STAMPED = "stamped"
_STAMP = """
ALTER TABLE {table} ALTER COLUMN {name} SET DEFAULT now();
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW IS DISTINCT FROM OLD AND NEW.{name} IS NOT DISTINCT FROM OLD.{name} THEN NEW.{name} := now(); END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER {trigger} BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}();
"""

_RIGHTS = {
    "nightshift_staff": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "nightshift_console": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "nightshift_publish": ("SELECT",),
    "nightshift_viewer": ("SELECT",),
    "shop_reader": ("SELECT",),
}


def schema(table: ConfigTable) -> pa.Schema:
    """Arrow schema of a config table in the snapshot."""
    return pa.schema([pa.field(column.name, _ARROW[column.kind]) for column in table.columns])


def defaults(table: ConfigTable) -> pa.Table:
    """The default rows alone: what a snapshot without the table is read as."""
    return pa.Table.from_pylist([dict(row) for row in table.rows], schema(table))


def sync(url: str, tables: Iterable[ConfigTable]) -> None:
    """Bring the tables of ``ml_config`` up to their specs; the staff's rows stay. Two at once are safe."""
    with postgres.transaction(url) as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('nightshift migrate', 0))")
        for table in tables:
            present = _columns(cursor, table)
            if not present:
                _create(cursor, table)
            for column in table.columns if present else ():
                if column.name not in present:
                    # Rows that are there have no value for it: a column without a default has to take null.
                    _alter(cursor, table, "ADD COLUMN {}", _column(column, required=bool(column.default)))
            _stamp(cursor, table)
            _check(cursor, table)
            _comment(cursor, table)
            _fill(cursor, table)
            _grant(cursor, table)


def read(
    url: str, tables: Sequence[ConfigTable], hashed: Callable[[pa.Array], pa.Array] | None = None
) -> dict[str, pa.Table]:
    """Rows of each table as they are now, in the order of the key; all of one moment.

    ``hashed`` gives the keyed hash of what is personal. A value that looks like such a hash is taken as it is and, in a
    second row, hashed: the staff may have copied it from ``ml``, or it may be a device of the shop's.
    """
    with postgres.transaction(url, readonly=True) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        found = {}
        for table in tables:
            statement = sql.SQL("SELECT {} FROM {} ORDER BY {}")
            cursor.execute(statement.format(_names(table.column_names), _name(table), _names(table.key)))
            found[table.name] = pa.Table.from_pylist([dict(row) for row in cursor.fetchall()], schema(table))
        return {
            table.name: _hidden(found[table.name], table, hashed) if hashed else found[table.name] for table in tables
        }


def _hidden(rows: pa.Table, table: ConfigTable, hashed: Callable[[pa.Array], pa.Array]) -> pa.Table:
    for column in table.columns:
        for other, values in column.personal.items():
            rows = _hashed(rows, column.name, other, values, hashed)
    return rows


def _hashed(
    rows: pa.Table, name: str, other: str, values: tuple[str, ...], hashed: Callable[[pa.Array], pa.Array]
) -> pa.Table:
    is_id = pc.fill_null(pc.is_in(rows[other], pa.array(values)), False)
    given = rows[name].combine_chunks()
    replaced = rows.set_column(rows.column_names.index(name), name, pc.if_else(is_id, hashed(given), given))
    return pa.concat_tables([replaced, rows.filter(pc.and_(is_id, pc.match_substring_regex(given, HASH)))])


def _name(table: ConfigTable) -> sql.Identifier:
    return sql.Identifier(SCHEMA, table.name)


def _names(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _columns(cursor: Any, table: ConfigTable) -> dict[str, str | None]:
    """Comment by column; empty if there is no such table."""
    cursor.execute(
        """
        SELECT attname, col_description(attrelid, attnum) AS comment FROM pg_attribute
        WHERE attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) AND attnum > 0 AND NOT attisdropped
        """,
        (SCHEMA, table.name),
    )
    return {row["attname"]: row["comment"] for row in cursor.fetchall()}


def _create(cursor: Any, table: ConfigTable) -> None:
    columns = [_column(column, required=column.required or column.name in table.key) for column in table.columns]
    cursor.execute(
        sql.SQL("CREATE TABLE {} ({}, PRIMARY KEY ({}))").format(
            _name(table), sql.SQL(", ").join(columns), _names(table.key)
        )
    )


def _column(column: ConfigColumn, *, required: bool) -> sql.Composed:
    parts = [sql.SQL(TYPES[column.kind])]
    if column.numbered:
        parts.append(sql.SQL("GENERATED BY DEFAULT AS IDENTITY"))
    elif column.default:
        parts.append(sql.SQL("DEFAULT " + column.default))
    if required and not column.numbered:
        parts.append(sql.SQL("NOT NULL"))
    return sql.SQL(" ").join([sql.Identifier(column.name), *parts])


def _alter(cursor: Any, table: ConfigTable, action: str, *parts: sql.Composable) -> None:
    cursor.execute(sql.SQL("ALTER TABLE {} ").format(_name(table)) + sql.SQL(action).format(*parts))


def _stamp(cursor: Any, table: ConfigTable) -> None:
    """Let the database write when a row was made, or changed by who did not say when; rows from before have no time."""
    for column in table.columns:
        cursor.execute(
            "SELECT FROM pg_trigger WHERE tgname = %s AND tgrelid = to_regclass(format('%%I.%%I', %s::text, %s::text))",
            (_STAMPED, SCHEMA, table.name),
        )
        if column.stamped and not cursor.rowcount:
            function = sql.Identifier(SCHEMA, f"{table.name}_{_STAMPED}")
            names = {"name": sql.Identifier(column.name), "table": _name(table), "function": function}
            cursor.execute(sql.SQL(_STAMP).format(**names, trigger=sql.Identifier(_STAMPED)))


def _check(cursor: Any, table: ConfigTable) -> None:
    """Let the checks be those of the spec. Rows from before a check stay; ``config_faults`` tells them."""
    cursor.execute(
        """
        SELECT conname, obj_description(oid, 'pg_constraint') AS comment FROM pg_constraint
        WHERE conrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) AND contype = 'c'
        """,
        (SCHEMA, table.name),
    )
    constraints = {row["conname"]: row["comment"] or "" for row in cursor.fetchall()}
    for words, comment in constraints.items():
        if comment.startswith(_OURS) and table.checks.get(words) != comment.removeprefix(_OURS):
            _alter(cursor, table, "DROP CONSTRAINT {}", sql.Identifier(words))
    for words, check in table.checks.items():
        if constraints.get(words) != _OURS + check:
            _alter(cursor, table, "ADD CONSTRAINT {} CHECK ({}) NOT VALID", sql.Identifier(words), sql.SQL(check))
            cursor.execute(
                sql.SQL("COMMENT ON CONSTRAINT {} ON {} IS {}").format(
                    sql.Identifier(words), _name(table), sql.Literal(_OURS + check)
                )
            )


def _comment(cursor: Any, table: ConfigTable) -> None:
    cursor.execute("SELECT obj_description(to_regclass(%s), 'pg_class') AS comment", (f'{SCHEMA}."{table.name}"',))
    if cursor.fetchone()["comment"] != table.meaning:
        cursor.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(_name(table), sql.Literal(table.meaning)))
    comments = _columns(cursor, table)
    for column in table.columns:
        meaning = f"{column.meaning} [{column.unit}]" if column.unit else column.meaning
        if comments[column.name] != meaning:
            target = sql.Identifier(SCHEMA, table.name, column.name)
            cursor.execute(sql.SQL("COMMENT ON COLUMN {} IS {}").format(target, sql.Literal(meaning)))


def _fill(cursor: Any, table: ConfigTable) -> None:
    cursor.execute("SELECT row_key FROM ml_ops.config_default WHERE table_name = %s", (table.name,))
    filled = {row["row_key"] for row in cursor.fetchall()}
    for row in table.rows:
        key = json.dumps([row[name] for name in table.key], ensure_ascii=False)
        if key in filled:
            continue
        values = sql.SQL(", ").join(map(sql.Literal, row.values()))
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({}) ON CONFLICT DO NOTHING")
        cursor.execute(statement.format(_name(table), _names(row), values))
        cursor.execute("INSERT INTO ml_ops.config_default (table_name, row_key) VALUES (%s, %s)", (table.name, key))


def _grant(cursor: Any, table: ConfigTable) -> None:
    for role, rights in _RIGHTS.items():
        for right in rights:
            cursor.execute(
                """
                SELECT FROM pg_roles AS r WHERE r.rolname = %(role)s
                AND NOT has_table_privilege(r.oid, to_regclass(format('%%I.%%I', %(schema)s, %(table)s)), %(right)s)
                """,
                {"role": role, "schema": SCHEMA, "table": table.name, "right": right},
            )
            if cursor.rowcount:
                grant = sql.SQL("GRANT {} ON {} TO {}")
                cursor.execute(grant.format(sql.SQL(right), _name(table), sql.Identifier(role)))

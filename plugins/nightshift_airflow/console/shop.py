"""Looks into the shop's own tables: by an index or not at all, never at a personal column."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from psycopg2 import sql

from ml.contract.tables import TABLES
from ml.core.errors import NightshiftError
from ml.settings import Settings
from nightshift_airflow.console.database import Row, database

PATIENCE_MS = 400
LOOKED_THROUGH = 20_000.0
"""A table with more rows than this is not read from its beginning for a page."""

_COLUMNS = """
SELECT a.attname AS name, format_type(a.atttypid, NULL) AS kind FROM pg_attribute AS a
WHERE a.attrelid = to_regclass(format('shop.%%I', %s::text)) AND a.attnum > 0 AND NOT a.attisdropped
"""


@dataclass
class Found:
    """Rows of a contract table, and why there are none."""

    table: str
    columns: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    note: str = ""


def find(settings: Settings, table: str, column: str, *values: str, order: str = "", limit: int = 20) -> Found:
    """Rows of a contract table with one of these values, the latest by ``order`` first.

    Personal columns are left out. Where the database would have to read the whole of a large table, nothing is read
    and the note names the index that is missing.
    """
    found = Found(table)
    if not values:
        return found
    try:
        with database(settings.shop_url, role="").transaction(patience_ms=PATIENCE_MS) as cursor:
            cursor.execute(_COLUMNS, (table,))
            kinds = {row["name"]: row["kind"] for row in cursor.fetchall()}
            found.columns = [c.name for c in TABLES[table].columns if c.name in kinds and not c.personal]
            if column not in found.columns:
                found.note = f"The shop has no shop.{table}.{column}."
                return found
            one_of = sql.SQL(", ").join([sql.SQL("%s::{}").format(sql.SQL(kinds[column]))] * len(values))
            statement = _select(table, found.columns, column, one_of, order, limit)
            cursor.execute(sql.SQL("EXPLAIN (FORMAT JSON) ") + statement, values)
            (plan,) = (row["QUERY PLAN"] for row in cursor.fetchall())
            if _scans(plan if isinstance(plan, list) else json.loads(plan)):
                found.note = f"Not looked at: without an index on shop.{table} ({column}) all its rows would be read."
                return found
            cursor.execute(statement, values)
            found.rows = [dict(row) for row in cursor.fetchall()]
    except (psycopg2.errors.DataError, psycopg2.errors.UndefinedTable):
        found.note = ""  # an id that cannot be one of this shop's: there is nothing
    except (psycopg2.Error, NightshiftError) as error:
        found.note = str(getattr(error, "came", "") or error).strip().splitlines()[0]
    return found


def has(settings: Settings, table: str) -> bool:
    """Whether the shop offers this table."""
    try:
        with database(settings.shop_url, role="").transaction(patience_ms=PATIENCE_MS) as cursor:
            cursor.execute("SELECT to_regclass(format('shop.%%I', %s::text)) IS NOT NULL AS there", (table,))
            return any(row["there"] for row in cursor.fetchall())
    except (psycopg2.Error, NightshiftError):
        return False


def _select(
    table: str, columns: list[str], column: str, one_of: sql.Composable, order: str, limit: int
) -> sql.Composed:
    newest = order if order in columns else ""
    return sql.SQL("SELECT {} FROM {} WHERE {} IN ({}) {} LIMIT {}").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.Identifier("shop", table),
        sql.Identifier(column),
        one_of,
        sql.SQL("ORDER BY {} DESC").format(sql.Identifier(newest)) if newest else sql.SQL(""),
        sql.Literal(limit),
    )


def _scans(plan: list[dict[str, Any]]) -> bool:
    """Whether a large table is read from its beginning."""
    nodes = [entry["Plan"] for entry in plan]
    while nodes:
        node = nodes.pop()
        if node["Node Type"] == "Seq Scan" and float(node["Total Cost"]) > LOOKED_THROUGH / 50:
            return True
        nodes += node.get("Plans", [])
    return False

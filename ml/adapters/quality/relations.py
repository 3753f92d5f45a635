"""What depends on other rows, as plain columns beside a row's own: DuckDB computes them, a suite judges them.

=====================  ===============================================================================================
``_duplicate``         another row of the same key is kept (the one known latest; then the first by content)
``_orphan_<column>``   the value is not in the clean table that the column references
``_days_ahead``        days from the night's start to the event; above 0: in the future
``_days_since_1990``   days from 1990-01-01 to the event
``_longest_text``      bytes of the longest text of the row
``_nul``               a text of the row holds the character NUL
=====================  ===============================================================================================
"""

# ruff: noqa: S608 (names come from the contract, paths from the lake, never from outside)
from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ml.adapters.quality.first_sales import since_first_sale
from ml.contract.table import Table

_DAY_US = 86_400e6
_1990 = datetime(1990, 1, 1, tzinfo=UTC)
_PLACE = "filename, file_row_number"


def rows_with_facts(
    connection: Any, table: Table, raw: str, parents: Callable[[str, str, str], str], as_of: datetime,
    *, sold_before: bool = False,
) -> str:  # fmt: skip
    """Return the query of a raw table's rows, in the order of its files, with the columns above.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Gets a temporary table of the duplicate rows if there are any.
    raw : str
        The raw Parquet files as the argument of ``read_parquet`` (:meth:`Lake.sql`).
    parents : callable
        From a reference (column, other table, other column) to the SQL source of the other table's clean rows.
    sold_before : bool
        :func:`find_first_sales` found rows that are known from their first sale.
    """
    joins, facts = [], ["false AS _duplicate"]
    if _find_duplicates(connection, table, raw):
        facts = ["d.file_row_number IS NOT NULL AS _duplicate"]
        joins.append("LEFT JOIN duplicate d ON r.filename = d.filename AND r.file_row_number = d.file_row_number")
    for number, (column, parent, key) in enumerate(table.references):
        joins.append(
            f"LEFT JOIN (SELECT {_q(key)} AS k FROM {parents(column, parent, key)}) p{number} "
            f"ON r.{_q(column)} = p{number}.k"
        )
        facts.append(f"r.{_q(column)} IS NOT NULL AND p{number}.k IS NULL AS {_q('_orphan_' + column)}")
    facts += _own_facts(table, as_of)
    own = ", ".join(f"r.{_q(name)}" for name in table.column_names)
    source = f"read_parquet({raw}, filename = true, file_row_number = true)"
    if sold_before:
        source = since_first_sale(table, source)
    return f"SELECT {own}, {', '.join(facts)} FROM {source} r {' '.join(joins)}"


def quarantined(connection: Any, table: Table) -> Any:
    """Return the key and the JSON text of the rows registered as ``broken``, as an Arrow table (row_key, row)."""
    key = ", ".join(f"coalesce({_q(name)}::VARCHAR, 'null')" for name in table.key)
    fields = ", ".join(f"{_q(column.name)} := {_as_json(column.name, column.kind)}" for column in table.columns)
    sql = f"SELECT concat_ws('/', {key}) AS row_key, to_json(struct_pack({fields}))::VARCHAR AS row FROM broken"
    return connection.sql(sql).to_arrow_table()


def _find_duplicates(connection: Any, table: Table, raw: str) -> bool:
    """Make the temporary table ``duplicate`` of the rows that are not kept; False: there are none."""
    keys = ", ".join(map(_q, table.key))
    present = " AND ".join(f"{_q(name)} IS NOT NULL" for name in table.key)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE repeated AS SELECT {keys} FROM read_parquet({raw}) "
        f"WHERE {present} GROUP BY {keys} HAVING count(*) > 1"
    )
    if not connection.sql("SELECT count(*) FROM repeated").fetchall()[0][0]:
        return False
    times = [f"{_q(name)} DESC NULLS LAST" for name in (table.known_time, table.event_time) if name]
    if len(times) == 2:
        times = [f"coalesce({_q(table.known_time)}, {_q(table.event_time)}) DESC NULLS LAST"]
    order = ", ".join([*times, *(f"{_q(name)} NULLS LAST" for name in table.column_names)])
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE duplicate AS SELECT {_PLACE} FROM ("
        f"SELECT {_PLACE}, row_number() OVER (PARTITION BY {keys} ORDER BY {order}) AS place "
        f"FROM read_parquet({raw}, filename = true, file_row_number = true) SEMI JOIN repeated USING ({keys})"
        ") WHERE place > 1"
    )
    return True


def _own_facts(table: Table, as_of: datetime) -> list[str]:
    texts = [f"r.{_q(column.name)}" for column in table.columns if column.kind == "text"]
    lengths = ", ".join(f"coalesce(strlen({text}), 0)" for text in texts)
    facts = [
        f"greatest({lengths}, 0) AS _longest_text",
        " OR ".join(f"coalesce(contains({text}, chr(0)), false)" for text in texts) + " AS _nul",
    ]
    if table.event_time:
        at = f"epoch_us(r.{_q(table.event_time)})"
        for name, origin in (("_days_ahead", as_of), ("_days_since_1990", _1990)):
            facts.append(f"({at} - {int(origin.timestamp() * 1e6)}) / {_DAY_US} AS {name}")
    return facts


def _as_json(name: str, kind: str) -> str:
    """Make of a column what JSON and Postgres' jsonb can hold: no NUL, no NaN, times in ISO 8601."""
    if kind == "text":
        return f"replace({_q(name)}, chr(0), chr(65533))"
    if kind == "number":
        return f"CASE WHEN isfinite({_q(name)}) THEN {_q(name)} END"
    if kind == "timestamp":
        return f"strftime({_q(name)}, '%Y-%m-%dT%H:%M:%S.%fZ')"
    return _q(name)


def _q(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

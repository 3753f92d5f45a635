"""What depends on other rows, as plain columns beside a row's own: DuckDB computes them, a suite judges them.

=====================  ===============================================================================================
``_duplicate``         another row of the same key is kept (the one known latest; then the first by content)
``_orphan_<column>``   the value points to a row that is broken, or to an order that is nowhere
``_gone_<column>``     it points to a row that is left out as normal business, or to a customer or product that is no
                       longer in the shop
``_days_ahead``        days from the night's start to the event; above 0: in the future
``_days_since_1990``   days from 1990-01-01 to the event
``_longest_text``      bytes of the row's longest key or reference
``_rate``              what one unit of the order's currency was worth in the shop's; there only where an order has a rate
``_nul``               a text of the row holds the character NUL
=====================  ===============================================================================================
"""

# ruff: noqa: S608 (names come from the contract, paths from the lake, never from outside)
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ml.adapters.quality.first_sales import since_first_sale
from ml.contract.identities import STRUCTURED, WORDED
from ml.contract.table import Table

_DAY_US = 86_400e6
_1990 = datetime(1990, 1, 1, tzinfo=UTC)
_PLACE = "filename, file_row_number"
_DUCKDB = {"text": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN", "timestamp": "TIMESTAMPTZ"}


@dataclass(frozen=True)
class Parent:
    """Where the rows are that a column references: ``clean`` (SQL source), files of its ``quarantine``, has it rates."""

    clean: str
    quarantine: Sequence[str]
    rates: bool = False


def rows_with_facts(
    connection: Any,
    table: Table,
    raw: str,
    parents: Callable[[str, str, str], Parent],
    as_of: datetime,
    *,
    sold_before: bool = False,
) -> str:
    """Return the query of a raw table's rows, in the order of its files, with the columns above.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Gets a temporary table of the duplicate rows if there are any.
    raw : str
        The raw Parquet files as the argument of ``read_parquet`` (:meth:`Lake.sql`).
    parents : callable
        From a reference (column, other table, other column) to where the other table's rows are.
    sold_before : bool
        :func:`find_first_sales` found rows that are known from their first sale.
    """
    joins, facts = [], ["false AS _duplicate"]
    if _find_duplicates(connection, table, raw):
        facts = ["d.file_row_number IS NOT NULL AS _duplicate"]
        joins.append("LEFT JOIN duplicate d ON r.filename = d.filename AND r.file_row_number = d.file_row_number")
    for number, (column, name, key) in enumerate(table.references):
        parent = parents(column, name, key)
        rate = ", exchange_rate" if parent.rates else ""
        joins += [
            f"LEFT JOIN (SELECT {_q(key)} AS k{rate} FROM {parent.clean}) p{number} ON r.{_q(column)} = p{number}.k",
            f"LEFT JOIN ({_refused(connection, parent.quarantine)}) q{number} ON r.{_q(column)} = q{number}.k",
        ]
        lost = f"r.{_q(column)} IS NOT NULL AND p{number}.k IS NULL"
        normal = f"coalesce(q{number}.normal, {'false' if table[column].gone == 'fault' else 'true'})"
        facts += [
            f"{lost} AND NOT {normal} AS {_q('_orphan_' + column)}",
            f"{lost} AND {normal} AS {_q('_gone_' + column)}",
        ]
        facts += [f"p{number}.exchange_rate AS _rate"] if parent.rates else []
    present = _columns(connection, raw)
    if table.name == "order" and has_rates(connection, raw):
        facts.append("r.exchange_rate AS _rate")
    facts += ["r._unread"] if "_unread" in present else []
    facts += _own_facts(table, as_of)
    own = ", ".join(
        f"r.{_q(c.name)}" if c.name in present else f"NULL::{_DUCKDB[c.kind]} AS {_q(c.name)}" for c in table.columns
    )
    source = f"read_parquet({raw}, filename = true, file_row_number = true)"
    if sold_before:
        source = since_first_sale(table, source)
    if table.name in WORDED:
        source = _without_structures(table, source)
    return f"SELECT {own}, {', '.join(facts)} FROM {source} r {' '.join(joins)}"


def _without_structures(table: Table, source: str) -> str:
    """The rows of ``source``, null where JSON or the like stands in the place of words."""
    replaced = (
        f"CASE WHEN regexp_matches({name}, '{STRUCTURED}') THEN NULL ELSE {name} END AS {name}"
        for name in WORDED[table.name]
    )
    return f"(SELECT * REPLACE ({', '.join(replaced)}) FROM {source})"


def has_rates(connection: Any, files: str) -> bool:
    """Whether an order of these Parquet files has a rate of exchange."""
    if "exchange_rate" not in _columns(connection, files):
        return False
    ((rates,),) = connection.sql(f"SELECT count(exchange_rate) FROM read_parquet({files})").fetchall()
    return bool(rates)


def quarantined(connection: Any, table: Table) -> Any:
    """Return key, JSON text and unreadable cells of the rows registered as ``broken`` (row_key, row, _unread)."""
    key = ", ".join(f"coalesce({_q(name)}::VARCHAR, 'null')" for name in table.key)
    fields = ", ".join(f"{_q(column.name)} := {_as_json(column.name, column.kind)}" for column in table.columns)
    row_json = f"CASE WHEN _unread IS NULL THEN to_json(struct_pack({fields}))::VARCHAR "
    row_json += f"ELSE to_json(struct_pack({fields}, _unread := _unread))::VARCHAR END"
    sql = f"SELECT concat_ws('/', {key}) AS row_key, {row_json} AS row, _unread FROM broken"
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
    whole = [column.name for column in table.columns if column.name in table.key or column.references]
    lengths = ", ".join(f"coalesce(strlen(r.{_q(name)}::VARCHAR), 0)" for name in whole)
    facts = [
        f"greatest({lengths}, 0) AS _longest_text",
        " OR ".join(f"coalesce(contains({text}, chr(0)), false)" for text in texts) + " AS _nul",
    ]
    if table.event_time:
        at = f"epoch_us(r.{_q(table.event_time)})"
        for name, origin in (("_days_ahead", as_of), ("_days_since_1990", _1990)):
            facts.append(f"({at} - {int(origin.timestamp() * 1e6)}) / {_DAY_US} AS {name}")
    return facts


def _columns(connection: Any, files: str) -> set[str]:
    return {row[0] for row in connection.sql(f"DESCRIBE FROM read_parquet({files})").fetchall()}


def _refused(connection: Any, files: Sequence[str]) -> str:
    """Query of the keys in quarantine and whether a row is there as normal business only."""
    parts = [
        f"SELECT row_key, {'severity' if 'severity' in _columns(connection, file) else chr(39) + 'fault' + chr(39)} AS severity "
        f"FROM read_parquet({file})"
        for file in files
    ]
    if not parts:
        return "SELECT NULL::VARCHAR AS k, false AS normal WHERE false"
    return (
        f"SELECT row_key AS k, bool_and(severity = 'left out') AS normal FROM ({' UNION ALL '.join(parts)}) GROUP BY 1"
    )


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

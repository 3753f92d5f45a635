"""Reading the times of an export: ISO 8601, or the one way of writing that reads all of them."""

from __future__ import annotations

import duckdb

FORMATS = (
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y",
    "%m/%d/%y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y",
    "%d/%m/%y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d-%m-%Y %H:%M:%S",
    "%d-%m-%Y %H:%M",
    "%d-%m-%Y",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%b %d, %Y %I:%M:%S %p",
    "%B %d, %Y %I:%M %p",
    "%b %d, %Y, %I:%M:%S %p",
    "%b %d, %Y",
    "%B %d, %Y",
    "%d %b %Y %H:%M",
    "%d %b %Y",
)
"""Ways of writing a time that exports of the world have."""


def ways(db: duckdb.DuckDBPyConnection, table: str, column: str) -> list[str]:
    """Find the formats that read every value of a column, most likely first."""
    value = f'trim("{column}")'
    reads = ", ".join(f"count(try_strptime({value}, '{f}'))" for f in FORMATS)
    found = db.execute(f"SELECT count(*), {reads} FROM \"{table}\" WHERE {value} <> ''").fetchall()[0]  # noqa: S608  # names of ours
    return [f for f, n in zip(FORMATS, found[1:], strict=True) if n == found[0]] if found[0] else []


def moments(db: duckdb.DuckDBPyConnection, table: str, column: str, iso: str) -> str:
    """Give the SQL that reads a column's times.

    Where day and month could be either, nothing is read: the fault names the values.
    """
    value = f'trim("{column}")'
    term = iso.replace("$value", value)
    unread = f"SELECT count(*) FROM \"{table}\" WHERE {value} <> '' AND ({term}) IS NULL"  # noqa: S608  # names of ours
    (bad,) = db.execute(unread).fetchall()[0]
    if not bad:
        return term
    found = ways(db, table, column)
    return written(value, found[0]) if len(found) == 1 else term


def written(value: str, way: str) -> str:
    """Give the SQL that reads a time written in one way; it is in the session's zone."""
    return f"CAST(try_strptime({value}, '{way}') AS TIMESTAMPTZ)"

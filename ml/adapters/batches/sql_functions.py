"""SQL functions that the shop calls, made from a capability's file in the transaction that shows its batch."""

from __future__ import annotations

import re
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import parse_dsn

from ml.adapters.postgres import READERS

NOWHERE = "no_shop_here"
"""A schema that nobody makes."""


def at_shop(script: str, database_url: str, shop_url: str) -> str:
    """Give the script as it is where the shop is in the same database; else it finds no shop, whatever schema shop is here.

    Beside a shop of another database there may be one that was loaded before: of its products none is on sale.
    """
    return script if same_database(database_url, shop_url) else re.sub(r"\bshop\.(?=\w)", f"{NOWHERE}.", script)


def same_database(one: str, other: str) -> bool:
    """Whether two URLs name one database, whoever logs in."""
    return _database(one) == _database(other)


def _database(url: str) -> tuple[str, str, str]:
    parts = parse_dsn(url)
    return parts.get("hostaddr") or parts.get("host", ""), parts.get("port", "5432"), parts.get("dbname", "")


def create(cursor: Any, script: str, timezone: str) -> None:
    """Run ``script`` and let the shop call what it makes in schema ``ml``; nobody else can.

    Bodies are not checked: they may name views that come with this batch. Functions that run with their owner's rights
    have to fix their ``search_path`` themselves.

    Parameters
    ----------
    script : str
        ``CREATE OR REPLACE FUNCTION`` in the schemas ``ml`` (for the shop) and ``ml_ops`` (what those need).
    timezone : str
        Of the shop; the script finds it as the session's.
    """
    # Two at once would grant on the same functions: "tuple concurrently updated". Held to the end of the transaction.
    cursor.execute("SELECT pg_advisory_xact_lock(hashtext('nightshift sql functions'))")
    cursor.execute("SELECT current_setting('TimeZone') AS before")
    before = cursor.fetchone()["before"]
    cursor.execute(
        "SELECT set_config('check_function_bodies', 'off', true), set_config('TimeZone', %s, true)", (timezone,)
    )
    cursor.execute(script)
    cursor.execute("SELECT set_config('TimeZone', %s, true)", (before,))
    cursor.execute("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ml, ml_ops FROM PUBLIC")
    cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", (list(READERS),))
    for row in cursor.fetchall():
        cursor.execute(
            sql.SQL("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ml TO {}").format(sql.Identifier(row["rolname"]))
        )

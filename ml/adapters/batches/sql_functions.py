"""SQL functions that the shop calls, made from a capability's file in the transaction that shows its batch."""

from __future__ import annotations

from typing import Any

from psycopg2 import sql

from ml.adapters.postgres import READERS


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

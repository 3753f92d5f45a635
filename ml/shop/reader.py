"""The login that reads a connected shop: schema ``shop`` and nothing else."""

from __future__ import annotations

import secrets
from typing import Any

from ml.shop.ddl import literal

READER = "nightshift_reader"


def grant(cursor: Any, notes: list[str]) -> tuple[str | None, list[str]]:
    """Let the reader's login read schema shop; make it where this login may."""
    cursor.execute("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s) AS there", (READER,))
    password, statements = None, []
    if not cursor.fetchone()["there"]:
        cursor.execute("SELECT rolsuper OR rolcreaterole AS may FROM pg_roles WHERE rolname = current_user")
        if not cursor.fetchone()["may"]:
            notes.append(
                f"This login may not create roles: let an administrator CREATE ROLE {READER} LOGIN, then run this again"
            )
            return None, []
        password = secrets.token_urlsafe(18)
        cursor.execute(f"CREATE ROLE {READER} LOGIN CONNECTION LIMIT 4 PASSWORD {literal(password)}")
        statements.append(f"CREATE ROLE {READER} LOGIN CONNECTION LIMIT 4;")
        statements.append(f"ALTER ROLE {READER} SET default_transaction_read_only = on;")
        cursor.execute(statements[-1])
    rights = [
        f"GRANT {right} TO {READER};" for right in ("USAGE ON SCHEMA shop", "SELECT ON ALL TABLES IN SCHEMA shop")
    ]
    for statement in rights:
        cursor.execute(statement)
    return password, statements + rights

"""The logins and databases of the embedded server: each service has a login that owns its database and nothing else.

The superuser makes them and is used for nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import extensions, sql

from cli.environment import Stack
from cli.urls import ADMIN, DATABASE, OWNERS, PASSWORDS, READER, admin_url, beside, reader_login
from ml.adapters import postgres
from ml.core.errors import NightshiftError

_MOVING = "nightshift_moving"
_HAND_OVER = Path(__file__).with_name("hand_over.sql")


def ensure(stack: Stack, secrets: Mapping[str, str]) -> None:
    """Make what the embedded server lacks: roles, logins with the passwords of ``secrets``, databases."""
    admin = admin_url(stack, secrets)
    with closing(_admin(stack, secrets, admin)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(_MOVING)))  # of a start that was killed
        for role in postgres.ROLES:
            _role(cursor, role)
        for user in (*OWNERS.values(), READER):
            _login(connection, user, secrets[PASSWORDS[user]])
        cursor.execute(_granted(postgres.ROLES, OWNERS[DATABASE]) + sql.SQL(" WITH ADMIN OPTION"))
        # To name who holds a lock, and to end him.
        cursor.execute(_granted(("pg_read_all_stats", "pg_signal_backend"), OWNERS[DATABASE]))
        _reader(cursor, READER)
        cursor.execute("SELECT datname, pg_get_userbyid(datdba) FROM pg_database")
        owners = dict(cursor.fetchall())
        for name, owner in OWNERS.items():
            database, of = sql.Identifier(name), sql.Identifier(owner)
            if name not in owners:
                cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, of))
            elif owners[name] != owner:
                with postgres.transaction(beside(admin, name)) as moving:
                    moving.execute("SELECT set_config('nightshift.owner', %s, true)", (owner,))
                    moving.execute(_HAND_OVER.read_text(encoding="utf-8"))
                cursor.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, of))
            if name == DATABASE:
                with postgres.transaction(beside(admin, name)) as extended:  # not trusted: only the superuser may
                    extended.execute("CREATE EXTENSION IF NOT EXISTS vector")
            else:
                cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))


def ensure_reader(stack: Stack, secrets: Mapping[str, str], url: str) -> bool:
    """Make the login of ``./nightshift sql`` on a server of the shop's, if the login of ``url`` may."""
    try:
        with closing(postgres.connect(url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
            if not cursor.fetchone()[0]:  # type: ignore[index]  # there is one row
                return False
            user = reader_login(stack, secrets)
            _login(connection, user, secrets[PASSWORDS[READER]])
            _reader(cursor, user)
            return True
    except psycopg2.errors.InsufficientPrivilege:  # the role of the viewers is another administrator's
        return False


def _admin(stack: Stack, secrets: Mapping[str, str], admin: str) -> postgres.Connection:
    try:
        return postgres.connect(admin)
    except NightshiftError:
        _rename_superuser(stack, secrets, admin)
        return postgres.connect(admin)


def _rename_superuser(stack: Stack, secrets: Mapping[str, str], admin: str) -> None:
    """Give the superuser of an older server, who was called nightshift and owned everything, its name and password."""
    old = f"postgresql://nightshift:{secrets['postgres_password']}@127.0.0.1:{stack.ports['postgres']}/postgres"
    with closing(postgres.connect(old)) as connection, connection, connection.cursor() as cursor:
        _login(connection, _MOVING, secrets[PASSWORDS[ADMIN]])
        cursor.execute(sql.SQL("ALTER ROLE {} SUPERUSER").format(sql.Identifier(_MOVING)))
    moving = admin.replace(f"//{ADMIN}:", f"//{_MOVING}:", 1)
    with closing(postgres.connect(moving)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("ALTER ROLE nightshift RENAME TO {}").format(sql.Identifier(ADMIN)))
        _login(connection, ADMIN, secrets[PASSWORDS[ADMIN]])


def _role(cursor: Any, name: str) -> None:
    cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,))
    if not cursor.rowcount:
        cursor.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(name)))


def _login(connection: postgres.Connection, name: str, password: str) -> None:
    """Make a login, or give it this password. The server gets no plain text, which it might log."""
    with connection.cursor() as cursor:
        _role(cursor, name)
        hidden = extensions.encrypt_password(password, name, connection, "scram-sha-256")
        cursor.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(name), sql.Literal(hidden)))


def _reader(cursor: Any, name: str) -> None:
    cursor.execute(_granted(("nightshift_viewer",), name))
    cursor.execute(sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(sql.Identifier(name)))


def _granted(roles: tuple[str, ...], user: str) -> sql.Composed:
    return sql.SQL("GRANT {} TO {}").format(sql.SQL(", ").join(map(sql.Identifier, roles)), sql.Identifier(user))

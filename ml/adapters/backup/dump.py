"""A database into a folder and back: pg_dump's directory format, one file a table, so that what did not change is kept once."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.adapters import postgres
from ml.adapters.postgres import programs
from ml.core.errors import NightshiftError

OURS = ("ml", "ml_batch", "ml_ops", "ml_config")
"""Nightshift's schemas."""

_TABLES = """
SELECT n.nspname AS schema, c.relname AS name FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname = ANY(%s) ORDER BY 1, 2
"""

_ROLES = """
SELECT DISTINCT r.rolname AS role FROM (
    SELECT c.relacl AS acl FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = ANY(%(schemas)s)
    UNION ALL SELECT nspacl FROM pg_namespace WHERE nspname = ANY(%(schemas)s)
    UNION ALL SELECT p.proacl FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE n.nspname = ANY(%(schemas)s)
    UNION ALL SELECT d.defaclacl FROM pg_default_acl AS d JOIN pg_namespace AS n ON n.oid = d.defaclnamespace
        WHERE n.nspname = ANY(%(schemas)s)
) AS granted CROSS JOIN LATERAL aclexplode(acl) AS entry JOIN pg_roles AS r ON r.oid = entry.grantee
WHERE r.rolname <> current_user ORDER BY 1
"""

_DROP_PUBLIC = b"""
DO $$ DECLARE old record; BEGIN
    FOR old IN SELECT format('DROP TABLE IF EXISTS public.%I CASCADE', tablename) AS sql FROM pg_tables WHERE schemaname = 'public'
    LOOP EXECUTE old.sql; END LOOP;
END $$;
"""


@dataclass(frozen=True)
class Snapshot:
    """One instant of the database, as long as the transaction is open that exported it."""

    url: str
    name: str
    cursor: Any

    def rows(self, sql: str, params: object = ()) -> list[dict[str, Any]]:
        """Rows of a query, as of the instant."""
        self.cursor.execute(sql, params or None)
        return [dict(row) for row in self.cursor.fetchall()]

    def counts(self, schemas: Sequence[str]) -> dict[str, int]:
        """Rows of each table of ``schemas``."""
        return _counts(self.cursor, schemas)

    def roles(self, schemas: Sequence[str]) -> list[str]:
        """Who was granted something in ``schemas``, the owner aside."""
        return [row["role"] for row in self.rows(_ROLES, {"schemas": list(schemas)})]


@contextmanager
def snapshot(url: str) -> Iterator[Snapshot]:
    """Hold one instant of the database; every dump in the block is of it."""
    import psycopg2.extras

    with closing(postgres.connect(url)) as connection:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute("SELECT set_config('idle_in_transaction_session_timeout', '0', true)")
            cursor.execute("SELECT pg_export_snapshot() AS name")
            row = cursor.fetchone()
            assert row is not None
            yield Snapshot(url, row["name"], cursor)


def dump(url: str, folder: Path, schemas: Sequence[str] = (), *, of: Snapshot | None = None) -> None:
    """Write a database, or its ``schemas``, into ``folder``; owners are left out: what is restored belongs to who restores."""
    program = programs.client_of(url) / "pg_dump"
    chosen = [f"--schema={name}" for name in schemas]
    instant = [f"--snapshot={of.name}"] if of else []
    # The quickest gzip: pg_dump writes no time into it, so the same rows are the same file.
    programs.run(
        url, program, "--format=directory", "--compress=gzip:1", "--no-owner", f"--file={folder}", *chosen, *instant
    )


def restore(url: str, folder: Path, schemas: Sequence[str] = ()) -> None:
    """Let the content of a dump take the place of ``schemas`` (or of all in ``public``), in one transaction: whole, or not.

    Raises
    ------
    NightshiftError
        The server refused; everything is as it was.
    """
    client = programs.client_of(url)
    names = ", ".join(f'"{name}"' for name in schemas)
    drop = f"DROP SCHEMA IF EXISTS {names} CASCADE;\n".encode() if schemas else _DROP_PUBLIC
    old = postgres.query(url, "SELECT current_setting('server_version_num')::int < 170000 AS old")[0]["old"]

    def script() -> Iterator[bytes]:
        yield drop
        with subprocess.Popen(
            [client / "pg_restore", "--file=-", "--no-owner", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as reading:
            assert reading.stdout is not None
            for line in reading.stdout:
                if not (old and line.startswith(b"SET transaction_timeout")):
                    yield line
            if reading.wait():
                yield b"\\warn the dump cannot be read\nSELECT 1/0;\n"

    programs.run(
        url, client / "psql", "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", lines=script()
    )


def refuse_missing_roles(url: str, wanted: Sequence[str]) -> None:
    """Raise if a role that the backup grants something to is not on the server of ``url``."""
    present = {row["rolname"] for row in postgres.query(url, "SELECT rolname FROM pg_roles")}
    if missing := [role for role in wanted if role not in present]:
        raise NightshiftError(
            "Roles that the backup grants rights to are not on this server.",
            came=", ".join(missing),
            do="have the server's administrator run:\n" + "\n".join(f'CREATE ROLE "{role}";' for role in missing),
        )


def counts(url: str, schemas: Sequence[str]) -> dict[str, int]:
    """Rows of each table of ``schemas`` now."""
    with postgres.transaction(url, readonly=True) as cursor:
        return _counts(cursor, schemas)


def _counts(cursor: Any, schemas: Sequence[str]) -> dict[str, int]:
    from psycopg2 import sql

    cursor.execute(_TABLES, (list(schemas),))
    found = {}
    for table in [(row["schema"], row["name"]) for row in cursor.fetchall()]:
        cursor.execute(sql.SQL("SELECT count(*) AS n FROM {}").format(sql.Identifier(*table)))
        found[".".join(table)] = int(cursor.fetchone()["n"])
    return found

"""Postgres: connect, migrate, query, and COPY Arrow batches into a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
import psycopg2.extras

from ml.adapters.postgres.pgcopy import copy_arrow
from ml.core.errors import NightshiftError, Unreachable
from ml.core.outages import mends
from ml.core.spec import PublishedKind

__all__ = ["APPLICATION", "TYPES", "connect", "copy_arrow", "migrate", "query", "transaction"]

Connection = psycopg2.extensions.connection
Cursor = psycopg2.extras.RealDictCursor

APPLICATION = "nightshift"
TYPES: Mapping[PublishedKind, str] = {
    "text": "text",
    "integer": "bigint",
    "number": "double precision",
    "boolean": "boolean",
    "timestamp": "timestamptz",
    "texts": "text[]",
    "integers": "integer[]",
    "numbers": "real[]",
    "vector": "halfvec",
}
"""Postgres type of each kind of column."""

ROLES = (
    "nightshift_console",
    "nightshift_extract",
    "nightshift_publish",
    "nightshift_staff",
    "nightshift_viewer",
    "shop_reader",
)
CONSOLE = "nightshift_console"
"""As whom the pages in Airflow act."""
READERS = ("shop_reader", "nightshift_viewer", CONSOLE)
"""Who reads schema ``ml``: the shop, ``./nightshift sql``, and the pages in Airflow."""

_READS = (
    ("nightshift_extract", "shop"),
    ("nightshift_extract", "ml_ops"),
    ("nightshift_viewer", "shop"),
    ("nightshift_viewer", "ml_ops"),
    ("nightshift_publish", "ml_config"),
    ("nightshift_staff", "ml_config"),
    ("nightshift_console", "ml_ops"),
    ("shop_reader", "ml"),
    ("shop_reader", "ml_config"),
)
"""A schema that each role may use once the grants are in force."""

_ADVICE = (
    (
        ("password authentication failed", "no password supplied"),
        "correct user and password in the URL; in it write @ as %40, : as %3A, / as %2F, ? as %3F, # as %23, % as %25",
    ),
    (("certificate", "SSL", "no encryption"), "see sslmode and sslrootcert in the URL (docs/your-database.md)"),
    (
        ("does not exist", "permission denied for database", "no pg_hba.conf entry"),
        "run ./nightshift database check: it prints what the server's administrator has to run",
    ),
)
_SQL = Path(__file__).parent / "sql"


def connect(
    url: str, *, role: str | None = None, readonly: bool = False, application_name: str = APPLICATION
) -> Connection:
    """Connect to the database at ``url``.

    Parameters
    ----------
    url : str
        libpq URL or keyword string (``postgresql://user@host/database``).
    role : str, optional
        Act as this role, with its rights only.
    readonly : bool
        Refuse every write.

    Raises
    ------
    NightshiftError
        The URL cannot be read, the server cannot be reached, or the role may not be taken. No message holds the password.
    """
    parts: dict[str, str] = {}
    with suppress(psycopg2.ProgrammingError):
        parts = psycopg2.extensions.parse_dsn(url)
    if not parts or "@" in parts.get("host", ""):  # an @ in the host is the rest of a password that was not escaped
        raise NightshiftError(
            "The database URL cannot be read.",
            came="(not shown: it may hold a password)",
            do="write it as postgresql://user:password@host:5432/database, without +psycopg2; "
            "escape special characters in the password as %XX",
        )
    try:
        connection: Connection = psycopg2.connect(**_options(parts), application_name=application_name)
    except psycopg2.OperationalError as error:
        kind = Unreachable if mends(error) else NightshiftError
        raise kind(
            "The database cannot be reached.",
            came=f"{_where(parts)}: {_without_password(str(error).strip(), parts)}",
            do=_advice(str(error)),
        ) from None
    if role:
        try:
            with connection, connection.cursor() as cursor:
                _act_as(cursor, role, local=False)
        except NightshiftError:
            connection.close()
            raise
    connection.set_session(readonly=readonly)
    return connection


def _act_as(cursor: Any, role: str, *, local: bool) -> None:
    """Take the rights of ``role``, with ``local`` until the transaction ends: a pooler gives the session to others."""
    try:
        cursor.execute("SELECT set_config('role', %s, %s)", (role, local))
    except psycopg2.Error as error:
        raise NightshiftError(
            f"This login may not act as {role}.",
            came=str(error).strip(),
            do=f"GRANT {role} TO your login (./nightshift database check prints what an administrator has to run)",
        ) from None


def _advice(error: str) -> str:
    """What mends a connection that was refused, by the server's words."""
    for words, advice in _ADVICE:
        if any(word in error for word in words):
            return advice
    return "see that the server runs (./nightshift status) and that NIGHTSHIFT_DATABASE_URL names it"


def _options(parts: Mapping[str, str]) -> dict[str, Any]:
    # Without keepalives a lock's idle connection dies unseen behind a firewall.
    return {"connect_timeout": 10, "keepalives_idle": 60} | dict(parts)


def _where(parts: Mapping[str, str]) -> str:
    return f"{parts.get('user', '')}@{parts.get('host', 'localhost')}:{parts.get('port', '5432')}/{parts.get('dbname')}"


def _without_password(text: str, parts: Mapping[str, str]) -> str:
    password = parts.get("password")
    return text.replace(password, "***") if password else text


@contextmanager
def transaction(url: str, *, role: str | None = None, readonly: bool = False) -> Iterator[Cursor]:
    """A cursor in one transaction on its own connection: committed at the end, rolled back by an error.

    Its rows are dictionaries.
    """
    with (
        closing(connect(url, readonly=readonly)) as connection,
        connection,
        connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor,
    ):
        if role:
            _act_as(cursor, role, local=True)
        yield cursor


def query(url: str, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
    """Rows of one read-only statement, as dictionaries."""
    with transaction(url, readonly=True) as cursor:
        cursor.execute(sql, params or None)
        return [dict(row) for row in cursor.fetchall()]


def migrate(url: str) -> tuple[str, ...]:
    """Bring schemas, tables and roles of Nightshift up to date; does nothing when they are. Two at once are safe.

    Returns
    -------
    tuple of str
        What was done or skipped, in words.
    """
    from ml.adapters.postgres import acting

    files = {int(path.name[:4]): path for path in sorted(_SQL.glob("[0-9][0-9][0-9][0-9]_*.sql"))}
    with transaction(url) as cursor:
        if _pending(cursor, files) or _unrolled(cursor) or acting.to_hand_over(cursor):
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('nightshift migrate', 0))")
        else:
            return ()
        notes = [_apply(cursor, number, files[number]) for number in _pending(cursor, files)]
        return (*notes, *_roles(cursor), *acting.hand_over(cursor))


def newest_migration() -> int:
    """The last migration that this version knows."""
    return max(int(path.name[:4]) for path in _SQL.glob("[0-9][0-9][0-9][0-9]_*.sql"))


def _pending(cursor: Cursor, files: Mapping[int, Path]) -> list[int]:
    # A scan, not to_regclass: that answers from a cache which may be older than the lock that was waited for.
    cursor.execute(
        """
        SELECT count(*) AS found FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = 'ml_ops' AND c.relname = 'migration'
        """
    )
    if not _one(cursor)["found"]:
        return sorted(files)
    cursor.execute("SELECT number FROM ml_ops.migration")
    applied = {row["number"] for row in cursor.fetchall()}
    if unknown := applied - set(files):
        raise NightshiftError(
            "The database was migrated by a newer Nightshift.",
            came=f"migration {max(unknown)}; this version knows up to {max(files)}",
            do="update Nightshift, or use another database",
        )
    return sorted(set(files) - applied)


def _apply(cursor: Cursor, number: int, path: Path) -> str:
    try:
        cursor.execute(path.read_text(encoding="utf-8"))
    except psycopg2.errors.InsufficientPrivilege as error:
        raise NightshiftError(
            "This login may not create Nightshift's schemas.",
            came=str(error).strip(),
            do="let the database's owner run it once (./nightshift up with an owner's NIGHTSHIFT_DATABASE_URL), "
            "or GRANT CREATE ON DATABASE to the login",
        ) from None
    cursor.execute("INSERT INTO ml_ops.migration (number, name) VALUES (%s, %s)", (number, path.name))
    return f"applied {path.name}"


def _unrolled(cursor: Cursor) -> list[str]:
    """The grant files that this login could run and that are not in force."""
    cursor.execute(
        """
        SELECT (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user) AS may_create,
               (SELECT count(*) FROM pg_roles WHERE rolname = ANY(%(roles)s)) < cardinality(%(roles)s) AS missing,
               EXISTS (SELECT FROM pg_namespace WHERE nspname = 'ml_config') AS ml,
               EXISTS (SELECT FROM pg_roles AS r JOIN unnest(%(role)s, %(schema)s) AS want (role, schema)
                   ON r.rolname = want.role JOIN pg_namespace AS n ON n.nspname = want.schema
                   WHERE n.nspname <> 'shop' AND NOT has_schema_privilege(r.oid, n.oid, 'USAGE')) AS ours,
               EXISTS (SELECT FROM pg_roles AS r JOIN unnest(%(role)s, %(schema)s) AS want (role, schema)
                   ON r.rolname = want.role JOIN pg_namespace AS n ON n.nspname = want.schema
                   WHERE n.nspname = 'shop' AND NOT has_schema_privilege(r.oid, n.oid, 'USAGE')) AS shop,
               EXISTS (SELECT FROM pg_namespace WHERE nspname = 'shop') AS has_shop
        """,
        {"roles": list(ROLES), "role": [r for r, _ in _READS], "schema": [s for _, s in _READS]},
    )
    row = _one(cursor)
    creates_roles = row["missing"] and row["may_create"]
    files = ["roles.sql"] if row["ml"] and (creates_roles or row["ours"]) else []
    return files + (["shop_grants.sql"] if row["shop"] or (row["has_shop"] and creates_roles) else [])


def _roles(cursor: Cursor) -> list[str]:
    """Create the roles and grant them their rights, as far as this login may."""
    notes = []
    for name in _unrolled(cursor):
        cursor.execute("SAVEPOINT roles")
        try:
            cursor.execute((_SQL / name).read_text(encoding="utf-8"))
            notes.append(f"applied {name}")
        except psycopg2.errors.InsufficientPrivilege as error:
            cursor.execute("ROLLBACK TO SAVEPOINT roles")
            notes.append(f"skipped {name}: {str(error).strip()}; an administrator may run it")
    cursor.execute("SELECT count(*) AS n FROM pg_roles WHERE rolname = ANY(%s)", (list(ROLES),))
    if _one(cursor)["n"] < len(ROLES):
        notes.append(
            "skipped roles: this login may not create roles; ./nightshift database check prints what creates them"
        )
    return notes


def _one(cursor: Cursor) -> Any:
    row = cursor.fetchone()
    assert row is not None
    return row

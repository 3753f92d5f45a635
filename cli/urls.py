"""The databases' addresses: of each service, of the embedded server's superuser, of the one who only looks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, unquote, urlsplit, urlunsplit

from ml.core.errors import WrongUse

if TYPE_CHECKING:
    from cli.environment import Stack
    from cli.home import Home

DATABASE = "nightshift"
ADMIN, READER = "postgres", "nightshift_sql"
OWNERS = {DATABASE: "nightshift", "airflow": "nightshift_airflow", "mlflow": "nightshift_mlflow"}
"""Login that owns each database of the embedded server."""

PASSWORDS = {
    ADMIN: "postgres_admin_password",
    "nightshift": "postgres_password",
    "nightshift_airflow": "airflow_database_password",
    "nightshift_mlflow": "mlflow_database_password",
    READER: "reader_password",
}
"""The secret that is the password of each login of the embedded server."""

_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
_BAD_PORT = re.compile(r":(?!\d+(,|$))(?![^\[]*\])")


def check_url(url: str, name: str = "NIGHTSHIFT_DATABASE_URL") -> None:
    """Raise unless ``url`` is a libpq URL that names a database and is read alike by all who get it."""
    parts = urlsplit(url)
    user, _, where = parts.netloc.rpartition("@")
    wrong = [
        (parts.scheme not in {"postgresql", "postgres"}, f"the scheme {parts.scheme!r}"),
        (not parts.path.strip("/"), "no database"),
        (
            "@" in user or "@" in parts.path or bool(parts.fragment) or bool(_BAD_ESCAPE.search(user)),
            "a bare @, /, # or %",
        ),
        (bool(_BAD_PORT.search(where)), "a port that is no number"),
    ]
    if came := [words for is_wrong, words in wrong if is_wrong]:
        raise WrongUse(
            "The database URL is not usable.",
            came=f"{name} with {' and '.join(came)} (not shown: it may hold a password)",
            do="write it as postgresql://user:password@host:5432/database; in user and password write @ as %40, "
            ": as %3A, / as %2F, ? as %3F, # as %23, % as %25",
        )


def beside(url: str, name: str) -> str:
    """``url`` with another database; user and password escaped, so that nobody reads a $ or : as something else."""
    parts = urlsplit(url)
    user, at, where = parts.netloc.rpartition("@")
    escaped = ":".join(quote(unquote(word), safe="") for word in user.split(":", 1))
    return f"postgresql://{escaped}{at}{where}/{quote(name)}" + (f"?{parts.query}" if parts.query else "")


def database_urls(stack: Stack, secrets: Mapping[str, str]) -> dict[str, str]:
    """URL (libpq) of each of the three databases: nightshift, airflow, mlflow.

    On the embedded server each is of a login that owns it and may nothing else.
    """
    named = stack.given.get("NIGHTSHIFT_DATABASE_URL")
    if named:
        own = unquote(urlsplit(named).path.strip("/"))
        return {"nightshift": beside(named, own)} | {n: beside(named, f"{own}_{n}") for n in ("airflow", "mlflow")}
    return {name: _embedded(stack, secrets, user, name) for name, user in OWNERS.items()}


def admin_url(stack: Stack, secrets: Mapping[str, str]) -> str:
    """URL of the embedded server's superuser: for making databases and logins, and for nothing else."""
    return _embedded(stack, secrets, ADMIN, "postgres")


def reader_url(stack: Stack, secrets: Mapping[str, str]) -> str:
    """URL of the login of ``./nightshift sql``; on a server of the shop's there may be no such login."""
    url = database_urls(stack, secrets)["nightshift"]
    if stack.postgres:
        return _embedded(stack, secrets, READER, DATABASE)
    parts = urlsplit(url)
    where = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{reader_login(stack, secrets)}:{secrets[PASSWORDS[READER]]}@{where}"))


def reader_login(stack: Stack, secrets: Mapping[str, str]) -> str:
    """Name of the login of ``./nightshift sql``; a server may serve several stacks, each with its own password."""
    return READER if stack.postgres else f"{READER}_{secrets['stack_id'][:8]}"


def pgpass(stack: Stack, secrets: Mapping[str, str]) -> str:
    """The file (libpq's pgpass) of passwords for the two logins that a person uses on the embedded server."""
    if not stack.postgres:
        return ""
    users = (OWNERS[DATABASE], READER)
    return "".join(f"127.0.0.1:{stack.ports['postgres']}:*:{user}:{secrets[PASSWORDS[user]]}\n" for user in users)


def login_url(home: Home, stack: Stack, secrets: Mapping[str, str]) -> str:
    """URL that a person can log in with; the password is in no place where others can read it."""
    if stack.postgres:
        where = f"127.0.0.1:{stack.ports['postgres']}/{DATABASE}"
        return f"postgresql://{OWNERS[DATABASE]}@{where}?passfile={quote(str(home.pgpass_file))}"
    parts = urlsplit(database_urls(stack, secrets)["nightshift"])
    user, at, where = parts.netloc.rpartition("@")
    kept = "&".join(word for word in parts.query.split("&") if not word.lower().startswith(("password", "sslpassword")))
    return urlunsplit(parts._replace(netloc=user.split(":", 1)[0] + at + where, query=kept))


def _embedded(stack: Stack, secrets: Mapping[str, str], user: str, database: str) -> str:
    return f"postgresql://{user}:{secrets[PASSWORDS[user]]}@127.0.0.1:{stack.ports['postgres']}/{database}"


def sqlalchemy(url: str) -> str:
    """``url`` for SQLAlchemy, with the driver that we install."""
    return "postgresql+psycopg2" + url[url.index(":") :]


def asynchronous(url: str) -> str:
    """``url`` for Airflow's asynchronous sessions: asyncpg knows ``ssl`` where libpq says ``sslmode``."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    kept = "&".join(
        [f"ssl={value}" for value in query.get("sslmode", [])] + [f"host={quote(v)}" for v in query.get("host", [])]
    )
    return urlunsplit(parts._replace(scheme="postgresql+asyncpg", query=kept))

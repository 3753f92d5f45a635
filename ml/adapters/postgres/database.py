"""Looks at a server of the shop's own before anything is made there: what fits, what does not, what mends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psycopg2.extras
from psycopg2.extensions import parse_dsn

from ml.adapters.postgres import ROLES, Connection, connect
from ml.core.errors import NightshiftError, WrongUse

OLDEST = 13
CONNECTIONS = 30
"""That the stack has open on a busy night: Airflow some 20, MLflow 5, tasks and their locks the rest."""

_FACTS = (Path(__file__).parent / "sql" / "database.sql").read_text


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. ``sql`` is what an administrator runs to mend it, in the database ``within``."""

    state: Literal["fits", "note", "fault"]
    text: str
    sql: tuple[str, ...] = ()
    within: str = ""


def examine(urls: Mapping[str, str]) -> list[Finding]:
    """Look at the server and at each database of ``urls`` (nightshift, airflow, mlflow); changes nothing."""
    parts = {name: parse_dsn(url) for name, url in urls.items()}
    names = {name: part["dbname"] for name, part in parts.items()}
    try:
        connection = connect(urls["nightshift"], readonly=True)
    except NightshiftError as error:
        if "does not exist" not in error.came or "database" not in error.came:
            return [Finding("fault", f"{error.what} {error.came}; {error.do}")]
        found = _beside(urls["nightshift"], names["nightshift"], error)
        if isinstance(found, Finding):
            return [found]
        connection = found
    with closing(connection):
        facts = _facts(connection, list(names.values()))
        findings = [*_server(connection, facts), *_login(facts), *_databases(facts, names), *_roles(facts)]
    present = {row["name"] for row in facts["databases"]}
    for name, database in names.items():
        if database in present:
            findings += _inside(urls[name], name, database, str(facts["login"]))
    return findings


def refuse(urls: Mapping[str, str]) -> None:
    """Raise with all faults at once, and the SQL that mends them, unless the server can be used."""
    findings = examine(urls)
    faults = [finding for finding in findings if finding.state == "fault"]
    if faults:
        sql = script(faults)
        raise WrongUse(
            "The database of NIGHTSHIFT_DATABASE_URL cannot be used as it is.",
            came="\n".join(finding.text for finding in faults),
            do=(f"have the server's administrator run in psql:\n{sql}\n" if sql else "")
            + "./nightshift database check tells all that was looked at",
        )


def script(findings: Sequence[Finding]) -> str:
    """The SQL of all findings, for psql; statements of one database stand together."""
    lines, now = [], ""
    for finding in sorted(findings, key=lambda one: one.within):
        if finding.sql and finding.within != now:
            lines.append(f"\\connect {_quoted(finding.within)}")
            now = finding.within
        lines += finding.sql
    return "\n".join(lines)


def _beside(url: str, name: str, error: NightshiftError) -> Connection | Finding:
    """Connect to another database of a server that lacks ours, to see the rest."""
    for other in ("postgres", "template1"):
        try:
            return connect(psycopg2.extensions.make_dsn(url, dbname=other), readonly=True)
        except NightshiftError:
            continue
    create = f"CREATE DATABASE {_quoted(name)} OWNER {_quoted(parse_dsn(url).get('user', ''))};"
    return Finding("fault", f"the database {name} is not there ({error.came})", (create,))


def _facts(connection: Connection, names: Sequence[str]) -> dict[str, Any]:
    with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        cursor.execute(_FACTS(encoding="utf-8"), {"databases": list(names), "roles": list(ROLES)})
        row = cursor.fetchone()
        assert row is not None
        return dict(row)


def _server(connection: Connection, facts: Mapping[str, Any]) -> Iterator[Finding]:
    version = connection.server_version // 10_000
    yield Finding("fits" if version >= OLDEST else "fault", f"PostgreSQL {version} (at least {OLDEST} is needed)")
    if facts["standby"]:
        yield Finding("fault", "the server is a standby and takes no writes: name the primary")
    elif facts["readonly"]:
        login = _quoted(facts["login"])
        mend = (f"ALTER ROLE {login} SET default_transaction_read_only = off;",)
        yield Finding("fault", "every transaction of this login is read only", mend)
    if facts["encoding"] != "UTF8":
        yield Finding(
            "fault", f"the encoding is {facts['encoding']}, must be UTF8: make the databases with ENCODING 'UTF8'"
        )
    encrypted = bool(connection.info.ssl_in_use)
    local = connection.info.host in {"", "localhost", "127.0.0.1", "::1"} or connection.info.host.startswith("/")
    yield Finding(
        "fits" if encrypted or local else "note",
        "the connection is encrypted"
        if encrypted
        else "the connection is not encrypted"
        + ("" if local else ": password and rows can be read on the way (sslmode=verify-full, docs/your-database.md)"),
    )
    if connection.info.backend_pid != facts["backend"]:
        yield Finding(
            "note",
            f"a pooler stands before the server: it has to give this login {CONNECTIONS} connections, in session or "
            "transaction mode, without query_timeout and idle_transaction_timeout",
        )
    elif facts["connections"] < CONNECTIONS:
        yield Finding(
            "note", f"at most {facts['connections']} connections at once; a busy night takes up to {CONNECTIONS}"
        )


def _login(facts: Mapping[str, Any]) -> Iterator[Finding]:
    login = _quoted(facts["login"])
    if facts["superuser"]:
        yield Finding(
            "note", f"the login {facts['login']} is a superuser: an ordinary one that owns its databases is enough"
        )
    else:
        yield Finding("fits", f"the login {facts['login']} is no superuser")
    if facts["statement_timeout"] != "0":
        mend = (f"ALTER ROLE {login} SET statement_timeout = 0;",)
        yield Finding(
            "note", f"statements end after {facts['statement_timeout']}, loading a table may take longer", mend
        )


def _databases(facts: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[Finding]:
    login, present = _quoted(facts["login"]), {row["name"]: row for row in facts["databases"]}
    for name in names.values():
        if name not in present:
            create = f"CREATE DATABASE {_quoted(name)} OWNER {login};"
            state: Literal["note", "fault"] = "note" if facts["may_create_databases"] else "fault"
            outlook = ": it will be made" if state == "note" else ", and the login may not create it"
            yield Finding(state, f"the database {name} is not there{outlook}", (create,) if state == "fault" else ())
        elif not present[name]["may_connect"]:
            yield Finding(
                "fault",
                f"the login may not connect to {name}",
                (f"GRANT CONNECT ON DATABASE {_quoted(name)} TO {login};",),
            )


def _roles(facts: Mapping[str, Any]) -> Iterator[Finding]:
    login, missing = _quoted(facts["login"]), [role for role in ROLES if role not in facts["roles"]]
    if missing and facts["may_create_roles"]:
        yield Finding("note", f"roles that are not there will be made: {', '.join(missing)}")
    elif missing:
        yield Finding(
            "note",
            f"the login may not create roles, and {', '.join(missing)} are not there: nights run, and there is no role "
            "yet to give to the shop's own logins",
            tuple(f"CREATE ROLE {_quoted(role)} NOLOGIN;" for role in missing),
        )
    else:
        yield Finding("fits", "the roles are there: " + ", ".join(ROLES))
    if not facts["may_view"] and not facts["may_create_roles"]:
        text = "./nightshift sql reads with the rights of the login, in a transaction that is read only"
        yield Finding("note", text, (f"GRANT nightshift_viewer TO {login};",))
    if not facts["may_act"] and not facts["may_create_roles"]:
        text = "the pages in Airflow act as nightshift_console, and the login is no member of it"
        yield Finding("note", text, (f"GRANT nightshift_console TO {login};",))
    if not facts["may_step"] and not facts["may_create_roles"]:
        text = "nights read the shop and publish with all rights of the login, not as nightshift_extract and nightshift_publish"
        yield Finding("note", text, (f"GRANT nightshift_extract, nightshift_publish TO {login};",))


def _inside(url: str, name: str, database: str, login: str) -> Iterator[Finding]:
    try:
        connection = connect(url, readonly=True)
    except NightshiftError as error:
        yield Finding("fault", f"{database}: {error.came}; {error.do}")
        return
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_database_privilege(current_database(), 'CREATE'), has_schema_privilege('public', 'CREATE'), "
            "to_regclass('ml_ops.migration') IS NOT NULL"
        )
        may_schemas, may_tables, migrated = cursor.fetchone()  # type: ignore[misc]  # there is one row
    if name == "nightshift":
        grant = f"GRANT CREATE ON DATABASE {_quoted(database)} TO {_quoted(login)};"
        fits, what = may_schemas or migrated, "schemas"
    else:
        grant = f"GRANT USAGE, CREATE ON SCHEMA public TO {_quoted(login)};"
        fits, what = may_tables, "tables"
    if fits:
        yield Finding("fits", f"{database}: the login may create {what}")
    else:
        yield Finding("fault", f"{database}: the login may not create {what}", (grant,), database)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

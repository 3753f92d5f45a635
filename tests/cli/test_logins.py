"""The embedded server's logins: each service owns its database and may nothing else; an old server is brought there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from cli import logins, main, postgres, sql, urls
from cli.environment import Stack
from cli.home import Home, write_private
from ml.adapters import postgres as adapter
from ml.core.errors import NightshiftError
from tests.own_server import own_server

ROLES = "SELECT rolname, rolsuper OR rolcreaterole OR rolcreatedb AS mighty FROM pg_roles WHERE rolcanlogin ORDER BY 1"


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Stack, dict[str, str]]]:
    """A server as an older version made it: one superuser, nightshift, who owns everything."""
    monkeypatch.setattr(postgres, "ADMIN", "nightshift")
    monkeypatch.setitem(urls.PASSWORDS, "nightshift", "postgres_password")
    with own_server() as server:
        yield server


def test_an_old_servers_superuser_is_retired(old: tuple[Stack, dict[str, str]]) -> None:
    """After it nightshift owns its database and its rows and is no superuser; each login gets into its own place only."""
    stack, secrets = old
    root = f"postgresql://nightshift:{secrets['postgres_password']}@127.0.0.1:{stack.ports['postgres']}"
    with closing(psycopg2.connect(f"{root}/postgres")) as connection:
        connection.autocommit = True
        connection.cursor().execute("CREATE DATABASE nightshift")
    adapter.migrate(f"{root}/nightshift")
    with adapter.transaction(f"{root}/nightshift") as cursor:
        cursor.execute(
            "CREATE TYPE ml.mood AS ENUM ('a'); CREATE FUNCTION ml.f() RETURNS int LANGUAGE sql AS 'SELECT 1';"
            "CREATE TABLE ml_batch.t (n int GENERATED ALWAYS AS IDENTITY, m ml.mood); CREATE VIEW ml.v AS TABLE ml_batch.t;"
            "INSERT INTO ml_batch.t (m) VALUES ('a'); GRANT SELECT ON ml.v TO shop_reader; CREATE SCHEMA shop"
        )
    for _ in range(2):  # the second time there is nothing to do
        logins.ensure(stack, secrets)
    own = urls.database_urls(stack, secrets)
    adapter.migrate(own["nightshift"])
    assert [(row["rolname"], row["mighty"]) for row in adapter.query(own["nightshift"], ROLES)] == [
        ("nightshift", False),
        ("nightshift_airflow", False),
        ("nightshift_mlflow", False),
        ("nightshift_sql", False),
        ("postgres", True),
    ]
    with adapter.transaction(own["nightshift"]) as cursor:
        cursor.execute("INSERT INTO ml_batch.t (m) VALUES ('a'); DROP TABLE ml_batch.t CASCADE; DROP SCHEMA shop")
        cursor.execute("CREATE OR REPLACE FUNCTION ml.f() RETURNS int LANGUAGE sql AS 'SELECT 2'; DROP TYPE ml.mood")
    for database, url in own.items():
        with adapter.transaction(url) as cursor:
            cursor.execute("CREATE TABLE public.own (a int)")
        for other in own:
            if other not in {database, "nightshift"}:
                with pytest.raises(NightshiftError, match="permission denied for database"):
                    adapter.connect(urls.beside(url, other))
    with pytest.raises(psycopg2.errors.InsufficientPrivilege), adapter.transaction(own["nightshift"]) as cursor:
        cursor.execute("COPY (SELECT 1) TO PROGRAM 'true'")
    with closing(adapter.connect(urls.reader_url(stack, secrets), readonly=True)) as connection:
        assert list(sql.ask(connection, "SELECT count(*) FROM ml_ops.batch", role="", timeout=5)[1]) == [(0,)]


def test_the_url_for_a_person_holds_no_password(tmp_path: Path) -> None:
    """What ``status`` shows logs in by a file that the owner alone may read; on a server elsewhere it asks."""
    home, secrets = Home(tmp_path / "it's"), {name: f"secret-{name}" for name in urls.PASSWORDS.values()}
    from cli.environment import Server

    stack = Stack({"postgres": 1}, {}, Server("/data", "/bin"))
    url = urls.login_url(home, stack, secrets)
    assert "secret" not in url
    assert psycopg2.extensions.parse_dsn(url)["passfile"] == str(home.pgpass_file)
    assert urls.pgpass(stack, secrets).splitlines()[0] == "127.0.0.1:1:*:nightshift:secret-postgres_password"
    named = Stack(
        {}, {"NIGHTSHIFT_DATABASE_URL": "postgresql://u:p@h/d?sslmode=require&password=p2&sslpassword=p3"}, None
    )
    assert urls.login_url(home, named, secrets) == "postgresql://u@h/d?sslmode=require"
    assert os.environ.get("PGPASSFILE") is None


@pytest.mark.parametrize(
    ("arguments", "user", "secret"),
    [
        ([], "nightshift", "postgres_password"),
        (["--read-only"], "nightshift_sql", "reader_password"),
        (["--admin"], "postgres", "postgres_admin_password"),
    ],
)
def test_psql_is_opened_without_a_password_on_its_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], user: str, secret: str
) -> None:
    """It gets the login that was asked for, the password by its environment, and what follows as it is."""
    from cli.environment import Server

    home = Home(tmp_path)
    home.ensure()
    write_private(home.stack_file, json.dumps(Stack({"postgres": 7}, {}, Server("/data", "/bin")).as_json()))
    called: list[tuple[str, list[str], dict[str, str]]] = []
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    monkeypatch.setattr(os, "execve", lambda *given: called.append(given))
    main.app(["psql", *arguments, "-c", "SELECT 1"], standalone_mode=False)
    [(program, line, environ)] = called
    assert (program, line[2:]) == ("/bin/psql", ["-c", "SELECT 1"])
    assert psycopg2.extensions.parse_dsn(line[1])["user"] == user
    assert environ["PGPASSWORD"] == home.secrets()[secret]
    assert not any(value in " ".join(line) for value in home.secrets().values())

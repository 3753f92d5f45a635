"""A look at a server of the shop's own: every fault at once, with the SQL that mends it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest

from ml.adapters import postgres
from ml.adapters.postgres import database as look
from ml.core.errors import WrongUse


def execute(url: str, script: str) -> None:
    """Run statements one by one, as psql does, also its command that connects to another database."""
    for line in script.splitlines():
        if line.startswith("\\connect"):
            url = psycopg2.extensions.make_dsn(url, dbname=line.split('"')[1])
            continue
        with closing(psycopg2.connect(url)) as connection:
            connection.autocommit = True
            connection.cursor().execute(line)


@pytest.fixture
def plain(database: str) -> Iterator[tuple[str, dict[str, str]]]:
    """URL of the superuser, and those of a login that may not create roles or databases; only one database is there."""
    name = database.split("/")[3].split("?", maxsplit=1)[0]
    execute(database, f"CREATE ROLE plain_{name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE")
    own = database.replace("postgres:@", f"plain_{name}@", 1)
    urls = {"nightshift": own} | {
        other: own.replace(f"/{name}?", f"/{name}_{other}?", 1) for other in ("airflow", "mlflow")
    }
    yield database, urls
    for other in ("airflow", "mlflow"):
        execute(database, f"DROP DATABASE IF EXISTS {name}_{other} WITH (FORCE)")
    execute(database, f"DROP OWNED BY plain_{name} CASCADE")
    execute(database, f"REVOKE ALL ON DATABASE {name} FROM plain_{name}")
    execute(database, f"DROP ROLE plain_{name}")


def test_all_faults_come_at_once_and_their_sql_mends_them(
    plain: tuple[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both missing databases and the missing right are told together; after the administrator's SQL all fits."""
    admin, urls = plain
    with pytest.raises(WrongUse) as caught:
        look.refuse(urls)
    assert caught.value.exit_code == 2
    for name in (
        "_airflow is not there",
        "_mlflow is not there",
        "may not create schemas",
        "CREATE DATABASE",
        "GRANT CREATE",
    ):
        assert name in str(caught.value)
    execute(admin, look.script(look.examine(urls)))
    look.refuse(urls)
    postgres.migrate(urls["nightshift"])
    monkeypatch.setattr(look, "ROLES", ("nobody_here",))
    missing = look.examine(urls)
    assert [one.sql for one in missing if "may not create roles" in one.text] == [
        ('CREATE ROLE "nobody_here" NOLOGIN;',)
    ]
    look.refuse(urls)  # nights run without roles


def test_a_database_that_another_owns_is_told(plain: tuple[str, dict[str, str]]) -> None:
    """In a database of another's, tables may not be made; the SQL names the database that it is for."""
    admin, urls = plain
    name = psycopg2.extensions.parse_dsn(urls["airflow"])["dbname"]
    execute(admin, f"CREATE DATABASE {name}\nCREATE DATABASE {name.replace('airflow', 'mlflow')}")
    faults = [one for one in look.examine(urls) if one.state == "fault"]
    assert [one.text.split(": ")[-1] for one in faults] == ["the login may not create schemas"] + [
        "the login may not create tables"
    ] * 2
    assert f'\\connect "{name}"\nGRANT USAGE, CREATE ON SCHEMA public TO' in look.script(faults)
    execute(admin, look.script(faults))
    assert [one for one in look.examine(urls) if one.state == "fault"] == []


def test_our_own_database_may_be_missing_too(plain: tuple[str, dict[str, str]]) -> None:
    """Then all three are named, by way of another database of the server."""
    urls = {name: url.replace("/test_", "/none_") for name, url in plain[1].items()}
    faults = [one for one in look.examine(urls) if one.state == "fault"]
    assert [one.text.split(",")[0].rsplit("_", 1)[-1][-12:] for one in faults] == ["is not there"] * 3


@pytest.mark.parametrize("url", ["postgresql://u:s3cret@127.0.0.1:1/x", "postgresql://u:s3cret@nosuch.invalid/x"])
def test_an_unreachable_server_is_one_fault(url: str) -> None:
    """It is told at once, without the password."""
    with pytest.raises(WrongUse, match="cannot be reached") as caught:
        look.refuse({"nightshift": url, "airflow": url, "mlflow": url})
    assert "s3cret" not in str(caught.value)

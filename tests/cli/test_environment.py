"""The environment that everything runs with."""

from __future__ import annotations

import json
import os
import socket
import ssl
from pathlib import Path
from urllib.parse import quote

import certifi
import pytest
from psycopg2.extensions import parse_dsn
from sqlalchemy.engine import make_url

from cli import asyncpg_arguments, environment, ports, urls
from cli import stack as stacks
from cli.environment import Server, Stack
from cli.home import Home
from cli.output import Steps
from ml.adapters.spark import session
from ml.core.errors import NightshiftError
from ml.settings import Settings

EMBEDDED = Stack({"postgres": 1, "airflow": 2, "mlflow": 3}, {}, Server("/data", "/bin"))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A state folder."""
    fresh = Home(tmp_path / "home")
    fresh.ensure()
    return fresh


def named(url: str) -> Stack:
    """A stack on a server elsewhere."""
    return Stack(EMBEDDED.ports, {"NIGHTSHIFT_DATABASE_URL": url}, None)


def test_settings_can_be_read_from_what_is_made(home: Home) -> None:
    """The pipeline's variables are whole: Settings reads them."""
    secrets = home.secrets()
    settings = Settings.from_env(environment.pipeline(home, EMBEDDED, secrets))
    assert settings.home == home.root
    assert settings.database_url == f"postgresql://nightshift:{secrets['postgres_password']}@127.0.0.1:1/nightshift"
    assert settings.hash_key == secrets["hash_key"]


def test_an_engine_reaches_the_tasks(home: Home, tmp_path: Path) -> None:
    """What ``up --engine spark`` is given is written into the stack and into the environment of Airflow, as a task reads it."""
    (tmp_path / "spark.conf").write_text("spark.executor.memory 2g\n")
    variables = {
        "NIGHTSHIFT_ENGINE": "spark",
        "NIGHTSHIFT_SPARK_MASTER": "spark://h:7077",
        "NIGHTSHIFT_SPARK_PROPERTIES": os.path.relpath(tmp_path / "spark.conf"),
    }
    wanted = environment.given(home, variables)
    stack = Stack(EMBEDDED.ports, wanted, EMBEDDED.postgres)
    home.stack_file.write_text(json.dumps(stack.as_json()))
    kept = Stack.last(home)
    assert kept == stack
    settings = Settings.from_env(environment.services(home, kept, home.secrets()))
    assert (settings.engine, settings.spark_master) == ("spark", "spark://h:7077")
    assert settings.spark_properties == tmp_path / "spark.conf"


def test_up_on_spark_refuses_before_anything_starts(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A master that does not answer ends the command; no database, no port, no stack file is made."""
    monkeypatch.setattr(session, "find_spec", lambda _: True)
    monkeypatch.setattr(session, "_java", lambda: None)
    variables = {"NIGHTSHIFT_ENGINE": "spark", "NIGHTSHIFT_SPARK_MASTER": "spark://127.0.0.1:1"}
    with pytest.raises(NightshiftError, match=r"does not answer(.|\n)*127\.0\.0\.1:1"):
        stacks.up(home, os.environ | variables, Steps(None))
    assert not home.stack_file.exists()
    assert not (home.root / "postgres").exists()


def test_a_named_server_gets_three_databases_beside_each_other(home: Home) -> None:
    """On a server of the shop's, Airflow and MLflow have databases that are named after ours."""
    urls = environment.database_urls(named("postgres://u:p%40@db:6/ours?sslmode=require"), home.secrets())
    assert urls == {
        "nightshift": "postgresql://u:p%40@db:6/ours?sslmode=require",
        "airflow": "postgresql://u:p%40@db:6/ours_airflow?sslmode=require",
        "mlflow": "postgresql://u:p%40@db:6/ours_mlflow?sslmode=require",
    }


def test_asyncpg_gets_its_own_words() -> None:
    """The asynchronous driver says ssl where libpq says sslmode, and knows none of libpq's other words."""
    url = "postgresql://u@db/x?sslmode=require&application_name=y"
    assert environment.asynchronous(url) == "postgresql+asyncpg://u@db/x?ssl=require"


@pytest.mark.parametrize("password", ["a$HOME", "p@ss/w:rd?#%", "100%", "é ü", "a+b&c=d"])
def test_every_reader_of_a_url_gets_the_same_password(home: Home, password: str) -> None:
    """Escaped as the message says, any password arrives at psycopg2, SQLAlchemy and asyncpg; no $ is left to expand."""
    url = f"postgresql://us%40er:{quote(password, safe='')}@db:6/ours"
    variables = environment.services(home, named(url), home.secrets())
    for name in (
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC",
        "MLFLOW_BACKEND_STORE_URI",
    ):
        parts = make_url(variables[name])
        assert (parts.username, parts.password, os.path.expandvars(variables[name])) == (
            "us@er",
            password,
            variables[name],
        )
    assert parse_dsn(variables["NIGHTSHIFT_DATABASE_URL"])["password"] == password


def test_airflows_asynchronous_driver_verifies_as_the_url_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """A root certificate is used, the host's name compared with verify-full alone; behind a pooler no statement is kept."""
    root = f"postgresql+psycopg2://u@h/d?sslrootcert={certifi.where()}&sslmode="
    contexts = [asyncpg_arguments.arguments(root + mode)["ssl"] for mode in ("verify-full", "verify-ca")]
    assert [(one.verify_mode, one.check_hostname) for one in contexts] == [
        (ssl.CERT_REQUIRED, True),
        (ssl.CERT_REQUIRED, False),
    ]
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql+psycopg2://u@h/d?sslmode=require")
    assert "ssl" not in asyncpg_arguments.ARGUMENTS
    assert asyncpg_arguments.ARGUMENTS["statement_cache_size"] == 0


def test_a_bare_sign_that_all_read_alike_is_escaped_for_them() -> None:
    """A $ or : that libpq takes as it is would be expanded by Airflow; it is escaped on the way."""
    assert urls.beside("postgresql://u:a$b:c@h1:1,h2:2/x?sslmode=require", "y z") == (
        "postgresql://u:a%24b%3Ac@h1:1,h2:2/y%20z?sslmode=require"
    )
    assert urls.beside("postgresql:///x?host=/tmp", "y") == "postgresql:///y?host=/tmp"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u@h/db",
        "postgresql://u@h/",
        "host=h dbname=d",
        "postgresql://u:s3@cret@h/db",
        "postgresql://u:s3/cret@h/db",
        "postgresql://u:s3#cret@h/db",
        "postgresql://u:s3%cret@h/db",
        "postgresql://u:s3cret@h:x/db",
    ],
)
def test_a_database_url_that_cannot_be_used_is_refused(home: Home, url: str) -> None:
    """The message says how a URL is written, and does not repeat it: it may hold a password."""
    with pytest.raises(NightshiftError, match="postgresql://user:password@host") as caught:
        environment.given(home, {"NIGHTSHIFT_DATABASE_URL": url})
    assert url not in str(caught.value)


def test_the_environment_goes_before_the_file(home: Home) -> None:
    """nightshift.env holds settings; a variable of the same name wins."""
    home.config_file.write_text("# ours\nNIGHTSHIFT_TIMEZONE = 'Europe/Paris'\nNIGHTSHIFT_THREADS=2\n")
    given = environment.given(home, {"NIGHTSHIFT_THREADS": "3", "HOME": "/x"})
    assert given == {"NIGHTSHIFT_TIMEZONE": "Europe/Paris", "NIGHTSHIFT_THREADS": "3"}


def test_an_unknown_setting_is_refused(home: Home) -> None:
    """A misspelt name in nightshift.env is an error that lists the known ones."""
    home.config_file.write_text("NIGHTSHIFT_TIMEZON=UTC\n")
    with pytest.raises(NightshiftError, match=r"NIGHTSHIFT_TIMEZON\b") as caught:
        environment.given(home, {})
    assert "NIGHTSHIFT_TIMEZONE" in caught.value.do


def test_other_settings_than_those_that_run_are_refused() -> None:
    """A command with another setting than the running stack's does not silently use either."""
    environment.refuse_other_settings(named("postgresql://u@h/a"), {})
    with pytest.raises(NightshiftError, match="NIGHTSHIFT_DATABASE_URL"):
        environment.refuse_other_settings(
            named("postgresql://u@h/a"), {"NIGHTSHIFT_DATABASE_URL": "postgresql://u@h/b"}
        )


def test_everything_listens_on_this_machine_only(home: Home) -> None:
    """No address but 127.0.0.1 is given to a service."""
    from cli.services import stack_services

    variables = environment.services(home, EMBEDDED, home.secrets())
    assert variables["AIRFLOW__API__HOST"] == "127.0.0.1"
    lines = {service.name: " ".join(service.line) for service in stack_services(EMBEDDED)}
    assert "listen_addresses=127.0.0.1" in lines["postgres"]
    assert "--skip-serve-logs" in lines["airflow-scheduler"]


def test_no_secret_is_on_a_command_line(home: Home) -> None:
    """What every user of the machine can see holds no password."""
    from cli.services import stack_services

    words = " ".join(word for service in stack_services(EMBEDDED) for word in service.line)
    assert not [name for name, value in home.secrets().items() if value in words]


def test_what_the_caller_set_for_others_stays_outside() -> None:
    """Airflow and Python settings of the caller's shell do not reach our processes."""
    cleaned = environment.clean(
        {"AIRFLOW_HOME": "/x", "PYTHONPATH": "/y", "PGPASSWORD": "z", "LANG": "C", "PATH": "/p"}
    )
    assert set(cleaned) == {"LANG", "PATH"}


def test_a_taken_port_is_passed_over() -> None:
    """The next free port is chosen."""
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        assert not ports.is_free(port)
        chosen = ports.choose(port)
        chosen.held.close()
        assert chosen.port > port


def test_two_stacks_that_start_at_once_get_other_ports() -> None:
    """A port is taken from when it is chosen until the stack ends, also before its server listens."""
    wanted = {"postgres": 42_431, "airflow": 42_531, "mlflow": 42_631}
    claims = [ports.choose_all(wanted), ports.choose_all(wanted)]
    chosen = [chosen_port.port for claim in claims for chosen_port in claim.values()]
    first, again = claims[0]["postgres"], None
    try:
        assert len(set(chosen)) == len(chosen) == 6
        assert ports.claim(first.port) is None
        first.held.close()
        again = ports.claim(first.port)
        assert again is not None
    finally:
        for chosen_port in (*claims[0].values(), *claims[1].values(), *([again] if again else [])):
            chosen_port.held.close()


def test_ports_stay_while_they_are_free() -> None:
    """A stack that starts again has the addresses that it had."""
    first = ports.choose_all({"postgres": 28_411, "airflow": 28_431, "mlflow": 28_451})
    for chosen_port in first.values():
        chosen_port.held.close()
    assert first["airflow"].port == 28_431
    assert len({chosen_port.port for chosen_port in first.values()}) == len(first)

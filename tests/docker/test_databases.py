"""What the postgres image runs when its volume is empty: each service has a login that owns its database and no more."""

from __future__ import annotations

import os
import subprocess

import psycopg2
import pytest

from cli.postgres import psql_program
from cli.urls import ADMIN, OWNERS, PASSWORDS
from ml.adapters import postgres
from tests.docker import composition
from tests.own_server import own_server

LOGINS = {"nightshift": "NIGHTSHIFT_DB_PASSWORD", "airflow": "AIRFLOW_DB_PASSWORD", "mlflow": "MLFLOW_DB_PASSWORD"}


def test_the_services_run_without_the_superuser() -> None:
    """The logins of compose.yaml own their databases; ours migrates with its roles; nobody gets into another's."""
    with own_server() as (stack, secrets):
        port = stack.ports["postgres"]
        words = {name: f"it's {name}" for name in LOGINS.values()}
        subprocess.run(
            [
                *(psql_program(stack.postgres), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1"),
                *("-p", str(port), "-U", ADMIN, "-d", "postgres", "-f", str(composition.FOLDER / "databases.sql")),
            ],
            env=os.environ | words | {"PGPASSWORD": secrets[PASSWORDS[ADMIN]]},
            check=True,
        )

        def url(login: str, database: str) -> str:
            return (
                f"host=127.0.0.1 port={port} user={OWNERS[login]} password='it\\'s {LOGINS[login]}' dbname={database}"
            )

        notes = postgres.migrate(url("nightshift", "nightshift"))
        assert ("applied roles.sql" in notes, [note for note in notes if "skipped" in note]) == (True, [])
        for login in LOGINS:
            rows = postgres.query(
                url(login, login),
                "SELECT rolsuper OR rolcreaterole AS mighty FROM pg_roles WHERE rolname = current_user",
            )
            assert rows == [{"mighty": False}]
        for login in ("nightshift", "mlflow"):
            with pytest.raises(psycopg2.OperationalError, match="permission denied"):
                psycopg2.connect(url(login, "airflow"))


def test_the_logins_are_those_of_the_services() -> None:
    """Each address in compose.yaml names the login that databases.sql makes, with its own password."""
    filled = composition.environment("scheduler", {name: name.lower() for name in composition.example()[0]})
    for name, database in (
        ("NIGHTSHIFT_DATABASE_URL", "nightshift"),
        ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "airflow"),
        ("AIRFLOW__CELERY__RESULT_BACKEND", "airflow"),
        ("NIGHTSHIFT_MLFLOW_URI", "mlflow"),
    ):
        assert filled[name].endswith(f"//{OWNERS[database]}:{LOGINS[database].lower()}@postgres:5432/{database}")

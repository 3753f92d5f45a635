"""A whole stack of its own for the nights: Postgres, Airflow, MLflow, started and ended by ./nightshift."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest

PROJECT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("NIGHTSHIFT_TEST_DATA") or PROJECT.parent / "shared" / "data")


def need(folder: Path) -> None:
    """Skip where the data set is not beside the project."""
    if not folder.is_dir():
        pytest.skip(f"the published data is not here: no folder {folder.name} (set NIGHTSHIFT_TEST_DATA)")


@dataclass(frozen=True)
class Stack:
    """The command ``./nightshift`` with a state folder of its own."""

    home: Path

    def run(self, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a sub-command as a user would; its output is text."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("NIGHTSHIFT_", "AIRFLOW", "PYTEST"))}
        env = kept | {"NIGHTSHIFT_HOME": str(self.home), "NIGHTSHIFT_SCHEDULE": "off", "COLUMNS": "200"}
        done = subprocess.run(
            [PROJECT / "nightshift", *args], env=env, capture_output=True, text=True, check=False, cwd="/", timeout=1500
        )
        if check and done.returncode:
            pytest.fail(f"./nightshift {' '.join(args)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a SELECT, through the command."""
        return list(json.loads(self.run("sql", "--json", sql).stdout))

    def value(self, sql: str) -> Any:
        """The one value that a SELECT gives."""
        (row,) = self.rows(sql)
        (value,) = row.values()
        return value

    def write(self, sql: str) -> None:
        """Change the shop, as its owner may."""
        with self._connection("nightshift") as connection, connection:
            connection.cursor().execute(sql)

    def of_airflow(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a SELECT in Airflow's own database."""
        with self._connection("airflow") as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def airflow(self) -> Any:
        """Airflow's API, as its administrator."""
        from cli.airflow import Airflow
        from cli.environment import Stack as Started
        from cli.home import Home

        home = Home(self.home)
        port = Started.last(home).ports["airflow"]
        return Airflow(f"http://127.0.0.1:{port}", "admin", home.secrets()["airflow_admin_password"])

    def _connection(self, database: str) -> closing[Any]:
        from cli.environment import Stack as Started
        from cli.environment import database_urls
        from cli.home import Home

        home = Home(self.home)
        started = Started.read(home)
        assert started is not None
        return closing(psycopg2.connect(database_urls(started, home.secrets())[database]))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that is up; ended when the tests are done."""
    stack = Stack(tmp_path_factory.mktemp("stack") / "home")
    try:
        yield stack
    finally:
        stack.run("down", check=False)

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

from ml.registry import CAPABILITIES
from ml.settings import PROJECT

CUSTOMERS = 800


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


@dataclass(frozen=True)
class First:
    """What ``./nightshift demo`` printed and left, read before any other test changes it."""

    stack: Stack
    printed: str
    headlines: dict[str, dict[str, float]]
    held: float
    """Expected loss of the orders that are not let through."""
    assets: dict[str, dict[str, Any]]
    """What Airflow's assets of published tables tell, and how many rows and batches the shop sees of each."""
    seen: dict[str, tuple[int, int]]


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[First]:
    """A stack after the demo's night, which all tests of this folder share; ended when they are done."""
    stack = Stack(tmp_path_factory.mktemp("stack") / "home")
    try:
        printed = stack.run("demo", "--customers", str(CUSTOMERS)).stdout
        yield _read(stack, printed)
    finally:
        stack.run("down", check=False)


@pytest.fixture(scope="session")
def stack(first: First) -> Stack:
    """The stack, with what tests before have left in it."""
    return first.stack


def _read(stack: Stack, printed: str) -> First:
    headlines = stack.value("SELECT summary -> 'headlines' AS told FROM ml_ops.night ORDER BY started_at DESC LIMIT 1")
    held = stack.value("SELECT sum(expected_loss) AS n FROM ml.order_risk WHERE decision <> 'allow'")
    told = stack.of_airflow(
        "SELECT DISTINCT ON (a.name) a.name, e.extra FROM asset_event e JOIN asset a ON a.id = e.asset_id "
        "ORDER BY a.name, e.id DESC"  # the stack may have run another shop's nights before
    )
    tables = [table.name for capability in CAPABILITIES.values() for table in capability.publishes]
    seen = {name: stack.rows(f"SELECT count(*) AS n, count(DISTINCT batch_id) AS b FROM ml.{name}") for name in tables}
    return First(
        stack,
        printed,
        headlines,
        held or 0.0,
        {name.removeprefix("ml/"): extra for name, extra in told if name.startswith("ml/")},
        {name: (row["n"], row["b"]) for name, (row,) in seen.items()},
    )

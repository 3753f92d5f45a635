"""Runs before the services: makes the three databases and brings their tables up to date."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from typing import Any
from urllib.parse import unquote, urlsplit

from cli import logins
from cli.environment import Stack
from cli.home import Home, read_json, write_private
from cli.urls import database_urls
from ml.adapters import postgres
from ml.core.errors import NightshiftError
from ml.pipeline import setup

_UPGRADE_MLFLOW = """
import os
from mlflow.cli import cli
cli(["db", "upgrade", os.environ["MLFLOW_BACKEND_STORE_URI"]])
"""


def prepare(home: Home, stack: Stack) -> None:
    """Make databases and tables; what is up to date costs one query."""
    secrets = home.secrets()
    urls = database_urls(stack, secrets)
    own = urls["nightshift"]
    if stack.postgres:
        logins.ensure(stack, secrets)
    else:
        create_databases(own, urls)
    setup.migrate(own)
    if not stack.postgres:
        logins.ensure_reader(stack, secrets, own)
    migrate(home, urls["airflow"], "apache-airflow", [sys.executable, "-P", "-m", "airflow", "db", "migrate"])
    migrate(home, urls["mlflow"], "mlflow", [sys.executable, "-P", "-c", _UPGRADE_MLFLOW])


def create_databases(admin: str, urls: dict[str, str]) -> None:
    """Create each database of ``urls`` that the server of ``admin`` does not have."""
    names = [unquote(urlsplit(url).path.strip("/")) for url in urls.values()]
    connection = postgres.connect(admin)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database")
            existing = {row[0] for row in cursor.fetchall()}
            for name in names:
                if name not in existing:
                    _create(cursor, name)
    finally:
        connection.close()


def _create(cursor: Any, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    try:
        cursor.execute(f"CREATE DATABASE {quoted}")
    except Exception as error:
        if getattr(error, "pgcode", None) != "42501":  # insufficient_privilege
            raise
        raise NightshiftError(
            "A database is missing and may not be created.",
            came=f"{name}: {str(error).strip()}",
            do=f"have the server's administrator run: CREATE DATABASE {quoted} OWNER <the user of your URL>",
        ) from None


def revision(url: str) -> str | None:
    """State of the tables as Alembic noted it, or None on an empty database."""
    connection = postgres.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('alembic_version')")
            if cursor.fetchall() == [(None,)]:
                return None
            cursor.execute("SELECT version_num FROM alembic_version")
            return ",".join(sorted(row[0] for row in cursor.fetchall())) or None
    finally:
        connection.close()


def migrate(home: Home, url: str, package: str, line: list[str]) -> None:
    """Run a migration unless this version of ``package`` has left the database in the state it is in."""
    stamp = home.root / "migrated.json"
    known: dict[str, list[str | None]] = read_json(stamp) or {}
    installed, now = version(package), revision(url)
    # MLflow's server makes the tables of an empty database itself, which its own upgrade cannot.
    own_work = package == "mlflow" and (now is None or known.get(package) == [installed, None])
    if known.get(package) != [installed, now] and not own_work and subprocess.run(line, check=False).returncode:
        raise NightshiftError(
            f"The tables of {package} could not be brought up to date.",
            came="see the lines above",
            do="back up its database, then drop it and run ./nightshift up if its history may go",
        )
    write_private(stamp, json.dumps(known | {package: [installed, revision(url)]}, indent=1) + "\n")


def main() -> int:
    """Prepare the stack that ``stack.json`` describes."""
    home = Home.find(os.environ)
    try:
        prepare(home, Stack.last(home))
    except NightshiftError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Copies of a shop after some nights: its home and its database, so that a test may break its own."""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg2

from ml.adapters import postgres as adapter
from ml.settings import Settings

NAME = "erasure_nights"


class Copies:
    """Keeps the original."""

    def __init__(self, server: str, folder: Path) -> None:
        self.server, self.folder = server, folder
        self._original: Settings | None = None

    def start(self, template: str) -> Settings:
        """Give the original's settings, with an empty database."""
        url = self._copy(template, NAME)
        home = self.folder / "home"
        home.mkdir()
        self._original = Settings(
            home=home,
            database_url=url,
            shop_url=url,
            lake_uri=str(home / "lake"),
            mlflow_uri=f"sqlite:///{self.folder / 'mlflow.db'}",
            timezone="UTC",
            hash_key="a key for tests",
            threads=1,
            memory_gb=2,
        )
        return self._original

    def new(self, folder: Path) -> Settings:
        """Copy it; MLflow's books stay the original's, its files are those of the copy."""
        assert self._original
        home = folder / "home"
        shutil.copytree(self._original.home, home)
        name = f"erasure_{hashlib.sha256(str(folder).encode()).hexdigest()[:32]}"
        url = self._copy(NAME, name)
        shutil.copy(self.folder / "mlflow.db", folder / "mlflow.db")
        self._execute(url, f"UPDATE ml_ops.version SET shop = '{name}'")
        own = replace(
            self._original,
            home=home,
            lake_uri=str(home / "lake"),
            database_url=url,
            shop_url=url,
            mlflow_uri=f"sqlite:///{folder / 'mlflow.db'}",
        )
        self._move_artifacts(folder / "mlflow.db", self._original.home, home)
        self._rename_shop(own, name)
        return own

    def drop(self, settings: Settings) -> None:
        """Drop a copy's database."""
        self._execute(self.server, f'DROP DATABASE "{self.shop(settings)}" WITH (FORCE)')

    def end(self) -> None:
        """Drop the original's."""
        self._execute(self.server, f'DROP DATABASE "{NAME}" WITH (FORCE)')

    def shop(self, settings: Settings) -> str:
        """By what name the shop is known."""
        return settings.database_url.partition("?")[0].rpartition("/")[2]

    def plant_in_model(self, settings: Settings, capability: str, text: str) -> int:
        """Write ``text`` into a file of the version that serves, as if it had learned it; gives the version's number."""
        (row,) = adapter.query(
            settings.database_url,
            "SELECT max(version) AS version, max(run_id) AS run FROM ml_ops.version WHERE capability = %s",
            (capability,),
        )
        (file,) = (settings.home / "mlflow" / "artifacts").rglob(f"{row['run']}/artifacts/model/model.json")
        file.write_text(json.dumps(json.loads(file.read_text()) | {"learned": text}))
        return int(row["version"])

    def _rename_shop(self, settings: Settings, name: str) -> None:
        from ml.adapters.lake import Lake

        lake = Lake(settings.lake_uri)
        for night in lake.names("snapshot"):
            for number in lake.names("snapshot", night):
                path = lake.join("snapshot", night, number, "manifest.json")
                lake.write_json(path, lake.read_json(path) | {"shop": name})

    def _move_artifacts(self, books: Path, old: Path, new: Path) -> None:
        import sqlite3

        with closing(sqlite3.connect(books)) as connection, connection:
            for table, column in (
                ("experiments", "artifact_location"),
                ("runs", "artifact_uri"),
                ("model_versions", "source"),
                ("model_versions", "storage_location"),
            ):
                connection.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (str(old), str(new)))

    def _copy(self, template: str, name: str) -> str:
        self._execute(self.server, f'CREATE DATABASE "{name}" TEMPLATE {template} STRATEGY file_copy')
        head, _, query = self.server.partition("?")
        return f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")

    def _execute(self, url: str, statement: str) -> None:
        with closing(psycopg2.connect(url)) as connection:
            connection.autocommit = True
            connection.cursor().execute(statement)

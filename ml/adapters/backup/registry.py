"""MLflow's database and its files: where they lie, and where they go in another home."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from ml.adapters.backup import dump

_ADDRESSES = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "model_versions": ("source", "storage_location"),
    "logged_models": ("artifact_location",),
}
"""MLflow's columns that hold an address of a file."""

SQLITE = "mlflow.sqlite"


def kept_here(uri: str) -> bool:
    """Whether MLflow's books are a database that we reach, not a server of somebody else's."""
    return uri.startswith(("postgresql", "sqlite"))


def libpq(uri: str) -> str:
    """SQLAlchemy's URL of a Postgres as libpq reads it."""
    return "postgresql" + uri[uri.index(":") :]


def save(uri: str, folder: Path) -> None:
    """Write MLflow's database into ``folder``."""
    if uri.startswith("sqlite"):
        folder.mkdir(parents=True)
        with closing(sqlite3.connect(_file(uri))) as source, closing(sqlite3.connect(folder / SQLITE)) as copy:
            source.backup(copy)
        return
    dump.dump(libpq(uri), folder)


def load(uri: str, folder: Path) -> None:
    """Let what :func:`save` wrote take the place of MLflow's database."""
    if uri.startswith("sqlite"):
        with closing(sqlite3.connect(folder / SQLITE)) as source, closing(sqlite3.connect(_file(uri))) as target:
            source.backup(target)
        return
    dump.restore(libpq(uri), folder)


def locations(uri: str) -> dict[str, str]:
    """By id of an experiment, the folder or URI with its files."""
    from sqlalchemy import inspect, text

    engine = _engine(uri)
    try:
        if not inspect(engine).has_table("experiments"):
            return {}
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT experiment_id, artifact_location FROM experiments")).all()
    finally:
        engine.dispose()
    return {str(number): str(where) for number, where in rows if where}


def move(uri: str, moves: dict[str, str]) -> None:
    """Let what lay at an address (a key of ``moves``) be looked for at another."""
    from sqlalchemy import inspect, text

    engine = _engine(uri)
    try:
        with engine.begin() as connection:
            inspector = inspect(connection)
            for table, columns in _ADDRESSES.items():
                known = (
                    {column["name"] for column in inspector.get_columns(table)} if inspector.has_table(table) else set()
                )
                for column in known.intersection(columns):
                    statement = text(
                        f"UPDATE {table} SET {column} = :new || substr({column}, :begin) "  # noqa: S608  # names of ours
                        f"WHERE {column} = :old OR substr({column}, 1, :begin) = :old || '/'"
                    )
                    for old, new in moves.items():
                        connection.execute(statement, {"old": old, "new": new, "begin": len(old) + 1})
    finally:
        engine.dispose()


def _engine(uri: str) -> Any:
    from sqlalchemy import create_engine

    return create_engine(uri)


def _file(uri: str) -> str:
    return uri.removeprefix("sqlite:///")

"""MLflow's word on who is champion, beside ours: ``ml_ops.promotion`` decides, and a difference is said in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import psycopg2

from ml.adapters import postgres
from ml.core.errors import NightshiftError

_ALIASES = "SELECT name, version FROM registered_model_aliases WHERE alias = 'champion'"
_VERSIONS = "SELECT name, version FROM model_versions WHERE current_stage <> 'Deleted_Internal'"


@dataclass(frozen=True)
class Registered:
    """What MLflow has of one capability: the version that its alias champion names, and all versions."""

    champion: int | None = None
    versions: frozenset[int] = frozenset()


def ask(uri: str, names: Iterable[str]) -> dict[str, Registered]:
    """What MLflow says of each capability in ``names``."""
    from mlflow.exceptions import MlflowException

    from ml.adapters.mlflow.tracking import client_of

    client, found = client_of(uri), {}
    for name in names:
        versions = frozenset(int(v.version) for v in client.search_model_versions(f"name = '{name}'"))
        try:
            champion = int(client.get_registered_model(name).aliases.get("champion", 0)) or None
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            champion = None
        found[name] = Registered(champion, versions)
    return found


def look_up(url: str) -> dict[str, Registered]:
    """The same from MLflow's own tables, for who may not wait for MLflow; nothing where these cannot be read."""
    try:
        champions = {row["name"]: int(row["version"]) for row in postgres.query(url, _ALIASES)}
        versions: dict[str, set[int]] = {}
        for row in postgres.query(url, _VERSIONS):
            versions.setdefault(row["name"], set()).add(int(row["version"]))
    except (psycopg2.Error, NightshiftError):
        return {}
    names = champions.keys() | versions.keys()
    return {name: Registered(champions.get(name), frozenset(versions.get(name, ()))) for name in names}


def differences(ours: Mapping[str, int], theirs: Mapping[str, Registered]) -> dict[str, str]:
    """By capability, how MLflow differs from the champions of ``ml_ops.promotion``, and what to do.

    Examples
    --------
    >>> differences({"risk": 2}, {"risk": Registered(2, frozenset({1, 2}))})
    {}
    >>> differences({"risk": 2}, {"risk": Registered(2, frozenset({1}))})["risk"]
    'MLflow has no version 2 of risk any more, which serves; its files are checked and used as before. ./nightshift train risk makes another.'
    """
    found = {}
    for name, version in ours.items():
        registered = theirs.get(name, Registered())
        if version not in registered.versions:
            found[name] = (
                f"MLflow has no version {version} of {name} any more, which serves; its files are checked and used as "
                f"before. ./nightshift train {name} makes another."
            )
        elif registered.champion != version:
            other = registered.champion
            found[name] = (
                f"MLflow's champion of {name} is {f'version {other}' if other else 'none'}, but version {version} serves: "
                "ml_ops.promotion decides. "
                + (f"./nightshift promote {name} {other} lets that one serve, " if other in registered.versions else "")
                + f"./nightshift promote {name} {version} sets MLflow right."
            )
    return found

"""Model versions whose files hold a customer: found by looking, withdrawn, and deleted in MLflow."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from ml.adapters import postgres
from ml.adapters.mlflow import tracking
from ml.adapters.erasure.search import Search
from ml.core.errors import ArtifactError


def holding(url: str, mlflow_uri: str, search: Search) -> list[tuple[str, int, str]]:
    """The versions (capability, number, MLflow run) of which a file in MLflow holds something of a customer."""
    rows = postgres.query(
        url, "SELECT capability, version, run_id FROM ml_ops.version WHERE withdrawn_at IS NULL ORDER BY 1, 2"
    )
    return [
        (row["capability"], row["version"], row["run_id"])
        for row in rows
        if run_holds(mlflow_uri, row["run_id"], search)
    ]


def run_holds(mlflow_uri: str, run_id: str, search: Search) -> int:
    """How often something of a customer stands in the files of an MLflow run."""
    with tempfile.TemporaryDirectory(prefix="nightshift-") as temporary:
        try:
            folder = tracking.run_files(mlflow_uri, run_id, Path(temporary))
        except ArtifactError:  # its files are gone: they hold nobody
            return 0
        return sum(hit.count for hit in search.folder(folder))


def withdraw(url: str, mlflow_uri: str, cache: Path, version: tuple[str, int, str]) -> dict[str, Any]:
    """Let a version serve no night any more, and delete its files; what was decided about it stays in the books."""
    capability, number, run_id = version
    with postgres.transaction(url) as cursor:
        cursor.execute(
            "UPDATE ml_ops.version SET withdrawn_at = coalesce(withdrawn_at, clock_timestamp()) "
            "WHERE (capability, version) = (%s, %s)",
            (capability, number),
        )
    tracking.forget(mlflow_uri, capability, number, run_id)
    shutil.rmtree(cache / capability / str(number), ignore_errors=True)
    return {"capability": capability, "version": number}

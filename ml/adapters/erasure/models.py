"""Model versions whose files hold a customer: found by looking, withdrawn, and deleted in MLflow."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ml.adapters import postgres
from ml.adapters.erasure.search import Hit, Search
from ml.adapters.mlflow import erasing
from ml.core.errors import ArtifactError


def hits(mlflow_uri: str, capabilities: Iterable[str], search: Search) -> Iterator[tuple[str, Hit]]:
    """Look through every run in MLflow, its files and what is written about it; gives the run's id with each hit."""
    for capability in capabilities:
        for run_id, texts in erasing.runs(mlflow_uri, capability):
            found = search.text("\n".join(texts).encode())
            with tempfile.TemporaryDirectory(prefix="nightshift-") as temporary:
                try:
                    folder = erasing.run_files(mlflow_uri, run_id, Path(temporary))
                    found += sum(hit.count for hit in search.folder(folder))
                except ArtifactError:  # its files are gone: they hold nobody
                    pass
            if found:
                yield run_id, Hit(f"MLflow: {capability} run {run_id}", found)


def withdraw(url: str, mlflow_uri: str, cache: Path, run_id: str) -> list[dict[str, Any]]:
    """Let the version that a run made serve no night any more, and delete its files; the decisions stay in the books."""
    with postgres.transaction(url) as cursor:
        cursor.execute(
            "UPDATE ml_ops.version SET withdrawn_at = coalesce(withdrawn_at, clock_timestamp()) "
            "WHERE run_id = %s RETURNING capability, version",
            (run_id,),
        )
        versions = [dict(row) for row in cursor.fetchall()]
    erasing.forget(mlflow_uri, run_id, versions)
    for version in versions:
        shutil.rmtree(cache / version["capability"] / str(version["version"]), ignore_errors=True)
    return versions

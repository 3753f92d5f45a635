"""What MLflow keeps of each run, and how it forgets one: for the erasure of customers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ml.adapters.mlflow.tracking import client_of
from ml.core.errors import ArtifactError


def runs(uri: str, capability: str) -> list[tuple[str, list[str]]]:
    """Every run of a capability, deleted ones too: its id, and the texts that were written about it."""
    from mlflow.entities import ViewType

    client = client_of(uri)
    experiment = client.get_experiment_by_name(capability)
    found, token = [], None
    while experiment is not None:
        page = client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL, page_token=token)
        found += [
            (r.info.run_id, [r.info.run_name or "", *r.data.tags.values(), *r.data.params.values()]) for r in page
        ]
        if not (token := page.token):
            break
    return found


def run_files(uri: str, run_id: str, folder: Path) -> Path:
    """Bring every file of a run to ``folder``; where they are on this machine they are not copied."""
    from mlflow.exceptions import MlflowException

    try:
        return Path(client_of(uri).download_artifacts(run_id, "", str(folder)))
    except (MlflowException, OSError) as error:
        raise ArtifactError(
            "The files of a run cannot be read from MLflow.",
            came=f"run {run_id}: {type(error).__name__}: {error}",
            do="see that MLflow's artifact folder is there",
        ) from None


def forget(uri: str, run_id: str, versions: Iterable[Mapping[str, Any]]) -> None:
    """Delete a run, its files and the ``versions`` (capability, version) of it; what is deleted already is no error."""
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    client = client_of(uri)
    repository = get_artifact_repository(client.get_run(run_id).info.artifact_uri)
    for entry in repository.list_artifacts():
        repository.delete_artifacts(entry.path)
    absent = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "INVALID_STATE")
    for version in versions:
        try:
            client.delete_model_version(version["capability"], str(version["version"]))
        except MlflowException as error:
            if error.error_code not in absent:
                raise
    try:
        client.delete_run(run_id)
    except MlflowException as error:
        if error.error_code not in absent:
            raise

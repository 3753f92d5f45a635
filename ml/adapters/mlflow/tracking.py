"""MLflow: runs, registered versions, and the aliases champion and challenger.

Only MLflow's client is used: no pickle, no flavour, no guess of requirements. A version is a folder of the capability's own
files, and a file is believed when its SHA-256 is the one in ``ml_ops.artifact``.
"""

from __future__ import annotations

import logging
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from ml.adapters.mlflow import notes
from ml.adapters.mlflow.plots import Points, comparison, draw_reliability
from ml.core.gate import Decision
from ml.core.spec import Capability

Alias = Literal["champion", "challenger"]

MODEL = "model"
"""Folder of a run's artifacts that holds the model."""
MOST = 5000
"""Letters that MLflow's database holds of a version's description."""
_REST = "\nThe rest is in the file card.md of the version's run.\n"
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
}


def log_run(  # noqa: PLR0913 - one run is one call: what is missing in it would be missing in MLflow
    uri: str,
    capability: Capability,
    *,
    artifact_root: Path | str,
    started: datetime,
    tables: Mapping[str, Mapping[str, Any]],
    source: str,
    params: Mapping[str, Any],
    metrics: Mapping[str, Mapping[str, float]],
    tags: Mapping[str, str],
    decision: Decision,
    folder: Path,
    reliability: Mapping[str, Points] | None = None,
    card: str = "",
    verdict: Mapping[str, Any] | None = None,
) -> str:
    """Write a training into MLflow: one experiment per capability, one run per training.

    Parameters
    ----------
    uri : str
        MLflow's server, or the database of its books.
    artifact_root : Path or str
        Folder or URI under which the files of a new experiment go.
    started : datetime
        When the training began: the run's duration is the training's.
    tables : mapping
        What was learned from: by table of the contract, its part of the snapshot's manifest.
    source : str
        Folder of these tables' clean rows.
    metrics : mapping
        By model (challenger, champion, the baseline), its figures. ``@`` becomes ``_at_``, as MLflow's names demand.
    folder : Path
        The model's files.
    reliability : mapping, optional
        By model, the points of :func:`plots.reliability`; one without points is left out.
    card : str
        The model card as Markdown; it becomes the run's note and the file ``card.md``.
    verdict : mapping, optional
        All numbers of the decision; the file ``verdict.json``.

    Returns
    -------
    str
        The run's id.
    """
    client = client_of(uri)
    experiment = _experiment(client, capability.name, artifact_root)
    for tag, value in {notes.NOTE: notes.experiment(capability), **notes.KIND}.items():
        client.set_experiment_tag(experiment, tag, value)
    description = {notes.NOTE: card or notes.run(tags, metrics, capability.gate.metric)}
    run = client.create_run(experiment, int(started.timestamp() * 1000), {**tags, **description}, notes.run_name(tags))
    run_id = str(run.info.run_id)
    try:
        _log(client, run_id, params, metrics)
        client.log_inputs(run_id, notes.inputs(tables, source))
        client.log_artifacts(run_id, str(folder), MODEL)
        with tempfile.TemporaryDirectory() as temporary:
            comparison(metrics, decision, Path(temporary) / "comparison.png")
            if drawn := {model: points for model, points in (reliability or {}).items() if len(points)}:
                draw_reliability(drawn, Path(temporary) / "reliability.png")
            client.log_artifacts(run_id, temporary, "plots")
        if card:
            client.log_text(run_id, card, "card.md")
            client.log_dict(run_id, dict(verdict or {}), "verdict.json")
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id, "FINISHED")
    return run_id


def _log(client: Any, run_id: str, params: Mapping[str, Any], metrics: Mapping[str, Mapping[str, float]]) -> None:
    from mlflow.entities import Metric, Param
    from mlflow.utils.time import get_current_time_millis

    now = get_current_time_millis()
    figures = {_named(f"{model}/{name}"): value for model, all_ in metrics.items() for name, value in all_.items()}
    client.log_batch(
        run_id,
        metrics=[Metric(name, float(value), now, 0) for name, value in figures.items()],
        params=[Param(name, str(value)) for name, value in params.items()],
    )


def log_series(uri: str, run_id: str, points: Sequence[tuple[str, float, int]]) -> bool:
    """Add points ``(name, value, step)`` to a run's metrics; False: MLflow has no such run any more."""
    from mlflow.entities import Metric
    from mlflow.exceptions import MlflowException
    from mlflow.utils.time import get_current_time_millis

    now = get_current_time_millis()
    try:
        client_of(uri).log_batch(
            run_id, metrics=[Metric(_named(name), float(value), now, step) for name, value, step in points]
        )
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False
    return True


def _named(name: str) -> str:
    """A metric's name as MLflow takes it."""
    return re.sub(r"[^\w\-. /:]", "_", name.replace("@", "_at_"))


def _short(card: str) -> str:
    """A version's description as MLflow's database takes it: whole lines of the card, then where the rest is."""
    if len(card) <= MOST:
        return card
    return card[: card.rfind("\n", 0, MOST - len(_REST)) + 1] + _REST


def register(uri: str, capability: Capability, run_id: str, above: int = 0) -> int:
    """Make the run's model a version of the registered model of ``capability``; the same run again is the same version.

    Its number is higher than ``above``: where somebody deleted versions in MLflow, it would give their numbers once more.
    """
    from mlflow.exceptions import MlflowException

    client, name = client_of(uri), capability.name
    known = client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'")
    if known:
        return int(known[0].version)
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    client.update_registered_model(name, notes.model(capability))
    run = client.get_run(run_id)
    source, note = f"{run.info.artifact_uri}/{MODEL}", run.data.tags.get(notes.NOTE, "")
    numbers = [0]
    while numbers[-1] <= above:
        created = client.create_model_version(name, source, run_id, await_creation_for=0, description=_short(note))
        numbers.append(int(created.version))
    for taken in numbers[1:-1]:
        client.delete_model_version(name, str(taken))
    return numbers[-1]


def set_alias(uri: str, capability: str, version: int, alias: Alias) -> bool:
    """Let ``alias`` name this version; False: MLflow has no such version any more."""
    from mlflow.exceptions import MlflowException

    try:
        client_of(uri).set_registered_model_alias(capability, alias, str(version))
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        return False
    return True


@lru_cache(maxsize=4)
def client_of(uri: str) -> Any:
    """MLflow's client of a server or of its database."""
    # MLflow takes these from the environment only, some of them on import; what is set there wins.
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # SQLAlchemy's own choice of driver for the bare scheme changed from psycopg2 in 2.1.
    uri = "postgresql+psycopg2" + uri.removeprefix("postgresql") if uri.startswith("postgresql://") else uri
    if uri.startswith("postgresql"):
        _initialise(uri)  # its constructor makes the tables
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


@lru_cache(maxsize=4)
def _initialise(uri: str) -> None:
    """Let MLflow make its tables while no other task does: at the first training of a new home several begin at once."""
    import psycopg2
    from mlflow import MlflowClient

    with closing(psycopg2.connect("postgresql" + uri.removeprefix("postgresql+psycopg2"))) as connection:
        connection.cursor().execute("SELECT pg_advisory_xact_lock(hashtext('mlflow tables'))")
        MlflowClient(tracking_uri=uri, registry_uri=uri).search_experiments(max_results=1)
        MlflowClient(tracking_uri=uri, registry_uri=uri).search_registered_models(max_results=1)


def _experiment(client: Any, name: str, artifact_root: Path | str) -> str:
    from mlflow.exceptions import MlflowException

    root = artifact_root.absolute().as_uri() if isinstance(artifact_root, Path) else artifact_root.rstrip("/")
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name, artifact_location=f"{root}/{name}"))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another process made it just now
                raise
        found = client.get_experiment_by_name(name)
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)

"""The tasks: each reads its settings, calls one step of ``ml.pipeline`` and hands on a few small values.

Arguments that are named like Airflow's context (``params``, ``dag_run``, ``ti``, ``outlet_events``) are filled in by it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from ml.core.errors import MENDS_BY_ITSELF, NightshiftError
from ml.core.outages import as_words
from ml.registry import CAPABILITIES
from ml.settings import Settings
from nightshift_airflow import assets
from nightshift_airflow.params import check_capabilities, night_of
from nightshift_airflow.whole import complete, shortfalls

log = logging.getLogger("nightshift")

Params = Mapping[str, Any]


@contextmanager
def no_vain_retry() -> Iterator[None]:
    """End the task at once on a fault that trying again cannot mend; say in words what it may."""
    try:
        yield
    except MENDS_BY_ITSELF:
        raise
    except NightshiftError as error:
        raise AirflowFailException(str(error)) from error
    except Exception as error:
        if words := as_words(error):
            raise words from error
        raise


def _settings() -> Settings:
    return Settings.from_env(os.environ)


def extract(params: Params, dag_run: Any) -> str:
    """Read the shop once; gives the snapshot's ref."""
    from ml import pipeline

    with no_vain_retry():
        settings = _settings()
        check_capabilities(params.get("capabilities", list(CAPABILITIES)), CAPABILITIES)
        night = night_of(params, dag_run, settings.timezone)
        log.info("The night of %s: what was known before %s.", night, settings.as_of(night))
        ref: str = pipeline.extract(
            settings, night, fresh=params.get("fresh", False), sample=params.get("sample"), progress=log.warning
        )
    log.info("Snapshot %s.", ref)
    return ref


def validate(ref: str, params: Params, outlet_events: Any) -> str:
    """Judge the snapshot's rows; gives the ref on, now that it may be used."""
    from ml import pipeline

    with no_vain_retry():
        summary = pipeline.validate(_settings(), ref, accept_growth=params.get("accept_growth", False))
    log.info("Validated: %s", summary)
    counts = {name: summary.get(name, 0) for name in ("rows", "quarantined", "left_out")}
    outlet_events[assets.SNAPSHOT].extra = {"ref": ref, "sample": params.get("sample"), **counts}
    return ref


def prepare(ref: str, name: str, params: Params, ti: Any, outlet_events: Any) -> list[dict[str, int]]:
    """Make sure that a model serves and that its features are there; gives the shards to score."""
    from ml import pipeline

    if name not in params["capabilities"]:
        raise AirflowSkipException(f"{name} was not asked for.")
    with no_vain_retry():
        ready = pipeline.prepare(_settings(), ref, name, force=params["force_train"])
    _announce_model(ref, name, ready, ti, outlet_events)
    return [{"shard": shard, "shards": ready["shards"]} for shard in range(ready["shards"])]


def train(ref: str, name: str, params: Params, ti: Any, outlet_events: Any) -> dict[str, Any]:
    """Learn, and let the gate decide; gives the decision."""
    from ml import pipeline

    with no_vain_retry():
        decision = pipeline.train(_settings(), ref, name, force=params["force"], thorough=params["thorough"])
    return _announce_model(ref, name, decision, ti, outlet_events)


def answer(name: str, version: int, *, approved: bool, person: str, words: str) -> dict[str, Any]:
    """Write a person's answer down; gives the row of ``ml_ops.promotion``."""
    from ml import pipeline

    with no_vain_retry():
        row: dict[str, Any] = pipeline.approve(
            _settings(), name, version, approved=approved, person=person, words=words
        )
    log.info("%s version %s: %s", name, version, row["why"])
    return row


def _announce_model(ref: str, name: str, decision: Mapping[str, Any], ti: Any, outlet_events: Any) -> dict[str, Any]:
    """Tell of a training in the log, in XCom and, if another model serves, by an asset's event; gives what is told."""
    log.info("%s: %s. %s", name, decision["status"], decision.get("why", ""))
    if decision["status"] == "waiting":
        raise AirflowSkipException(decision["why"])
    if decision["status"] in ("promote", "baseline"):
        extra = {"version": decision["version"], "why": decision["why"], "ref": ref}
        outlet_events[assets.maybe_model(name)].add(assets.model(name), extra=extra)
    decided = {key: decision.get(key) for key in ("status", "version", "why")}
    ti.xcom_push(key="model", value=decided | {"capability": name})
    return decided | {key: decision[key] for key in ("hours", "otherwise", "report") if key in decision}


def score(ref: str, name: str, piece: Mapping[str, int]) -> dict[str, Any]:
    """Score one shard; gives the model's version and the rows by table."""
    from ml import pipeline

    get_current_context()["piece"] = f"{piece['shard'] + 1} of {piece['shards']}"
    with no_vain_retry():
        scored: dict[str, Any] = pipeline.score(_settings(), ref, name, piece["shard"], piece["shards"])
    return {**piece, "version": scored["version"], "rows": scored["rows"]}


def score_all(ref: str, name: str, scored: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Make the tables that belong to no shard; gives the rows by table. Refuses unless every shard told of its rows."""
    from ml import pipeline

    with no_vain_retry():
        shards = complete(name, list(scored))
        done = pipeline.score_all(_settings(), ref, name)
        rows: dict[str, int] = done["rows"]
        in_lake = done.get("scored", rows)  # before customers of an experiment got their arm's rows
        if shards != {table: in_lake.get(table) for table in shards}:
            raise NightshiftError(
                f"The scores of {name} are not whole, so nothing is published.",
                came=f"rows {shards} by the tasks, {in_lake} in the lake",
                do=f"clear {name}.score in Airflow's grid with all its shards",
            )
    return rows


def publish(ref: str, name: str, rows: Mapping[str, int], params: Params, outlet_events: Any) -> dict[str, int]:
    """Audit, load and swap; gives the rows by table."""
    from ml import pipeline

    with no_vain_retry():
        done = pipeline.publish(
            _settings(),
            ref,
            name,
            publish_past=params.get("publish_past", False),
            accept_growth=params.get("accept_growth", False),
        )
        if done["status"] == "rehearsal":
            raise AirflowSkipException(done["why"])
        if done["replaced"]:
            log.warning("This night of the past replaces what the shop read: %s.", done["replaced"])
        for table, batch in done["batches"].items():
            if batch["rows"] + batch.get("erased", 0) != rows[table]:
                raise NightshiftError(
                    f"ml.{table} does not hold what was scored.",
                    came=f"{rows[table]} rows scored, {batch['rows']} published",
                    do=f"./nightshift rollback {table} brings the batch before back; then run the night again",
                )
            extra = {"rows": batch["rows"], "batch_id": str(batch["batch_id"]), "ref": ref}
            outlet_events[assets.table(table)].extra = extra
    return dict(rows)


def score_new(name: str, params: Params, outlet_events: Any) -> dict[str, Any]:
    """Score what is new between nights; gives the counts. Skipped while there is nothing to start from."""
    from ml import pipeline

    with no_vain_retry():
        report: dict[str, Any] = pipeline.score_new(_settings(), name, again=params["again"])
    if report["status"] == "waiting":
        raise AirflowSkipException(report["why"])
    log.info("%s: %s", name, report)
    spec = CAPABILITIES[name].live
    if spec and report["scored"] + report["dropped"]:
        extra = {key: report[key] for key in ("scored", "dropped", "as_of", "run")}
        for table in (spec.publishes, *spec.also):
            outlet_events[assets.maybe_table(table)].add(assets.table(table), extra=extra)
    return {key: report[key] for key in ("new", "scored", "dropped", "quarantined", "version", "seconds")}


def monitor(params: Params, ti: Any, outlet_events: Any) -> dict[str, Any]:
    """Judge what was published by what happened since, and look for drift; tells each finding once."""
    from ml import pipeline
    from nightshift_airflow import alerts

    ref = ti.xcom_pull(task_ids="validate")
    if not ref:
        raise AirflowSkipException("There is no snapshot to look at.")
    with no_vain_retry():
        report: dict[str, Any] = pipeline.monitor(_settings(), ref, params["capabilities"])
    for words in report["alerts"]:
        alerts.send(words, kind="monitor", ref=ref)
    for name, why in report["learn"].items():
        outlet_events[assets.maybe_drift(name)].add(assets.drift(name), extra={"why": why, "ref": ref})
    if report["failed"]:
        raise NightshiftError(
            "Not every capability could be looked after; what was published stays.",
            came="\n".join(f"{name}: {why}" for name, why in report["failed"].items()),
            do="read the log above; clear this task to look again",
        )
    log.info("%s figures, %s new alerts.", report["figures"], len(report["alerts"]))
    return {"figures": report["figures"], "alerts": report["alerts"], "learn": sorted(report["learn"])}


def report(params: Params, dag_run: Any, ti: Any) -> dict[str, Any]:
    """Sum up the night, and fail the run if something failed or is not there."""
    from ml import pipeline

    ref = ti.xcom_pull(task_ids="extract")
    states = ti.get_task_states(dag_id=dag_run.dag_id, run_ids=[dag_run.run_id]).get(dag_run.run_id, {})
    with no_vain_retry():
        if ref:
            log.info("%s", pipeline.report(_settings(), ref))
        published = {
            name: ti.xcom_pull(task_ids=f"{name}.publish") for name in CAPABILITIES if name in params["capabilities"]
        }
        faults = shortfalls(states, published)
        if faults:
            raise NightshiftError(
                f"The night {ref or dag_run.run_id} is not whole.",
                came="\n".join(faults),
                do="each failed task's alert and log say what to do; what is not published stays as it was yesterday",
            )
    return {"ref": ref, "published": {name: rows for name, rows in published.items() if rows}}


def tidy() -> dict[str, Any]:
    """Drop what is older than the retention; gives what was dropped."""
    from ml import pipeline

    with no_vain_retry():
        dropped: dict[str, Any] = pipeline.maintain(_settings())
    log.info("Dropped: %s", dropped)
    return {kind: len(what) if isinstance(what, (list, dict)) else what for kind, what in dropped.items()}


def keep() -> dict[str, Any]:
    """Make a backup where ``NIGHTSHIFT_BACKUP_URI`` says, and thin the older ones; gives what was kept."""
    from ml import pipeline

    to = os.environ.get("NIGHTSHIFT_BACKUP_URI", "")
    if not to:
        raise AirflowSkipException("NIGHTSHIFT_BACKUP_URI is not set: no backup is made. Set it to a folder or bucket.")
    with no_vain_retry():
        report: dict[str, Any] = pipeline.backup(
            _settings(),
            to,
            key=os.environ.get("NIGHTSHIFT_BACKUP_KEY", ""),
            keep=pipeline.Keep.parse(os.environ.get("NIGHTSHIFT_BACKUP_KEEP") or "7d,4w,12m"),
            progress=log.info,
        )
    for note in report["notes"]:
        log.warning(note)
    log.info(
        "Backup %s of the night of %s: %s bytes, %s of them new.",
        report["backup"],
        report["night"] or "?",
        report["bytes"],
        report["written"],
    )
    return {name: report[name] for name in ("backup", "night", "files", "bytes", "written", "thinned", "freed")}

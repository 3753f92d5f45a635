"""Fit what is to serve on all that is known tonight, and write it with its verdict to MLflow and to the books."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from ml.adapters.books import progress, versions
from ml.adapters.mlflow import cards, tracking
from ml.core.capability import model_of
from ml.core.evaluation import Evaluation
from ml.core.gate import Decision
from ml.core.guardrails import Held
from ml.core.spec import Capability
from ml.pipeline import approval
from ml.pipeline.context import Night
from ml.pipeline.features import features, windows
from ml.pipeline.learning_sample import sampled
from ml.pipeline.truth import BASELINE
from ml.pipeline.verdict import numbers, question

SEED = 7


def recipe(params: Any) -> str:
    """Twelve hex digits that differ when a parameter differs."""
    return hashlib.sha256(json.dumps(asdict(params), sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Trial:
    """When a training began, and from when on what happened judges it."""

    started: datetime
    cutoff: datetime
    rails: tuple[Held, ...] = ()


def register(
    night: Night,
    capability: Capability,
    decision: Decision,
    evaluations: Mapping[str, Evaluation],
    trial: Trial,
) -> dict[str, Any]:
    """Fit by the decision, log the run, name the version's alias and record it in ``ml_ops``.

    Returns
    -------
    dict
        ``status``, ``version``, ``why``, ``run_id``, and the question to a person where one must approve.
    """
    model = model_of(capability)
    progress.at("builds today's features", "learns what serves", "writes it to MLflow")
    table_features = features(night, capability, "serve", night.as_of).with_windows(
        windows(night, capability, night.as_of)
    )
    serve, drawn = sampled(night, capability, table_features)
    decision = replace(decision, figures=f"{decision.figures} {drawn.words}".strip())
    baseline = decision.outcome == "baseline"
    progress.at("learns what serves", "writes it to MLflow")
    fitted = (model.fit_baseline if baseline else model.fit)(serve, capability.params, SEED)
    settings = night.settings
    # A night of the past trains for itself: what serves now is not touched.
    replay = versions.trained_later(settings.database_url, capability.name, night.shop, night.as_of)
    decision = replace(decision, replay=replay)
    outcome: str = "replay" if replay and decision.outcome != "refuse" else decision.outcome
    approver = approval.wanted(night, capability) if outcome == "promote" else None
    outcome = "waiting" if approver else outcome
    verdict = numbers(capability, decision, evaluations, trial.rails) | drawn.facts
    metrics = {candidate: dict(evaluation.metrics) | drawn.facts for candidate, evaluation in evaluations.items()}
    progress.at("writes it to MLflow")
    facts: dict[str, Any] = {
        "tables": {n: night.manifest["tables"][n] for n in capability.tables if n in night.manifest["tables"]},
        "params": asdict(capability.params)
        | {"seed": SEED, "cutoff": trial.cutoff.isoformat(), "as_of": night.as_of.isoformat()},
        "metrics": metrics,
        "tags": {
            "night": night.night.isoformat(),
            "ref": night.ref,
            "shop": night.shop,
            "snapshot_sha256": night.manifest["sha256"],
            "recipe": recipe(capability.params),
            "decision": outcome,
            "why": decision.why,
        },
        "verdict": verdict,
    }
    card = cards.card(capability, **facts)
    with tempfile.TemporaryDirectory() as folder:
        fitted.save(Path(folder))
        if not baseline:  # beside it what the simple method would be, to be judged by what happens
            (Path(folder) / BASELINE).mkdir()
            model.fit_baseline(serve, capability.params, SEED).save(Path(folder) / BASELINE)
        cards.write(Path(folder), capability, serve)
        run_id = tracking.log_run(
            settings.mlflow_uri,
            capability,
            started=trial.started,
            source=night.path("snapshot", "clean"),
            artifact_root=settings.artifacts,
            card=card,
            **facts,
            decision=decision,
            folder=Path(folder),
            reliability={candidate: evaluation.reliability for candidate, evaluation in evaluations.items()},
        )
        url = settings.database_url
        version = tracking.register(settings.mlflow_uri, capability, run_id, versions.latest(url, capability.name))
        if not replay:
            # Before our own books: killed in between, the next run trains and names a champion once more.
            alias: Literal["champion", "challenger"] = "challenger" if outcome in ("refuse", "waiting") else "champion"
            tracking.set_alias(settings.mlflow_uri, capability.name, version, alias)
        registered = versions.Registered(
            capability.name,
            version,
            run_id=run_id,
            shop=night.shop,
            as_of=night.as_of,
            params=asdict(capability.params),
            recipe=recipe(capability.params),
            baseline=baseline,
            decision=outcome,
            why=decision.why,
            metrics=metrics,
            verdict=verdict,
        )
        versions.record_version(settings.database_url, registered, Path(folder))
    result = {"status": outcome, "version": version, "why": decision.why, "run_id": run_id}
    return result | question(approver, version, card) if approver else result

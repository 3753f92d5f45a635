"""Learn, measure on what came after, and let the better model serve: the step train."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from ml.adapters.books import locks, nights, progress, versions
from ml.core.capability import Features, Known, Split, evaluate_of, model_of
from ml.core.evaluation import Evaluation
from ml.core.gate import Decision, decide, stopped
from ml.core.guardrails import held
from ml.core.memory import give_back
from ml.core.spec import Capability
from ml.pipeline.context import Night
from ml.pipeline.features import TRUTH, features, windows
from ml.pipeline.judging import judged_from, lacking, within
from ml.pipeline.learning_sample import sampled
from ml.pipeline.outdated import outdated
from ml.pipeline.registering import SEED, Trial, recipe, register
from ml.pipeline.verdict import costs
from ml.registry import capability as find
from ml.settings import Settings


def serving(night: Night, capability: Capability) -> dict[str, Any] | None:
    """The version that serves this night: of this shop, and trained on nothing that the night does not know."""
    return versions.serving(night.settings.database_url, capability.name, night.shop, night.as_of)


def train(settings: Settings, ref: str, name: str, *, force: bool = False, thorough: bool = False) -> dict[str, Any]:
    """Fit, evaluate on a time split, gate, register and promote, unless there is a champion already; outside of a night.

    ``thorough``: with the parameters of ``capability.thorough``, for which a night has no time.

    Returns
    -------
    dict
        ``status`` (``waiting``, ``champion``, ``promote``, ``refuse``, ``baseline`` or ``replay``), ``version``, ``why``.
    """
    try:
        return learn(settings, ref, name, force=force, thorough=thorough, alone=True)
    finally:
        nights.settle(settings.database_url, ref)


def learn(
    settings: Settings, ref: str, name: str, *, force: bool = False, thorough: bool = False, alone: bool = False
) -> dict[str, Any]:
    """As :func:`train`, as a step of a night unless ``alone``."""
    night, capability = Night.open(settings, ref), find(name)
    if missing := night.missing(capability):
        return {"status": "waiting", "why": f"{name} waits for shop." + ", shop.".join(missing)}
    with locks.exclusive(settings.database_url, f"train {name}", wait_s=7200):
        champion = serving(night, capability)
        if why := outdated(settings, capability, champion):
            champion = None
        params = replace(capability.params, **(capability.thorough if thorough else {}))
        if champion and not force:
            return {"status": "champion", "version": champion["version"], "why": "The champion serves."}
        with night.step("train", name, alone=alone) as record:
            result = _train(night, replace(capability, params=params), champion)
            result["why"] = why + result["why"]
            record["message"] = result["why"]
    return result


def _train(night: Night, capability: Capability, champion: Mapping[str, Any] | None) -> dict[str, Any]:
    trial, split = Trial(datetime.now(UTC), judged_from(night, capability)), None
    if why := lacking(night, capability, trial.cutoff):
        found = within(night, capability)
        if not isinstance(found, Split):
            return _unjudged(night, capability, champion, trial, found or why)
        trial, split = replace(trial, cutoff=found.since), found
    evaluations = _evaluate(night, capability, champion, trial.cutoff, split)
    give_back()
    rails = held(
        capability.guardrails,
        evaluations["challenger"].metrics,
        evaluations["champion"].metrics if "champion" in evaluations else None,
    )
    challenger, baseline = evaluations["challenger"], evaluations[capability.gate.baseline]
    decision = decide(
        challenger.per_unit,
        evaluations["champion"].per_unit if "champion" in evaluations else None,
        baseline.per_unit,
        same_recipe=bool(champion and champion["recipe"] == recipe(capability.params)),
        gate=replace(capability.gate, confidence=split.confidence) if split else capability.gate,
        seed=SEED,
    )
    broken = [one.words for one in rails if not one.held]
    decision = stopped(decision, [*challenger.stops, *broken], served=champion is not None)
    if split:
        decision = replace(decision, figures=f"{decision.figures} {split.words}".lstrip())
    trial = replace(trial, rails=tuple(rails))
    result = register(night, capability, decision, evaluations, trial)
    if decision.outcome == "refuse" and champion and champion["recipe"] != recipe(capability.params):
        return _refresh(night, capability, champion, evaluations, trial) or result
    return result


def _unjudged(
    night: Night, capability: Capability, champion: Mapping[str, Any] | None, trial: Trial, why: str
) -> dict[str, Any]:
    """Serve without a challenger: the champion goes on; a baseline is fitted on newer data."""
    if champion and not champion["baseline"]:
        words = f"No challenger was fitted: {why}. Version {champion['version']} goes on serving."
        return {"status": "champion", "version": champion["version"], "why": words}
    decision = Decision("baseline", why, {}, 0, capability.gate.baseline, fitted=False)
    return register(night, capability, decision, {}, trial)


def _refresh(
    night: Night,
    capability: Capability,
    champion: Mapping[str, Any],
    evaluations: Mapping[str, Evaluation],
    trial: Trial,
) -> dict[str, Any] | None:
    """Where another recipe lost, learn the champion's anew: it must not grow old for having won. None: it is no better."""
    usual = replace(capability, params=replace(capability.params, **_fitting(champion["params"], capability.params)))
    served, baseline = evaluations["champion"], evaluations[capability.gate.baseline]
    decision = decide(
        served.per_unit, served.per_unit, baseline.per_unit, same_recipe=True, gate=capability.gate, seed=SEED
    )
    decision = stopped(decision, served.stops, served=True)
    if champion["baseline"]:
        decision = replace(decision, outcome="baseline", reason="it serves already, and learned from newer data")
    if decision.outcome == "refuse":
        return None
    return register(night, usual, decision, {**evaluations, "challenger": served}, trial)


def _evaluate(
    night: Night,
    capability: Capability,
    champion: Mapping[str, Any] | None,
    cutoff: datetime,
    split: Split | None = None,
) -> dict[str, Evaluation]:
    """Judge the models on what came after ``cutoff``, or on ``split``. What they learned from is let go of before the next features."""
    serves = ("builds today's features", "learns what serves", "writes it to MLflow")
    progress.at("builds the features of before the test window", "learns", "compares", *serves)
    known: Features
    if split:
        known = Known({**split.features, TRUTH: split.truth})
    else:
        built = features(night, capability, "evaluate", night.as_of, since=cutoff)
        known, _ = sampled(night, capability, built.with_windows(windows(night, capability, cutoff)))
    model, baseline = model_of(capability), capability.gate.baseline
    progress.at(f"learns on what was known at {cutoff:%Y-%m-%d}", "compares", *serves)
    models = {
        "challenger": model.fit(known, capability.params, SEED),
        baseline: model.fit_baseline(known, capability.params, SEED),
    }
    twin = None
    if champion:
        # The champion was refitted on the test window when it was promoted; its recipe, fitted before the window, was not.
        params = replace(capability.params, **_fitting(champion["params"], capability.params))
        if recipe(params) == recipe(capability.params):  # the same fit again would give the same model
            twin = baseline if champion["baseline"] else "challenger"
        else:
            models["champion"] = (model.fit_baseline if champion["baseline"] else model.fit)(known, params, SEED)
    progress.at(f"compares on what came from {cutoff:%Y-%m-%d} on", *serves)
    begun = time.perf_counter()
    found = dict(evaluate_of(capability).evaluate(models, known, known[TRUTH], capability.params))
    taken = (time.perf_counter() - begun) / len(models)
    found |= {"champion": found[twin]} if twin else {}
    return found | {"challenger": costs(found, models["challenger"], taken)} if capability.guardrails else found


def _fitting(old: Mapping[str, Any], params: Any) -> dict[str, Any]:
    """The old version's parameters that today's code still has."""
    return {name: value for name, value in old.items() if name in asdict(params)}

"""Each published batch judged by what happened after it, with the gate's own code."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import sqrt
from typing import Any

import numpy as np
import pyarrow as pa

from ml.adapters.books import figures as books
from ml.adapters.mlflow import fetching, tracking
from ml.core.capability import evaluate_of, features_of, model_of, share_known
from ml.core.errors import ArtifactError, DamagedFile
from ml.core.evaluation import Evaluation
from ml.core.figures import Alert, Figure
from ml.core.spec import Capability
from ml.pipeline.bought import bought
from ml.pipeline.context import LazyTables, Night
from ml.pipeline.drawn_by_lot import drawn_by_lot
from ml.pipeline.experiment import shadows
from ml.pipeline.features import TRUTH, features

log = logging.getLogger("nightshift")

MOST = 6
"""Batches that are judged in one night at most, the youngest first; the others' turn comes in the nights after."""
Z_ALERT = 2.326
"""One-sided 1 %: of a hundred batches that are as good as promised, one is called worse."""
BASELINE = "baseline"
"""Folder beside a version's files with the simple method, learned from the same."""


@dataclass(frozen=True)
class Due:
    """A batch, and how long after it what happened is looked at."""

    batch: Mapping[str, Any]
    horizon: timedelta
    promised: bool
    """The gate promised its figure for this horizon."""

    @property
    def slice(self) -> str:
        return f"{self.horizon.days} days" if self.horizon.days != 1 else "1 day"

    @property
    def end(self) -> datetime:
        return datetime.fromisoformat(str(self.batch["as_of"])) + self.horizon


def due(night: Night, capability: Capability) -> list[Due]:
    """The batches whose time has come and that no other night judged yet."""
    url = night.settings.database_url
    horizons = sorted({*capability.monitor.horizons, capability.gate.horizon})
    done = books.judged(url, capability.name, night.night)
    found = [
        one
        for batch in books.batches(url, capability.name, night.shop, night.as_of)
        for horizon in horizons
        if (one := Due(batch, horizon, horizon == capability.gate.horizon)).end <= night.as_of
        and (batch["night"], one.slice) not in done
    ]
    return found[:MOST]


def judge(night: Night, capability: Capability) -> tuple[list[Figure], list[Alert]]:
    """What each batch that is due did, beside what was promised; and who should know."""
    found: list[Figure] = []
    alerts: list[Alert] = []
    for one in due(night, capability):
        try:
            figures = _judge(night, capability, one)
        except (ArtifactError, DamagedFile) as error:
            log.warning("The batch of %s of %s is not judged. %s", one.batch["night"], capability.name, error)
            continue
        found += figures
        # Of the youngest batch at each horizon; what an older one did is history.
        if not any(figure.slice == one.slice and figure.about != one.batch["night"] for figure in found):
            alerts += worse(capability, one, figures)
    return found, alerts


def _judge(night: Night, capability: Capability, one: Due) -> list[Figure]:
    known, truth, share = _then(night, capability, one)
    served, about = {"version": one.batch["version"]}, {"about": one.batch["night"], "slice": one.slice}
    if share is not None:
        figure = Figure("truth", "share of the truth that is known", share[0], units=share[1], **about, **served)
        shares = [figure]
    else:
        shares = []
    start = datetime.fromisoformat(str(one.batch["as_of"]))
    for look in (bought, drawn_by_lot):
        shares += look(night, capability, one.batch, start, one.end, one.slice)
    if not len(truth):
        return [*shares, Figure("truth", capability.gate.metric, None, units=0, **about, **served)]
    models = _models(night, capability, one)
    evaluate = evaluate_of(capability).evaluate
    try:
        judged = evaluate(models, known, truth, capability.params)
    except Exception as error:  # noqa: BLE001 - whatever today's code says of them
        # Features that lie in the lake may be of an older version of the code; as known then they can be made again.
        log.warning("The features of %s are made anew. %s: %s", one.batch["ref"], type(error).__name__, error)
        known = _again(night, capability, one)
        judged = evaluate(models, known, known[TRUTH], capability.params)
    promised = (one.batch["verdict"] or {}).get("promised") if one.promised else None
    return [*shares, *measured(capability, judged, one, promised)]


def measured(
    capability: Capability, judged: Mapping[str, Evaluation], one: Due, promised: Mapping[str, Any] | None
) -> list[Figure]:
    """The figures of what served (and of the baseline, as ``baseline: <name>``), the gate's with its interval."""
    gate, found = capability.gate, []
    for who, evaluation in judged.items():
        head = {"served": "", gate.baseline: "baseline: "}.get(who, f"{who}: ")
        units = len(evaluation.per_unit)
        for name, value in evaluation.metrics.items():
            figure = Figure(
                "truth",
                head + name,
                float(value),
                slice=one.slice,
                units=units,
                about=one.batch["night"],
                version=one.batch["version"],
            )
            if name == gate.metric and units > 1:
                half = 1.96 * error_of(evaluation.per_unit)
                figure = replace(figure, low=float(value) - half, high=float(value) + half)
            if who == "served" and name == gate.metric and promised:
                figure = replace(figure, expected=promised["mean"])
            found.append(figure)
    return found


def error_of(values: Any) -> float:
    """Standard error of the mean of some units' values."""
    return float(np.std(values, ddof=1) / sqrt(len(values))) if len(values) > 1 else float("inf")


def worse(capability: Capability, one: Due, figures: Iterable[Figure]) -> list[Alert]:
    """An alert if the batch did worse than promised by more than chance, or if no truth came at all."""
    gate, verdict = capability.gate, one.batch["verdict"] or {}
    figure = next((f for f in figures if f.name == gate.metric), None)
    if figure is None or not one.promised:
        return []
    common: dict[str, Any] = {"slice": one.slice, "value": figure.value, "expected": figure.expected}
    night = one.batch["night"]
    if not figure.units:
        words = f"no truth came in {one.slice} after the night of {night}, so nobody knows whether it was right"
        do = "see that the shop still writes what the truth is made of (" + ", ".join(capability.tables) + ")"
        return [Alert(capability.name, "truth", gate.metric, words, do, **common)]
    promised = verdict.get("promised")
    if not promised or figure.value is None or figure.units < gate.min_units or figure.low is None:
        return []
    spread = sqrt(((figure.value - figure.low) / 1.96) ** 2 + promised["error"] ** 2)
    if promised["mean"] - figure.value <= Z_ALERT * max(spread, 1e-12):
        return []
    baseline = next((f.value for f in figures if f.name == f"baseline: {gate.metric}"), None)
    beside = f"; {gate.baseline} would have had {baseline:.4g}" if baseline is not None else ""
    words = (
        f"version {figure.version} promised {gate.metric} {promised['mean']:.4g} "
        f"[{promised['low']:.4g}, {promised['high']:.4g}] and had {figure.value:.4g} "
        f"[{figure.low:.4g}, {figure.high:.4g}] on {figure.units:,} units in the {one.slice} after the night of {night}{beside}"
    )
    do = f"see what else changed (the open alerts in ml_ops.alert); ./nightshift train {capability.name} learns again, ./nightshift promote {capability.name} VERSION lets an older version serve"
    return [Alert(capability.name, "truth", gate.metric, words, do, reaction=capability.monitor.truth, **common)]


def _then(night: Night, capability: Capability, one: Due) -> tuple[LazyTables, pa.Table, tuple[float, int] | None]:
    """The features of a batch's night as they were, or made again as known then; what came after; how much of it is known."""
    lake, start = night.lake, datetime.fromisoformat(str(one.batch["as_of"]))
    folder = lake.join("features", one.batch["ref"], capability.name, "serve")
    params = capability.params
    with night.backend() as backend:
        tables = night.clean(backend, capability) | night.config(backend, capability)
        share = share_known(capability, tables, start, one.end, params)
        if share is not None and not share[0]:  # nothing is known yet: what it would be judged with is not made
            return LazyTables.of(lake, folder), pa.table({}), share
        if _whole(night, folder):
            truth = features_of(capability).truth(tables, start, one.end, params).to_pyarrow()
            return LazyTables.of(lake, folder), truth, share
    known = _again(night, capability, one)
    return known, known[TRUTH], share


def _again(night: Night, capability: Capability, one: Due) -> LazyTables:
    """The features as known at a batch's time, and the truth that followed, made from tonight's snapshot."""
    start = datetime.fromisoformat(str(one.batch["as_of"]))
    return features(night, capability, f"at-{start:%Y%m%dT%H%M}-{one.horizon.days}", one.end, since=start)


def _whole(night: Night, folder: str) -> bool:
    if not night.lake.exists(folder, "done.json"):
        return False
    try:
        return bool(night.lake.files(folder))
    except DamagedFile:
        return False


def _models(night: Night, capability: Capability, one: Due) -> dict[str, Any]:
    """What served, what the baseline of the same training would have been, and what an experiment judges without showing it."""
    settings, part = night.settings, model_of(capability)
    version = one.batch["version"]
    folder = fetching.fetch(
        settings.mlflow_uri, settings.database_url, capability.name, version, settings.home / "models"
    )
    models = {"served": part.load(folder)}
    for name, arm in shadows(night, capability):
        files = fetching.fetch(
            settings.mlflow_uri, settings.database_url, capability.name, int(arm.version or 0), settings.home / "models"
        )
        models[f"shadow {name}, {arm.name}"] = part.load(files)
    if (folder / BASELINE).is_dir():
        models[capability.gate.baseline] = part.load(folder / BASELINE)
    return models


def promise(capability: Capability, evaluation: Evaluation) -> dict[str, Any]:
    """What a gate promises of the model that serves: its metric with an interval, to be held against what happens."""
    per_unit = evaluation.per_unit
    if len(per_unit) < 2:
        return {}
    mean, error = float(np.mean(per_unit)), error_of(per_unit)
    return {
        "metric": capability.gate.metric,
        "mean": mean,
        "error": error,
        "low": mean - 1.96 * error,
        "high": mean + 1.96 * error,
        "units": len(per_unit),
    }


def to_mlflow(night: Night, found: Sequence[Figure], runs_of: Mapping[int, str]) -> None:
    """Write the figures of each version to its run, as time series by the day of the batch."""
    runs: dict[str, list[tuple[str, float, int]]] = {}
    for figure in found:
        if (
            figure.version is not None
            and figure.version in runs_of
            and figure.value is not None
            and figure.about is not None
        ):
            name = f"happened/{figure.slice}/{figure.name}"
            runs.setdefault(runs_of[figure.version], []).append((name, figure.value, figure.about.toordinal()))
    for run, points in runs.items():
        tracking.log_series(night.settings.mlflow_uri, run, points)

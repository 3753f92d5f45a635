"""The step monitor: what happened since, and what is unlike before. It ends each night, after everything is published."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ml.adapters.books import figures as books
from ml.core.figures import Alert, Figure
from ml.core.outages import as_words
from ml.core.spec import Capability
from ml.pipeline import drift, truth
from ml.pipeline.context import Night
from ml.pipeline.effects import effects
from ml.registry import CAPABILITIES
from ml.registry import capability as find
from ml.settings import Settings

log = logging.getLogger("nightshift")


@dataclass
class _Looked:
    """What was measured and found of one capability (or, with the name empty, of the shop's tables)."""

    name: str
    figures: list[Figure]
    alerts: list[Alert]
    kinds: tuple[str, ...]


def monitor(settings: Settings, ref: str, names: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure the night's capabilities and keep it in ``ml_ops.figure``; find what people should know.

    Parameters
    ----------
    names : sequence of str, optional
        The capabilities; all if not given. One that published nothing of this snapshot is judged by its older batches.

    Returns
    -------
    dict
        ``figures`` (how many), ``alerts`` (those that were not told before, as words), ``learn`` (capabilities that should
        learn again, each with why), ``failed`` (capabilities that could not be looked at, each with why).
    """
    night = Night.open(settings, ref)
    summary: dict[str, Any] = {"figures": 0, "alerts": [], "learn": {}, "failed": {}}
    if night.rehearsal:
        return summary
    with night.step("monitor") as record:
        found = [_inputs(night)]
        for capability in map(find, names or CAPABILITIES):
            try:
                found.append(_capability(night, capability))
            except Exception as error:
                log.exception("%s could not be looked after.", capability.name)
                summary["failed"][capability.name] = str(as_words(error) or f"{type(error).__name__}: {error}")
        for looked in found:
            _keep(night, looked, summary)
        record["rows"] = summary["figures"]
        record["message"] = "; ".join(f"{name}: {why}" for name, why in summary["failed"].items()) or None
    return summary


def _inputs(night: Night) -> _Looked:
    found = drift.inputs(night)
    _, effect_alerts = effects(night)
    return _Looked("", drift.input_figures(found), [*drift.input_alerts(found), *effect_alerts], ("input", "truth"))


def _capability(night: Night, capability: Capability) -> _Looked:
    start = time.perf_counter()
    figures, alerts = truth.judge(night, capability)
    kinds: tuple[str, ...] = ()
    version = _tonight(night, capability)
    if version is not None:
        kinds = ("feature", "prediction")
        for measured, found in (
            drift.distributions(night, capability, "feature", _features(night, capability), version),
            drift.distributions(night, capability, "prediction", _predictions(night, capability), version),
        ):
            figures += measured
            alerts += found
    runs = {batch["version"]: batch["run_id"] for batch in _batches(night, capability)}
    truth.to_mlflow(night, [f for f in figures if f.kind == "truth"], runs)
    figures.append(Figure("cost", "monitor, seconds", time.perf_counter() - start))
    return _Looked(capability.name, figures, alerts, kinds)


def _batches(night: Night, capability: Capability) -> list[dict[str, Any]]:
    return books.batches(night.settings.database_url, capability.name, night.shop, night.as_of)


def _tonight(night: Night, capability: Capability) -> int | None:
    """The version that scored this snapshot, where that was done as a whole."""
    path = night.path("predictions", capability.name, "whole.json")
    return int(night.lake.read_json(path)["version"]) if night.lake.exists(path) else None


def _features(night: Night, capability: Capability) -> dict[str, str]:
    folder = night.path("features", capability.name, "serve")
    files = [name for name in night.lake.names(folder) if name.endswith(".parquet")]
    excluded = {table.name for table in capability.config} | {"night"}
    return {n: night.lake.join(folder, f) for f in files if (n := f.removesuffix(".parquet")) not in excluded}


def _predictions(night: Night, capability: Capability) -> dict[str, str]:
    folders = {table.name: night.path("predictions", capability.name, table.name) for table in capability.publishes}
    return {n: f for n, f in folders.items() if any(file.endswith(".parquet") for file in night.lake.names(f))}


def _keep(night: Night, looked: _Looked, summary: dict[str, Any]) -> None:
    url = night.settings.database_url
    kinds = ("input",) if not looked.name else ("truth", "cost", "feature", "prediction")
    books.write(url, night.night, night.ref, looked.name, looked.figures, kinds)
    measured = [(f.kind, f.name, f.slice) for f in looked.figures if f.kind == "truth"]
    new = books.tell(url, night.night, looked.name, looked.alerts, kinds=looked.kinds, measured=measured)
    summary["figures"] += len(looked.figures)
    summary["alerts"] += [str(alert) for alert in new]
    for alert in new:
        log.warning("%s", alert)
        for name in _learners(alert):
            summary["learn"].setdefault(name, alert.words)


def _learners(alert: Alert) -> list[str]:
    """The capabilities that learn again because of an alert."""
    if alert.reaction == "tell":
        return []
    if alert.capability:
        return [alert.capability] if alert.reaction == "learn" else []
    return [s.name for s in CAPABILITIES.values() if s.monitor.inputs == "learn" and drift.concerns(s, alert.name)]

"""The rows of an experiment's arms among those of a night, and who is said to see which."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from ml.adapters.books import experiments
from ml.core.capability import Model, model_of, published
from ml.core.experiment import Arm
from ml.core.spec import RULE_SET, Capability
from ml.pipeline import experiment, language
from ml.pipeline.context import Night
from ml.pipeline.features import features, windows
from ml.pipeline.registering import SEED

WHOLE = "whole.json"
"""Beside the predictions of a night, written last: the version that made them, and how many rows by table."""
ARMS = "arms/arms.parquet"
"""Beside them, where an experiment runs: which customer sees which arm."""


def mixed(
    night: Night,
    capability: Capability,
    version: Mapping[str, Any],
    rows: Mapping[str, int],
    load: Callable[[Mapping[str, Any]], Model],
) -> dict[str, Any]:
    """Give customers of an experiment the rows of their arm; what changed by it, for :data:`WHOLE`.

    Parameters
    ----------
    rows : mapping of str to int
        Rows by table as they were scored.
    load : callable
        Gives the model of a version.
    """
    if not experiment.config_rows(night):
        return {}
    known = features(night, capability, "serve", night.as_of)

    def score(arm: Arm) -> tuple[Mapping[str, pa.Table], int | None]:
        if arm.shows == "nothing":
            return {}, None
        number, seen = arm.version, known
        if arm.shows == "baseline":
            windows_too = known.with_windows(windows(night, capability, night.as_of))
            model = model_of(capability).fit_baseline(windows_too, capability.params, SEED)
        else:
            number = int(version["version"]) if arm.shows == "rules" else number
            model = load({"version": number})
            seen = known.beside(_rules(night, capability, arm.rule_set)) if arm.rule_set else known
        return language.tables(night, capability, published(capability, model, seen)), number

    mixture = experiment.mix(night, capability, rows, score, int(version["version"]))
    if not mixture:
        return {}
    path = night.path("predictions", capability.name, ARMS)
    night.lake.write_batches(path, mixture.pop("arms").combine_chunks().to_batches())
    return mixture


def _rules(night: Night, capability: Capability, rule_set: str) -> dict[str, str]:
    """Files of the staff's tables that have sets of rules, with the rows of one set beside those for all."""
    names = [table.name for table in capability.config if RULE_SET in table.column_names]
    found = {
        name: night.path("features", capability.name, "rules", f"{quote(rule_set, safe='')}-{name}.parquet")
        for name in names
    }
    with night.backend() as backend:
        tables = night.config(backend, capability, rule_set)
        for name, path in found.items():
            night.lake.write_ibis(backend, tables[name], path)
    return found


def withheld(night: Night, name: str) -> Mapping[str, int]:
    """By table, customers who are shown nothing because of an experiment."""
    return dict(night.lake.read_json(night.path("predictions", name, WHOLE)).get("withheld", {}))


def show(night: Night, capability: Capability) -> None:
    """Let ``ml.experiment_arm`` say who sees which arm, now that the shop sees the rows."""
    path = night.path("predictions", capability.name, ARMS)
    url = night.settings.database_url
    if night.lake.exists(path):
        experiments.show(url, capability.name, night.lake.read_parquet(path))
        experiment.began(night, capability)
    elif any(row["capability"] == capability.name for row in experiments.state(url).values()):
        experiments.show(url, capability.name, pa.table({}))

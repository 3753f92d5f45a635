"""Every capability is looked after without a line of its own: judged by what happened, watched for drift, carded.

The model is the baseline of the capability: what holds of one holds of every one, and it is fitted in a moment.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from mlflow.models import Model

from ml.adapters.mlflow import cards
from ml.learn.drift import psi
from ml.pipeline.drift import binned, counted
from ml.pipeline.truth import Due, measured, promise, worse
from tests.contract.cases import SEED, Case, saved

NIGHT = date(2026, 1, 1)


def batch(version: int = 3, **verdict: object) -> dict[str, object]:
    """A batch as the books know it."""
    return {"night": NIGHT, "version": version, "verdict": verdict}


def test_a_batch_is_judged_by_the_gates_own_code(case: Case) -> None:
    """What served and the baseline get the gate's figure with an interval; a promise kept is no alert, a broken one is."""
    spec = case.capability
    simple = case.part("model").fit_baseline(case.known, spec.params, SEED)
    models = {"served": simple, spec.gate.baseline: simple}
    judged = case.part("evaluate").evaluate(models, case.known, case.truth, spec.params)
    promised = promise(spec, judged["served"])
    one = Due(batch(promised=promised), spec.gate.horizon, promised=True)
    found = measured(spec, judged, one, promised)
    (figure,) = [f for f in found if f.name == spec.gate.metric]
    (baseline,) = [f for f in found if f.name == f"baseline: {spec.gate.metric}"]
    assert figure.value == pytest.approx(promised["mean"], abs=1e-6), "the figure is the mean of its units"
    assert figure.low <= figure.value <= figure.high
    assert figure.value == baseline.value
    assert worse(spec, one, found) == []
    error = max(promised["error"], 1e-6)
    better = promised | {"mean": promised["mean"] + 10 * error, "low": promised["low"] + 10 * error}
    alerts = worse(spec, Due(batch(promised=better), spec.gate.horizon, promised=True), found)
    if figure.units >= spec.gate.min_units:
        assert [alert.name for alert in alerts] == [spec.gate.metric]
        assert alerts[0].reaction == spec.monitor.truth


def test_no_truth_is_said_in_words(case: Case) -> None:
    """A batch about which nothing came is told, not judged as bad."""
    from ml.core.figures import Figure

    spec = case.capability
    figures = [Figure("truth", spec.gate.metric, None, units=0)]
    (alert,) = worse(spec, Due(batch(), timedelta(days=28), promised=True), figures)
    assert "no truth came" in alert.words


def test_features_and_predictions_are_watched(case: Case) -> None:
    """Some columns of both have usual values, and each column is as its own first night is."""
    simple = case.part("model").fit_baseline(case.serve, case.capability.params, SEED)
    for tables in (case.serve, case.score(simple, case.serve)):
        watched = 0
        for table in tables.values():
            for column in table.column_names:
                bins = binned(table[column])
                if bins is not None:
                    watched += 1
                    counts = np.array(bins["counts"])
                    assert counts.sum() == len(table)
                    assert psi(counts, counted(table[column], bins)) == pytest.approx(0, abs=1e-9)
        assert watched or all(len(table) < 200 for table in tables.values())


def test_a_version_has_a_card_a_signature_and_an_example(case: Case, tmp_path: Path) -> None:
    """MLflow reads the signature; the model loads with these files, and its baseline, beside its own."""
    spec = case.capability
    simple = case.part("model").fit_baseline(case.serve, spec.params, SEED)
    files = saved(simple, tmp_path / "model")
    cards.write(tmp_path / "model", spec, case.serve)
    (tmp_path / "model" / "baseline").mkdir()
    simple.save(tmp_path / "model" / "baseline")
    signature = Model.load(str(tmp_path / "model")).signature
    assert {f"{t.name}.{c.name}" for t in spec.publishes for c in t.columns} == set(signature.outputs.input_names())
    loaded = case.part("model").load(tmp_path / "model")
    assert saved(loaded, tmp_path / "again") == files
    case.part("model").load(tmp_path / "model" / "baseline")
    text = cards.card(spec, tags={}, params={}, tables={}, metrics={}, verdict={})
    for words in (spec.question, spec.gate.baseline, "rollback", *(f"ml.{t.name}" for t in spec.publishes)):
        assert words in text

"""The step monitor on a small shop, night after night, with a real database and registry."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ml import pipeline
from ml.adapters import postgres as adapter
from ml.adapters.mlflow.tracking import client_of
from ml.core.spec import Monitor
from ml.registry import CAPABILITIES
from tests.live.conftest import NIGHT, Shop, at
from tests.live.watch import evaluate
from tests.live.watch.spec import SPEC

WEEK = timedelta(days=7)


@pytest.fixture(autouse=True)
def weekly(monkeypatch: pytest.MonkeyPatch, watched: Shop) -> None:
    """Batches are judged after a day and after the gate's week."""
    spec = replace(SPEC, gate=replace(SPEC.gate, horizon=WEEK), monitor=Monitor(horizons=(timedelta(days=1),)))
    monkeypatch.setitem(CAPABILITIES, "watch", spec)


def ask(shop: Shop, sql: str) -> list[dict[str, Any]]:
    """Rows of a query on the books."""
    return adapter.query(shop.settings.database_url, sql)


def figures(shop: Shop, kind: str = "truth") -> dict[tuple[Any, str, str], dict[str, Any]]:
    """The figures of a kind, by batch, name and slice."""
    rows = ask(shop, f"SELECT * FROM ml_ops.figure WHERE kind = '{kind}' AND capability = 'watch'")
    return {(row["about"], row["name"], row["slice"]): row for row in rows}


def orders(shop: Shop, days: int) -> None:
    """Some orders on each of the days after the night."""
    for day in range(days):
        for number in range(4):
            shop.place(f"n{day}-{number}", at(24 * day + 6 + number))


def test_a_batch_is_judged_by_what_came_after_it(watched: Shop) -> None:
    """A day and a week after a night its batch is judged once, beside the baseline, and MLflow has the series."""
    orders(watched, 9)
    watched.night(NIGHT + timedelta(days=1))
    made = figures(watched)
    assert made[NIGHT, "hit", "1 day"]["value"] == 1.0
    assert (made[NIGHT, "hit", "1 day"]["units"], made[NIGHT, "hit", "1 day"]["version"]) == (4, 1)
    assert (NIGHT, "hit", "7 days") not in made
    watched.night(NIGHT + WEEK)
    made = figures(watched)
    assert made[NIGHT, "hit", "7 days"]["units"] == 28
    assert made[NIGHT, "baseline: hit", "7 days"]["value"] == 0.0
    before = len(made)
    watched.night(NIGHT + WEEK + timedelta(days=1))
    again = figures(watched)
    assert {row["night"] for key, row in again.items() if key[0] == NIGHT} == {
        NIGHT + timedelta(days=1), NIGHT + WEEK
    }, "what is judged stays as it was judged"  # fmt: skip
    assert len(again) > before
    run = ask(watched, "SELECT run_id FROM ml_ops.version WHERE capability = 'watch'")[0]["run_id"]
    series = client_of(watched.settings.mlflow_uri).get_metric_history(run, "happened/1 day/hit")
    assert [point.value for point in series][-3:] == [1.0, 1.0, 1.0]


def test_what_does_worse_than_promised_is_told_once(watched: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that keeps no promise is an alert with both figures, once, until a batch keeps it again."""
    watched.execute(
        "UPDATE ml_ops.promotion SET verdict = jsonb_build_object('promised', jsonb_build_object("
        "'metric', 'hit', 'mean', 1.0, 'error', 0.01, 'low', 0.98, 'high', 1.02, 'units', 99))"
    )
    orders(watched, 9)
    monkeypatch.setitem(evaluate.WORTH, 24, 0.4)
    ref = watched.night(NIGHT + WEEK)["ref"]
    (alert,) = ask(watched, "SELECT * FROM ml_ops.alert WHERE kind = 'truth'")
    assert (alert["name"], alert["reaction"], alert["value"], alert["expected"]) == (
        "hit",
        "learn",
        pytest.approx(0.4),
        1.0,
    )
    assert "promised hit 1 [0.98, 1.02] and had 0.4" in alert["words"]
    assert "./nightshift train watch" in alert["advice"]
    told = pipeline.monitor(watched.settings, ref, ["watch"])
    assert told["alerts"] == [], "the same alert is not told twice"
    assert len(ask(watched, "SELECT * FROM ml_ops.alert WHERE kind = 'truth'")) == 1


def test_truth_that_never_comes_and_a_metric_on_three_rows(watched: Shop) -> None:
    """No row to judge on is said in words, not as a figure; too few are a figure and no alert."""
    watched.night(NIGHT + WEEK)
    assert figures(watched)[NIGHT, "hit", "7 days"]["value"] is None
    (alert,) = ask(watched, "SELECT words, advice FROM ml_ops.alert WHERE kind = 'truth'")
    assert "no truth came in 7 days" in alert["words"]
    assert "order" in alert["advice"]


def test_few_units_are_no_alert(watched: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """With fewer units than the gate asks for nothing is called worse."""
    spec = CAPABILITIES["watch"]
    monkeypatch.setitem(CAPABILITIES, "watch", replace(spec, gate=replace(spec.gate, min_units=30)))
    monkeypatch.setitem(evaluate.WORTH, 24, 0.0)
    orders(watched, 1)
    watched.night(NIGHT + WEEK)
    assert figures(watched)[NIGHT, "hit", "7 days"]["units"] == 4
    assert ask(watched, "SELECT * FROM ml_ops.alert WHERE kind = 'truth'") == []


def test_a_clock_that_went_back_judges_nothing(watched: Shop) -> None:
    """A night of the past does not judge the batches that came after it."""
    orders(watched, 2)
    watched.night(NIGHT - timedelta(days=2))
    assert figures(watched) == {}


def test_a_rehearsal_measures_nothing(watched: Shop) -> None:
    """A night on a sample leaves no figure."""
    report = watched.night(NIGHT + timedelta(days=1), sample=3)
    assert pipeline.monitor(watched.settings, report["ref"], ["watch"])["figures"] == 0

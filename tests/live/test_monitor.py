"""The step monitor on a small shop, night after night, with a real database and registry."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ml import pipeline
from ml.adapters import postgres as adapter
from ml.adapters.lake import Lake
from ml.adapters.mlflow.tracking import client_of
from ml.core.errors import DataRefused
from ml.core.figures import Figure
from ml.core.spec import Monitor
from ml.pipeline import truth
from ml.pipeline.context import Night
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
    judged_figures = figures(watched)
    assert judged_figures[NIGHT, "hit", "1 day"]["value"] == 1.0
    assert (judged_figures[NIGHT, "hit", "1 day"]["units"], judged_figures[NIGHT, "hit", "1 day"]["version"]) == (4, 1)
    assert (NIGHT, "hit", "7 days") not in judged_figures
    watched.night(NIGHT + WEEK)
    judged_figures = figures(watched)
    assert judged_figures[NIGHT, "hit", "7 days"]["units"] == 28
    assert judged_figures[NIGHT, "baseline: hit", "7 days"]["value"] == 0.0
    judged = {key[2]: row["night"] for key, row in judged_figures.items() if key[0] == NIGHT}
    assert judged == {"1 day": NIGHT + timedelta(days=1), "7 days": NIGHT + WEEK}, "what is judged stays as it was"
    run = ask(watched, "SELECT run_id FROM ml_ops.version WHERE capability = 'watch'")[0]["run_id"]
    series = client_of(watched.settings.mlflow_uri).get_metric_history(run, "happened/1 day/hit")
    assert [point.value for point in series][-2:] == [1.0, 1.0]


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
    report = pipeline.monitor(watched.settings, ref, ["watch"])
    assert report["alerts"] == [], "the same alert is not told twice"
    assert len(ask(watched, "SELECT * FROM ml_ops.alert WHERE kind = 'truth'")) == 1


def test_truth_that_never_comes_and_a_metric_on_three_rows(watched: Shop) -> None:
    """No row to judge on is said in words, not as a figure; too few are a figure and no alert."""
    watched.night(NIGHT + WEEK)
    assert figures(watched)[NIGHT, "hit", "7 days"]["value"] is None
    (alert,) = ask(watched, "SELECT words, advice FROM ml_ops.alert WHERE kind = 'truth'")
    assert "no truth came in 7 days" in alert["words"]
    assert "order" in alert["advice"]


def test_few_units_are_no_alert() -> None:
    """With fewer units than the gate asks for nothing is called worse."""
    promised = {"metric": "hit", "mean": 1.0, "error": 0.01, "low": 0.98, "high": 1.02, "units": 99}
    one = truth.Due({"night": NIGHT, "version": 1, "verdict": {"promised": promised}}, WEEK, promised=True)
    few, enough = (Figure("truth", "hit", 0.0, low=-0.1, high=0.1, expected=1.0, units=n, version=1) for n in (1, 2))
    assert truth.worse(SPEC, one, [few]) == []
    assert [alert.value for alert in truth.worse(SPEC, one, [enough])] == [0.0]


def test_a_clock_that_went_back_judges_nothing(watched: Shop) -> None:
    """A night of the past does not judge the batches that came after it, nor its own."""
    orders(watched, 2)
    night = Night.open(watched.settings, f"{NIGHT}/001")
    assert truth.due(night, CAPABILITIES["watch"]) == []


def test_a_rehearsal_measures_nothing(watched: Shop) -> None:
    """A night on a sample leaves no figure."""
    lake, manifest = Lake(watched.settings.lake_uri), f"snapshot/{NIGHT}/001/manifest.json"
    lake.write_json(manifest, lake.read_json(manifest) | {"sample": 3})
    before = ask(watched, "SELECT count(*) AS n FROM ml_ops.figure")
    assert pipeline.monitor(watched.settings, f"{NIGHT}/001", ["watch"])["figures"] == 0
    assert ask(watched, "SELECT count(*) AS n FROM ml_ops.figure") == before


def test_what_is_unlike_before_may_hold_the_publication(watched: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the spec says so, nothing is published from data that is unlike the days before, unless it is meant."""
    spec = CAPABILITIES["watch"]
    monkeypatch.setitem(CAPABILITIES, "watch", replace(spec, monitor=replace(spec.monitor, inputs="hold")))
    orders(watched, 9)
    watched.execute("UPDATE shop.order_item SET unit_price = 250 WHERE order_id LIKE 'n%'")
    with pytest.raises(DataRefused, match=r"shop.order_item.unit_price: level, last 7 days is unusual: 250, usual 2.5"):
        watched.night(NIGHT + WEEK)
    assert {row["batch_id"] for row in watched.seen().values()} == {1}
    pipeline.publish(watched.settings, f"{NIGHT + WEEK}/001", "watch", accept_growth=True)
    assert {row["batch_id"] for row in watched.seen().values()} != {1}
    pipeline.monitor(watched.settings, f"{NIGHT + WEEK}/001", ["watch"])
    held = ask(watched, "SELECT DISTINCT reaction FROM ml_ops.alert WHERE kind = 'input'")
    assert held == [{"reaction": "hold"}]


def test_features_of_older_code_are_made_again(watched: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the features of a batch's night cannot be read by today's code, they are made as known then."""
    orders(watched, 2)
    judged, seen = evaluate.evaluate, []

    def strict(models: Any, features: Any, truth: Any, params: Any) -> Any:
        seen.append("truth" in features)
        if not seen[-1]:
            raise KeyError("a column that the night of then did not make")
        return judged(models, features, truth, params)

    monkeypatch.setattr(evaluate, "evaluate", strict)
    watched.night(NIGHT + timedelta(days=1))
    assert figures(watched)[NIGHT, "hit", "1 day"]["units"] == 4
    assert seen == [False, True]

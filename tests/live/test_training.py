"""Who serves after a training: the pipeline's step train, with a real database and registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ml import pipeline
from ml.adapters import postgres as adapter
from ml.core.capability import Rows, Split
from ml.pipeline import judging, training
from ml.pipeline.context import Night
from ml.registry import CAPABILITIES
from tests.live.conftest import NIGHT, Shop
from tests.live.watch import evaluate, model
from tests.live.watch.spec import SPEC


def _train(shop: Shop, **options: Any) -> dict[str, Any]:
    return training.train(shop.settings, f"{NIGHT}/001", "watch", force=True, **options)


def _versions(shop: Shop) -> list[tuple[str, int]]:
    """Decision and hours of each model, in the order in which they were made."""
    rows = adapter.query(
        shop.settings.database_url,
        "SELECT decision, params FROM ml_ops.version JOIN ml_ops.promotion USING (capability, version)"
        " WHERE capability = 'watch' ORDER BY version",
    )
    return [(row["decision"], row["params"]["hours"]) for row in rows]


def test_the_same_recipe_is_a_refresh(watched: Shop) -> None:
    """Trained anew with the same parameters the newer one serves."""
    assert _train(watched)["status"] == "promote"
    assert _versions(watched) == [("promote", 24), ("promote", 24)]


def test_a_model_of_another_format_is_learned_anew(watched: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an upgrade that reads other files the night trains instead of ending; it says why, once."""
    before = training.train(watched.settings, f"{NIGHT}/001", "watch")
    assert before["status"] == "champion"
    monkeypatch.setattr(model, "FORMAT", 2, raising=False)
    decision = training.train(watched.settings, f"{NIGHT}/001", "watch")
    assert decision["status"] == "promote"
    assert decision["version"] > before["version"]
    assert decision["why"].startswith(f"Version {before['version']} was written by another version of Nightshift")


def test_the_champions_recipe_is_fitted_once_to_be_judged(watched: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refresh costs one fit to be judged and one to serve; both names have its figures."""
    fits, fit = [], model.fit
    monkeypatch.setattr(model, "fit", lambda *args: fits.append(args) or fit(*args))
    decision = _train(watched)
    assert len(fits) == 2
    metrics = adapter.query(
        watched.settings.database_url,
        f"SELECT metrics FROM ml_ops.version WHERE capability = 'watch' AND version = {int(decision['version'])}",
    )[0]["metrics"]
    assert metrics["champion"] == metrics["challenger"] != metrics[SPEC.gate.baseline]


def test_what_takes_its_time_serves_if_it_is_better(watched: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thorough parameters serve when they win by more than chance."""
    monkeypatch.setitem(evaluate.WORTH, 48, 2.0)
    assert _train(watched, thorough=True)["status"] == "promote"
    assert _versions(watched) == [("promote", 24), ("promote", 48)]


def test_a_champion_does_not_grow_old_for_having_won(watched: Shop) -> None:
    """Where another recipe loses it stays a challenger, and the champion's recipe is learned anew and serves."""
    decision = _train(watched, thorough=True)
    assert decision["status"] == "promote"
    assert "the champion's recipe on newer data" in decision["why"]
    assert _versions(watched) == [("promote", 24), ("refuse", 48), ("promote", 24)]


def test_a_champion_that_is_no_better_than_the_baseline_is_not_learned_anew(
    watched: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When neither recipe beats the baseline any more, what serves is left as it is."""
    monkeypatch.setattr(evaluate, "WORTH", {24: 0.0, 48: 0.0})
    assert _train(watched, thorough=True)["status"] == "refuse"
    assert _versions(watched) == [("promote", 24), ("refuse", 48)]


def test_a_refused_model_does_not_serve_a_night_of_the_past(watched: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a younger training a past night's challenger that loses is no more served than tonight's would be."""
    with adapter.transaction(watched.settings.database_url) as cursor:
        cursor.execute("UPDATE ml_ops.version SET as_of = as_of + interval '1 day' WHERE capability = 'watch'")
    monkeypatch.setattr(evaluate, "WORTH", {24: 0.0, 48: 0.0})
    assert _train(watched)["status"] == "replay"  # the baseline: the younger model may not serve this night
    monkeypatch.setattr(evaluate, "WORTH", {24: -1.0, 48: -1.0})
    assert _train(watched)["status"] == "refuse"
    assert [decision for decision, _ in _versions(watched)] == ["promote", "replay", "refuse"]


@pytest.mark.parametrize(
    ("enough", "reached"),
    [
        (0, lambda seen, _: seen >= 0),
        (10, lambda seen, _: seen >= 10),
        (10**6, lambda seen, everything: everything / 3 <= seen < everything),
    ],
    ids=["the horizon alone", "ten rows", "more than there are"],
)
def test_few_rows_are_judged_from_earlier_on(watched: Shop, enough: int, reached: Callable[[int, int], bool]) -> None:
    """The window reaches back until it has enough rows, and leaves most to learn from where there are not so many."""
    night, horizon = Night.open(watched.settings, f"{NIGHT}/001"), timedelta(hours=6)
    start = judging.judged_from(night, replace(SPEC, gate=replace(SPEC.gate, horizon=horizon, enough=enough)))
    rows = adapter.query(watched.settings.database_url, "SELECT ordered_at FROM shop.order")
    times = [row["ordered_at"] for row in rows if row["ordered_at"] < night.as_of]

    def since(moment: datetime) -> int:
        return sum(time >= moment for time in times)

    assert reached(since(start), len(times))
    if start < night.as_of - horizon:
        narrower = night.as_of - (night.as_of - start) / judging.WIDER
        assert since(narrower) < min(enough, len(times) / 3), "it reaches no further than it must"
    else:
        assert start == night.as_of - horizon


def test_nothing_is_fitted_where_the_gate_cannot_pass(watched: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """With too few rows to judge on no model is fitted, and features are not made: the champion goes on serving."""
    monkeypatch.setattr(model, "fit", lambda *_: pytest.fail("a challenger was fitted"))
    monkeypatch.setitem(CAPABILITIES, "watch", replace(SPEC, gate=replace(SPEC.gate, min_units=10**6)))
    decision = _train(watched)
    assert (decision["status"], decision["version"]) == ("champion", 1)
    assert "the gate asks for 1000000" in decision["why"]
    assert _versions(watched) == [("promote", 24)]
    watched.execute("DELETE FROM ml_ops.promotion")
    decision = _train(watched)
    assert decision["status"] == "baseline"
    assert decision["why"].startswith("No challenger was fitted: only ")
    assert _versions(watched) == [("baseline", 24)]


def test_a_short_history_is_judged_by_the_split_that_the_capability_offers(
    watched: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the horizon holds too little: the capability's own split, whose words stand in the decision; else its reason."""
    monkeypatch.setattr(evaluate, "lacking", lambda *_: "too short", raising=False)
    since = datetime(2025, 1, 1, tzinfo=UTC)

    def within(features: Rows, as_of: datetime, params: Any) -> Split:
        return Split(features, features["order"].select(["order_id"]), since, "99 of 180 days.")

    monkeypatch.setattr(evaluate, "within", within, raising=False)
    decision = _train(watched)
    assert decision["status"] == "promote"
    assert decision["why"].endswith("99 of 180 days.")
    monkeypatch.setattr(evaluate, "within", lambda *_: "3 of 180 days")
    decision = _train(watched)
    assert decision["status"] == "champion"
    assert "No challenger was fitted: 3 of 180 days." in decision["why"]


def test_a_training_is_no_night(watched: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training leaves the night as its report closed it, whether it ends well or fails, and opens none for ever."""
    states = "SELECT ref, status, ended_at, started_at FROM ml_ops.night ORDER BY ref"
    before = adapter.query(watched.settings.database_url, states)
    _train(watched)
    assert adapter.query(watched.settings.database_url, states) == before
    fits = model.fit
    monkeypatch.setattr(model, "fit", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        _train(watched)
    assert adapter.query(watched.settings.database_url, states) == before
    monkeypatch.setattr(model, "fit", fits)
    ref = pipeline.extract(watched.settings, NIGHT + timedelta(days=1))
    pipeline.validate(watched.settings, ref)
    training.train(watched.settings, ref, "watch", force=True)
    assert [row["status"] for row in adapter.query(watched.settings.database_url, states)] == ["done", "done"]
    assert watched.night(NIGHT)["status"] == "done", "a failed training is no failed step of the night"

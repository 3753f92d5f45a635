"""The gate lets a challenger through only when it is better by more than chance."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ml.core.errors import NightshiftError
from ml.core.gate import decide, difference, stopped
from ml.core.spec import Gate

GATE = Gate("ndcg@10", "recent popularity", timedelta(days=28))


def _decide(challenger, champion, baseline, *, same_recipe=False, gate=GATE):
    return decide(challenger, champion, baseline, same_recipe=same_recipe, gate=gate, seed=1)


@pytest.mark.parametrize("units", [30, 300])
def test_equal_models_pass_as_often_as_the_gate_says(units):
    """Between models of equal quality the challenger passes in about 5 % of 400 worlds."""
    rng = np.random.default_rng(0)
    passed = 0
    for _ in range(400):
        shared = rng.beta(0.3, 2, units)
        challenger, baseline = (shared + rng.normal(0, 0.1, units) for _ in range(2))
        passed += _decide(challenger, None, baseline).outcome == "promote"
    # Twice the standard deviation of a binomial around 5 %, and what the percentile bootstrap gives away on 30 units.
    assert 0.05 - 0.022 <= passed / 400 <= 0.05 + 0.022 + (0.01 if units == 30 else 0)


def test_rare_hits_do_not_pass_by_luck():
    """A metric that is zero for nearly all units, equal in both models, passes in no more than about 5 % of worlds."""
    rng = np.random.default_rng(0)
    worlds = [[(rng.random(200) < 0.02).astype(float) for _ in range(2)] for _ in range(400)]
    passed = np.mean([_decide(ours, None, theirs).outcome == "promote" for ours, theirs in worlds])
    assert passed <= 0.05 + 0.022


def test_a_winner_is_promoted_with_its_numbers():
    """A challenger that is better for all is served, and the reason names the numbers."""
    decision = _decide(np.full(50, 0.5), np.full(50, 0.4), np.full(50, 0.25))
    assert decision.outcome == "promote"
    assert decision.why == (
        "The challenger is served: it beats recent popularity and the champion. ndcg@10 against recent popularity "
        "+0.2500 [+0.2500, +0.2500], the champion +0.1000 [+0.1000, +0.1000] on 50 units "
        "(each bound holds with 95% confidence)."
    )


@pytest.mark.parametrize(
    ("challenger", "champion", "baseline", "same_recipe", "outcome"),
    [
        (0.5, None, 0.4, False, "promote"),
        (0.4, None, 0.4, False, "baseline"),
        (0.3, None, 0.4, False, "baseline"),
        (0.5, 0.4, 0.4, False, "promote"),
        (0.5, 0.5, 0.4, False, "refuse"),
        (0.5, 0.5, 0.4, True, "promote"),
        (0.5, 0.6, 0.4, True, "promote"),
        (0.3, 0.2, 0.4, True, "refuse"),
        (0.3, 0.2, 0.4, False, "refuse"),
    ],
)
def test_who_must_be_beaten(challenger, champion, baseline, same_recipe, outcome):
    """The baseline always; the champion only by another recipe; a tie does not pass; without a champion the baseline serves."""
    arrays = [value if value is None else np.full(40, value) for value in (challenger, champion, baseline)]
    assert _decide(*arrays, same_recipe=same_recipe).outcome == outcome


def test_both_that_it_loses_to_are_named():
    """The reason of a refusal names all that it does not beat."""
    ours, theirs = np.zeros(40), np.ones(40)
    assert "it does not beat recent popularity or the champion" in _decide(ours, theirs, theirs).why


@pytest.mark.parametrize("champion", [None, 0.1])
@pytest.mark.parametrize("ours", [0.1, 0.5])
@pytest.mark.parametrize("stops", [(), ("country/FR is worse",)])
@pytest.mark.parametrize("replay", [False, True])
def test_the_words_name_one_who_serves(champion, ours, stops, replay):
    """Exactly one is said to serve, and nobody who serves is said to be refused or beaten by itself."""
    arrays = [None if value is None else np.full(40, value) for value in (ours, champion, 0.2)]
    decision = replace(stopped(_decide(*arrays), stops, served=champion is not None), replay=replay)
    head, _, rest = decision.why.partition(": ")
    serves = "serves nights of the past only" if replay else "is served"
    assert head in {f"The challenger {serves}", f"Recent popularity {serves}", "The challenger is refused"}
    assert "served" not in rest
    assert "promoted" not in rest
    if decision.outcome == "baseline":
        assert "beat recent popularity" not in rest.split(".")[0]
    assert all(stop in decision.why for stop in stops)


@pytest.mark.parametrize("units", [0, 1, 29])
def test_few_units_decide_nothing(units):
    """Below min_units even a perfect challenger does not pass."""
    ours, theirs = np.ones(units), np.zeros(units)
    assert _decide(ours, None, theirs).outcome == "baseline"
    assert _decide(ours, theirs, theirs, same_recipe=True).outcome == "refuse"
    assert f"only {units} units" in _decide(ours, None, theirs).why


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_an_error(bad):
    """A metric that is no finite number is named with its model and count, not averaged away."""
    broken = np.r_[np.ones(39), bad]
    with pytest.raises(NightshiftError, match="champion: 1 of 40 units"):
        _decide(np.ones(40), broken, np.ones(40))


@pytest.mark.parametrize("baseline", [np.ones(39), np.ones((40, 1))])
def test_other_units_are_an_error(baseline):
    """Models measured on different units cannot be compared."""
    with pytest.raises(NightshiftError, match="not measured on the same units"):
        _decide(np.ones(40), None, baseline)


@given(st.integers(0, 2**32 - 1), st.integers(30, 200))
@settings(max_examples=20, deadline=None)
def test_a_seed_decides_once(seed, units):
    """The same arrays and seed give the same decision, and the arrays stay as they were."""
    rng = np.random.default_rng(seed)
    ours, theirs = rng.random((2, units))
    kept = ours.copy()
    first, second = (decide(ours, None, theirs, same_recipe=False, gate=GATE, seed=seed) for _ in range(2))
    assert first == second
    assert np.array_equal(ours, kept)


@pytest.mark.parametrize("units", [1_000, 20_001, 30_000, 300_000])
def test_bounds_agree_with_theory_in_bounded_memory(units):
    """On any number of units the bounds are those of the normal law, within the bootstrap's noise."""
    rng = np.random.default_rng(3)
    ours, theirs = rng.gamma(0.5, 1.0, (2, units))
    tracemalloc.start()
    found = difference(ours, theirs, confidence=0.95, seed=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    error = (ours - theirs).std() / np.sqrt(units)
    expected = (ours - theirs).mean() + np.array([-1, 1]) * stats.norm.ppf(0.95) * error
    assert found.mean == pytest.approx((ours - theirs).mean())
    assert [found.lower, found.upper] == pytest.approx(expected, abs=0.15 * error)
    assert peak < 120e6

"""Experiments: the draw, the adjusted difference, and an interval that may be looked at every night."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ml.learn.experiments import adjusted, always_valid, arms_of, balance, compare, detectable, uniform
from ml.learn.metrics.offpolicy import doubly_robust, ips, snips

IDS = [f"C{number:07d}" for number in range(4000)]


def test_the_draw_is_keyed_even_and_independent() -> None:
    """The same customer gets the same number; another key or experiment draws anew; the numbers are even."""
    first = uniform("key", "lists", IDS)
    assert np.array_equal(first, uniform("key", "lists", IDS))
    assert stats.kstest(first, "uniform").pvalue > 0.01
    for other in (uniform("another", "lists", IDS), uniform("key", "colours", IDS)):
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.06
    assert first[:100].tolist() == uniform("key", "lists", IDS[:100]).tolist()


def test_a_growing_share_keeps_who_is_in() -> None:
    """Who is in an arm stays in it when its share grows."""
    draws = uniform("key", "lists", IDS)
    small, large = (np.array(arms_of(draws, {"new": share})) == "new" for share in (0.1, 0.2))
    assert (small & ~large).sum() == 0
    assert large.mean() == pytest.approx(0.2, abs=0.02)


def test_an_uneven_draw_is_seen() -> None:
    """500 against 500 is as planned, 550 against 450 is not; a draw nobody asked about is."""
    assert balance({"a": 500, "b": 500}, {"a": 0.1, "b": 0.1}) == 1.0
    assert balance({"a": 550, "b": 450}, {"a": 0.1, "b": 0.1}) < 0.005
    assert balance({"a": 750, "b": 250}, {"a": 0.3, "b": 0.1}) == pytest.approx(1.0)
    assert balance({}, {"a": 0.5, "b": 0.5}) == 1.0


def test_cuped_is_the_regression() -> None:
    """The adjusted values are the residuals of the regression on what was before, about the same mean."""
    rng = np.random.default_rng(7)
    x = rng.gamma(2, 10, 500)
    y = 0.7 * x + rng.normal(0, 5, 500)
    slope = stats.linregress(x, y).slope
    assert adjusted(y, x) == pytest.approx(y - slope * (x - x.mean()))
    assert adjusted(y, x).mean() == pytest.approx(y.mean())
    assert adjusted(y, np.zeros(500)) == pytest.approx(y)


def test_looking_every_night_is_honest() -> None:
    """Of 400 experiments without an effect at most 5 % ever leave the interval in 28 looks; a fixed one lets 4 times as many."""
    rng, looks, n = np.random.default_rng(7), 28, 400
    steps = rng.normal(size=(n, looks)).cumsum(axis=1)
    v = np.arange(1, looks + 1)
    valid = np.array([always_valid(float(t), float(looks)) for t in v])
    ours, fixed = (np.abs(steps) > valid).any(axis=1).mean(), (np.abs(steps) > 1.96 * np.sqrt(v)).any(axis=1).mean()
    assert ours <= 0.05
    assert fixed > 0.2


def test_an_effect_is_found_and_a_small_experiment_says_nothing() -> None:
    """A planted lift of the detectable size is found about as often as promised; two customers say nothing."""
    rng, n = np.random.default_rng(7), 300
    size = detectable(10.0, n, n)
    found = 0
    for _ in range(100):
        a, b = rng.normal(50 + size, 10, n), rng.normal(50, 10, n)
        effect = compare(a, b, np.zeros(n), np.zeros(n), planned=100 * 2 / n)
        found += effect.low > 0
    assert 70 <= found <= 92
    assert np.isnan(compare(np.ones(1), np.ones(9), np.ones(1), np.ones(9)).low)
    assert np.isnan(detectable(1.0, 0, 10))


def test_off_policy_estimates_find_the_planted_worth() -> None:
    """Of a logged lottery all three are right within their interval; a good model makes the doubly robust one narrowest."""
    rng, n, actions = np.random.default_rng(7), 6000, 5
    worth = rng.random((n, actions)) * np.array([1, 2, 3, 4, 5]) / 5
    logged = np.tile([0.4, 0.3, 0.15, 0.1, 0.05], (n, 1))
    target = np.tile([0.05, 0.1, 0.15, 0.3, 0.4], (n, 1))
    shown = (rng.random(n)[:, None] > logged.cumsum(axis=1)).sum(axis=1)
    rows = np.arange(n)
    reward = (rng.random(n) < worth[rows, shown]).astype(float)
    truth = float((target * worth).sum(axis=1).mean())
    logged_rows = reward, logged[rows, shown], target[rows, shown]
    dr = doubly_robust(*logged_rows, worth[rows, shown], (target * worth).sum(axis=1), seed=7, draws=300)
    plain, normed = ips(*logged_rows, seed=7, draws=300), snips(*logged_rows, seed=7, draws=300)
    for estimate in (plain, normed, dr):
        assert estimate.low <= truth <= estimate.high
    assert dr.high - dr.low < plain.high - plain.low
    with pytest.raises(ValueError, match="lengths"):
        doubly_robust(*logged_rows, worth[:5, 0], target[:, 0], seed=7)

"""Off-policy estimates find what a policy earns that was never tried."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.learn.metrics import offpolicy
from ml.learn.metrics.offpolicy import Estimate, ips, snips

RATES = np.array([0.02, 0.05, 0.10, 0.20])
"""The planted answer: how often each of four products is bought when it is shown."""

LOGGED = np.array([0.4, 0.3, 0.2, 0.1])
OTHER = np.array([0.0, 0.1, 0.2, 0.7])


def log(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the logging policy showed: reward, propensity and the other policy's probability."""
    rng = np.random.default_rng(seed)
    shown = rng.choice(4, n, p=LOGGED)
    return (rng.random(n) < RATES[shown]).astype(float), LOGGED[shown], OTHER[shown]


@pytest.mark.parametrize("estimate", [ips, snips])
def test_the_planted_rate_is_found(estimate) -> None:
    """From 60,000 rows the other policy's true rate is inside the interval, and far from the logged mean."""
    truth = float(OTHER @ RATES)
    reward, propensity, target = log(60_000, 1)
    found = estimate(reward, propensity, target, seed=2, draws=500)
    assert found.low < truth < found.high
    assert found.high - found.low < 0.025
    assert reward.mean() < found.low
    assert 10_000 < found.effective_rows < 60_000


@pytest.mark.parametrize("estimate", [ips, snips])
def test_the_interval_holds_the_truth_as_often_as_it_says(estimate) -> None:
    """Of 200 logs about nine in ten 90 % intervals hold the truth."""
    truth, held = float(OTHER @ RATES), 0
    for seed in range(200):
        found = estimate(*log(800, seed), seed=seed, draws=200, confidence=0.9)
        held += found.low <= truth <= found.high
    # Binomial(200, 0.9): standard deviation 4.2; the percentile bootstrap is a little narrow.
    assert 163 <= held <= 195


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0.01, 1), st.floats(0, 1)), min_size=1, max_size=30))
@settings(deadline=None, max_examples=50)
def test_they_are_their_formulas(rows) -> None:
    """Both give what the sum, written out, gives; SNIPS stays within the rewards."""
    value = ips(*(np.array(column) for column in zip(*rows, strict=True)), seed=1, draws=10).value
    assert np.isclose(value, sum(r * t / p for r, p, t in rows) / len(rows))
    other = snips(*(np.array(column) for column in zip(*rows, strict=True)), seed=1, draws=10).value
    weights = sum(t / p for _, p, t in rows)
    if weights > 1e-9:
        assert np.isclose(other, sum(r * t / p for r, p, t in rows) / weights)
        assert min(r for r, *_ in rows) - 1e-9 <= other <= max(r for r, *_ in rows) + 1e-9


def test_the_logging_policy_earns_what_it_earned() -> None:
    """With target and propensity equal, both are the plain mean."""
    reward, propensity, _ = log(500, 3)
    for estimate in (ips, snips):
        found = estimate(reward, propensity, propensity, seed=1, draws=100)
        assert found.value == pytest.approx(reward.mean())
        assert found.effective_rows == pytest.approx(500)


def test_rows_of_a_customer_are_drawn_together() -> None:
    """Each row copied nine times within its unit widens nothing away: the interval is that of the units."""
    reward, propensity, target = log(400, 4)
    alone = snips(reward, propensity, target, seed=1, draws=400)
    copied = [np.repeat(values, 9) for values in (reward, propensity, target)]
    units = np.repeat(np.arange(400), 9)
    together = snips(*copied, seed=1, draws=400, unit=units)
    assert (together.value, together.low, together.high) == pytest.approx((alone.value, alone.low, alone.high))
    naive = snips(*copied, seed=1, draws=400)
    assert naive.high - naive.low < 0.5 * (together.high - together.low)


def test_a_clip_bounds_the_weights() -> None:
    """No row weighs more than the clip."""
    ones, rare, sure = np.ones(2), np.array([0.01, 1.0]), np.ones(2)
    assert ips(ones, rare, sure, seed=1, draws=10, clip=5).value == pytest.approx(3)
    assert ips(ones, rare, sure, seed=1, draws=10).value == pytest.approx(50.5)


def test_same_seed_same_interval() -> None:
    """The bootstrap is decided by its seed."""
    rows = log(200, 5)
    assert ips(*rows, seed=1, draws=50) == ips(*rows, seed=1, draws=50)
    assert ips(*rows, seed=1, draws=50) != ips(*rows, seed=2, draws=50)


def test_a_log_that_says_nothing_gives_no_number() -> None:
    """No row, or none that the policy would show: nan, not a guess."""
    nothing = np.array([])
    for found in (ips(nothing, nothing, nothing, seed=1), snips(np.ones(3), np.ones(3), np.zeros(3), seed=1, draws=10)):
        assert isinstance(found, Estimate)
        assert np.isnan([found.value, found.low, found.high]).all()
        assert found.effective_rows == 0


def test_all_faults_come_at_once() -> None:
    """A propensity of 0 (it could not have been shown), a probability above 1 and a missing reward are named together."""
    with pytest.raises(
        ValueError, match=r"lengths \[2, 3\](.|\n)*reward must be finite(.|\n)*propensity(.|\n)*target(.|\n)*clip"
    ):
        ips(np.array([1, np.nan, 0]), np.array([0, 0.5]), np.array([0.5, 1.5]), seed=1, clip=0)


def test_of_very_many_units_the_interval_is_that_of_the_bootstrap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The normal interval of a ratio has the bootstrap's ends, for IPS, SNIPS and rows of one unit together."""
    rng = np.random.default_rng(5)
    n = 6000
    chance, unit = rng.choice([0.1, 0.25, 0.5], n), rng.integers(0, 4000, n)
    reward, wanted = (rng.random(n) < 0.2).astype(float), (rng.random(n) < 0.5).astype(float)
    for estimator in (offpolicy.ips, offpolicy.snips):
        slow = estimator(reward, chance, wanted, seed=1, unit=unit, draws=1000)
        with monkeypatch.context() as patched:
            patched.setattr(offpolicy, "MANY", 10)
            quick = estimator(reward, chance, wanted, seed=1, unit=unit)
        assert (quick.value, quick.effective_rows) == (slow.value, slow.effective_rows)
        width = slow.high - slow.low
        assert abs(quick.low - slow.low) < 0.15 * width
        assert abs(quick.high - slow.high) < 0.15 * width

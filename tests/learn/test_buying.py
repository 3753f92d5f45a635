"""BG/NBD with dropout after the first order, and Gamma-Gamma, beside simulations of what they assume."""

from __future__ import annotations

import numpy as np

from ml.learn import buying
from ml.learn.buying import Buying, Worth

TRUE = Buying(0.8, 40.0, 1.2, 4.0)


def _simulated(n: int, days: float, ahead: float, seed: int) -> tuple[np.ndarray, ...]:
    """Repeat orders, days to the last, orders ahead: customers by the story of the module, one by one."""
    rng = np.random.default_rng(seed)
    rows = []
    for rate, leaves in zip(rng.gamma(TRUE.r, 1 / TRUE.alpha, n), rng.beta(TRUE.a, TRUE.b, n), strict=True):
        at, x, last, later = 0.0, 0, 0.0, 0
        while rng.random() >= leaves:
            at += rng.exponential(1 / rate)
            if at > days + ahead:
                break
            if at <= days:
                x, last = x + 1, at
            else:
                later += 1
        rows.append((x, last, later))
    return tuple(np.array(column, np.float64) for column in zip(*rows, strict=True))


def test_expectations_are_those_of_the_simulation() -> None:
    """Expected orders and the chance of one agree with what simulated customers do, for all and for who came twice."""
    x, last, later = _simulated(12_000, 200.0, 90.0, 1)
    now = x, last, np.full(len(x), 200.0)
    expected, chance = TRUE.expected(*now, 90.0), TRUE.chance(*now, 90.0)
    for rows in (np.ones(len(x), bool), x >= 2):
        error = 4 * later[rows].std() / np.sqrt(rows.sum())
        assert abs(expected[rows].mean() - later[rows].mean()) < error
        assert abs(chance[rows].mean() - (later[rows] > 0).mean()) < 2 / np.sqrt(rows.sum())


def test_the_fit_finds_customers_alive_as_the_truth_does() -> None:
    """Fitted on simulated customers, the chances are those of the true parameters within a few hundredths."""
    x, last, _ = _simulated(4_000, 300.0, 1.0, 2)
    now = x, last, np.full(len(x), 300.0)
    fitted = buying.fit(*now)
    assert np.abs(fitted.chance(*now, 90.0) - TRUE.chance(*now, 90.0)).mean() < 0.02


def test_nobody_and_one_order_each_are_no_fault() -> None:
    """Without a customer, or a repeat order, the parameters are finite and so is what they say."""
    none = np.zeros(0)
    assert buying.fit(none, none, none) == Buying()
    one = np.zeros(50)
    fitted = buying.fit(one, one, np.full(50, 100.0))
    assert np.isfinite([*fitted, *fitted.expected(one, one, np.full(50, 100.0), 365.0)]).all()
    assert buying.fit_worth(one, one) == Worth()


def test_the_worth_of_an_order_lies_between_the_customers_and_the_shops() -> None:
    """Of a customer with many orders it is theirs, of one with few nearly the shop's."""
    rng = np.random.default_rng(4)
    nu = rng.gamma(3.5, 1 / 40.0, 3_000)
    n = rng.integers(1, 12, 3_000).astype(np.float64)
    mean = rng.gamma(6.0 * n, 1 / nu) / n
    fitted = buying.fit_worth(n, mean)
    shop = float(fitted.mean(np.array([0.0]), np.array([1.0]))[0])
    assert abs(shop / (6.0 * 40.0 / 2.5) - 1) < 0.15
    few, many = fitted.mean(np.array([1.0, 500.0]), np.array([2 * shop, 2 * shop]))
    assert shop < few < many < 2 * shop + 1e-6

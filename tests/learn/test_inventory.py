"""The simulator keeps its goods; a policy serves only where it costs less."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from ml.learn.inventory.learned import LearnedPolicy, columns, course, try_out
from ml.learn.inventory.policy import USUAL, Policy, Replay, costs, levels, saving, search
from ml.learn.inventory.simulator import simulate
from ml.learn.params import NetworkParams

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.integers(1, 5))
def test_goods_are_neither_made_nor_lost(seed: int, back_orders: bool, review: int) -> None:
    """What was there and came is what was sold and is held; what was ordered came or is open; demand is sold or missed."""
    rng = np.random.default_rng(seed)
    demand, lead = rng.poisson(3, (6, 30)).astype(float), rng.integers(1, 9, 6)
    start, targets = rng.uniform(0, 20, 6), rng.uniform(0, 40, (6, 30))
    course = simulate(demand, targets, lead, start, review_days=review, back_orders=back_orders)
    np.testing.assert_allclose(start + course.arrived.sum(axis=1), course.sold.sum(axis=1) + course.held[:, -1])
    np.testing.assert_allclose(course.ordered.sum(axis=1), course.arrived.sum(axis=1) + course.open)
    missed = course.lost[:, -1] if back_orders else course.lost.sum(axis=1)
    np.testing.assert_allclose(demand.sum(axis=1), course.sold.sum(axis=1) + missed)
    assert min(course.held.min(), course.sold.min(), course.lost.min(), course.ordered.min()) >= 0


def test_an_order_arrives_when_its_lead_time_is_over() -> None:
    """By hand: four a day, ten at first, ordered up to ten; two days from order to arrival."""
    course = simulate(np.full((1, 4), 4.0), np.full((1, 4), 10.0), np.array([2]), np.array([10.0]))
    assert course.ordered.tolist() == [[0, 4, 4, 2]]
    assert course.arrived.tolist() == [[0, 0, 0, 4]]
    assert course.sold.tolist() == [[4, 4, 2, 4]]
    assert course.lost.tolist() == [[0, 0, 2, 0]]


def test_back_orders_wait_and_lost_sales_do_not() -> None:
    """Nothing at first: what waits is served when the goods come."""
    demand, targets = np.array([[3.0, 0, 0, 0]]), np.full((1, 4), 3.0)
    waits = simulate(demand, targets, np.array([1]), np.zeros(1), back_orders=True)
    assert waits.sold.tolist() == [[0, 3, 0, 0]]
    assert simulate(demand, targets, np.array([1]), np.zeros(1)).sold.sum() == 0


def _replay(demand: Floats, middle: Floats, upper: Floats, lead: Longs, **changes: Any) -> Replay:
    """A daily review; a held piece costs 1 a day, a lost one 9, an order nothing."""
    n = len(demand)
    mean = middle / (1 + lead[:, None])
    return Replay(demand, middle, upper, mean, lead, 1, np.ones(n), np.full(n, 9.0), np.zeros(n))._replace(**changes)


def _poisson(rng: np.random.Generator, upper: float, rate: npt.ArrayLike = 4.0, n: int = 60) -> Replay:
    """Four a day are sold, or ``rate``, and eight are expected in two days."""
    demand, shape = rng.poisson(rate, (n, 28)).astype(float), (n, 28)
    return _replay(demand, np.full(shape, 8.0), np.full(shape, upper), np.ones(n, np.int64))


def test_a_searched_policy_serves_only_where_it_is_better() -> None:
    """Where the quantile is far too high the search finds less; where it is right the quantile stays."""
    rng = np.random.default_rng(5)
    assert search([_poisson(rng, 40.0) for _ in range(3)], 7) != USUAL
    assert search([_poisson(rng, 12.0) for _ in range(3)], 7) == USUAL
    assert search([], 7) == USUAL


def test_ordering_seldom_serves_where_an_order_costs() -> None:
    """(s, S) costs far less than a base stock where an order costs as much as a week of holding; without a cost it is one."""
    rng = np.random.default_rng(6)
    free = [_poisson(rng, 12.0) for _ in range(3)]
    dear = [each._replace(placing=np.full(60, 60.0)) for each in free]
    assert search(free, 7).batch == 0
    chosen = search(dear, 7)
    assert chosen.batch > 0
    assert saving(dear[-1], levels(dear[-1], chosen), levels(dear[-1]), 7).lower > 0.3
    for one, other in zip(levels(free[0], chosen), levels(free[0], chosen._replace(batch=0)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_s_and_big_s_are_those_of_the_power_approximation() -> None:
    """By hand: mean 10 a day, two days until an order of the next review is there, spread 5, order 64, holding 1, penalty 9."""
    one = np.ones((1, 1))
    replay = _replay(one, 20 * one, (20 + 5 * special.ndtri(0.9)) * one, np.ones(1, np.int64), placing=np.array([64.0]))
    size = 1.3 * 10**0.494 * 64**0.506 * (1 + 0.25) ** 0.116
    z = np.sqrt(size / 45)
    made = levels(replay, Policy(batch=1.0))
    assert made.point[0, 0] == pytest.approx(0.973 * 20 + 5 * (0.183 / z + 1.063 - 2.192 * z))
    assert made.target[0, 0] - made.point[0, 0] == pytest.approx(size)


def test_a_policy_that_saved_in_a_slow_month_alone_does_not_serve() -> None:
    """All products sell less in two weeks of four: less stock saves there, over products surely, but over weeks it need not."""
    rng, rate = np.random.default_rng(7), np.repeat([1.0, 4.0, 1.0, 4.6], 7)
    replay = _poisson(rng, 12.0, rate, 400)
    less = levels(replay, Policy(0.85, 0.85))
    found = saving(replay, less, levels(replay), 7)
    assert found.gain > 0
    assert not found.serves


def _busy(rng: np.random.Generator, n: int = 60) -> Replay:
    """Two products at a time: of one the forecast is twice too high, of the other far too low; its shape tells which."""
    low = np.arange(n) % 2 == 0
    mean = np.where(low, 4.0, 8.0)
    upper = np.where(low, 24.0, 12.0)[:, None].repeat(28, axis=1)
    middle = np.where(low, 20.0, 2.0)[:, None].repeat(28, axis=1)
    lead = rng.integers(1, 4, n)
    return _replay(rng.poisson(mean[:, None], (n, 28)).astype(float), middle, upper, lead)


def test_the_simulator_of_the_network_is_the_simulator() -> None:
    """Cost of the same policy by TensorFlow and by numpy, for random weights."""
    from keras.initializers import RandomNormal

    from ml.learn import network

    keras = network.begin(3)
    net = network.dense(keras, 7, (6,), 2, NetworkParams(dropout=0.0), 3)
    net.layers[-1].kernel.assign(RandomNormal(0, 1.0, 4)((6, 2)))
    replay = _busy(np.random.default_rng(4), 20)
    fixed = np.stack([columns(replay, day) for day in range(28)], axis=1)
    money = np.stack([replay.holding, replay.penalty], axis=1)
    given = (
        fixed,
        np.stack([replay.demand, replay.middle, replay.upper], axis=2),
        np.eye(3)[replay.lead_days - 1],
        money,
    )
    told = course(keras, net, 1, 3, 28)([each.astype(np.float32) for each in given]).numpy()[:, 0]
    policy = LearnedPolicy(network.layers_of(net))
    np.testing.assert_allclose(told, costs(replay, policy.rule(replay)).sum(axis=1), rtol=1e-3)


def test_a_policy_is_learned_through_the_simulator_and_gated() -> None:
    """Where forecasts are wrong in a way that can be seen it costs less and serves; on noise of the future it does not."""
    rng, params = np.random.default_rng(8), NetworkParams(epochs=10, patience=10, dropout=0.0, batch=32, rate=0.02)
    replays = [_busy(rng) for _ in range(3)]
    policy, verdict = try_out(replays, USUAL, params, 7)
    assert policy is not None
    assert verdict.lower > 0.05
    turned = replays[-1]._replace(middle=replays[-1].middle[::-1], upper=replays[-1].upper[::-1] * 0.3)
    assert not saving(turned, policy.rule(turned), levels(turned), 7).serves

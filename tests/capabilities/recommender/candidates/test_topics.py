"""Topics: EM as by its formula, planted tastes found, and what sells by now."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ml.capabilities.recommender.candidates import plsa
from ml.capabilities.recommender.spec import Params
from ml.core.units import DAY_S
from ml.kernels.threads import limited
from ml.learn.purchases import Log
from tests.capabilities.recommender.candidates.proposals import propose
from tests.capabilities.recommender.candidates.small_log import NOW, random_log, small_log

PARAMS = Params(topics=2)


def _tastes(n: int = 200) -> Log:
    """Customers who buy four of the ten products of their one kind: even customers 0 to 9, odd ones 10 to 19."""
    rng = np.random.default_rng(3)
    lines = [
        (u, 10 * (u % 2) + int(p), 4 * u + o, 100 + o) for u in range(n) for o, p in enumerate(rng.permutation(10)[:4])
    ]
    return small_log(lines, [f"p{p}" for p in range(20)])


def test_a_step_is_its_formula() -> None:
    """θ after each step of the kernel, and the sums for φ, are those of the formula."""
    rng = np.random.default_rng(1)
    table = rng.random((9, 7)) < 0.4
    table[4] = False
    seen = np.concatenate([[0], np.cumsum(table.sum(1))]), np.nonzero(table)[1].astype(np.int32)
    phi, theta = rng.dirichlet(np.ones(7), 3).T, rng.dirichlet(np.ones(3), 9)
    ours, sums = theta.astype(np.float32), np.zeros((7, 3))
    plsa._em((0, 9), seen, phi.astype(np.float32), ours, sums, 1)
    expected, expected_sums = plsa.em_reference(table, phi, theta)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)
    np.testing.assert_allclose(sums, expected_sums, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(ours[4], 1 / 3)
    folded = np.full((9, 3), 1 / 3)
    for _ in range(plsa.FOLD_IN_ITERATIONS):
        folded, _ = plsa.em_reference(table, phi, folded)
    np.testing.assert_allclose(plsa.fold_in(phi.astype(np.float32), seen), folded, rtol=1e-4)


def test_planted_tastes_are_found() -> None:
    """Each customer is shown the products of their own kind first, those not bought yet among them."""
    log = _tastes()
    state = plsa.fit(log, NOW, PARAMS, 5)
    ids, _ = propose(plsa, state, log, np.arange(200, dtype=np.int32), 10)
    for u in range(200):
        assert set(ids[u]) == set(range(10 * (u % 2), 10 * (u % 2) + 10))


def test_tonight_moves_what_sells_by_now_and_no_taste() -> None:
    """With tonight's log a product that came into fashion rises; φ and the customers' θ stay."""
    log = _tastes()
    state = plsa.fit(log, NOW, PARAMS, 5)
    fashion = replace(log, at=np.where(log.product == 3, NOW - DAY_S, log.at))
    moved = plsa.tonight(state, fashion, PARAMS)
    np.testing.assert_array_equal(moved.phi, state.phi)
    assert moved.lately[3] > 2
    assert moved.lately[4] < 1
    ids, _ = propose(plsa, moved, log, np.array([0, 2, 4], np.int32), 1)
    assert ids[:, 0].tolist() == [3, 3, 3]


def test_the_number_of_threads_changes_nothing() -> None:
    """The sums are those of the same parts, on one thread or on eight."""
    log = random_log(3, 50, 30, 400)
    states = []
    for n in (1, 8):
        with limited(n):
            states.append(plsa.fit(log, NOW, PARAMS, 5))
    one, eight = states
    np.testing.assert_array_equal(one.phi, eight.phi)


def test_topics_in_other_numbers() -> None:
    """A product keeps its row under its new number; a newer one has none, and what is gone is left out."""
    state = plsa.fit(_tastes(), NOW, PARAMS, 5)
    renumbered = plsa.moved(state, np.array([4, -1, 0], np.int32))
    np.testing.assert_array_equal(renumbered.phi, np.stack([state.phi[4], np.zeros(6, np.float32), state.phi[0]]))
    assert renumbered.lately.tolist() == [state.lately[4], 1.0, state.lately[0]]


def test_nobody_met_anything() -> None:
    """An empty shop has topics of nothing, and proposes nothing."""
    log = small_log([], ["a", "b"])
    state = plsa.fit(log, NOW, PARAMS, 5)
    assert not state.phi.any()
    ids, _ = propose(plsa, state, log, np.array([-1], np.int32), 2)
    assert ids.tolist() == [[-1, -1]]

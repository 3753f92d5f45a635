"""Each fast candidate model gives what its obvious reference gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.capabilities.recommender.candidates import als, ease, item_knn, plsa, popular, user_knn
from ml.capabilities.recommender.spec import Params
from ml.core.units import DAY_S
from ml.kernels.compiled import Csr, Scores
from ml.learn.ease import solve_reference
from ml.learn.factors import fold_in
from ml.learn.histories import bought, history, history_reference
from ml.learn.purchases import Log, before, everyone, since
from tests.capabilities.recommender.candidates.proposals import propose, scores_of_all
from tests.capabilities.recommender.candidates.small_log import NOW, random_log, small_log

PARAMS = Params(factors=4, topics=3, linear_penalty=2.0, neighbours=40, linear_neighbours=40, people=30)
MODELS = {"linear": ease, "neighbours": item_knn, "factors": als, "people": user_knn, "topics": plsa}


@pytest.fixture(scope="module")
def log() -> Log:
    """Fifty customers, thirty products, four hundred lines, and some looks."""
    drawn = random_log(3, 50, 30, 400)
    rng = np.random.default_rng(4)
    ends = np.sort(rng.integers(0, 121, drawn.n_customers + 1))
    ends[[0, -1]] = 0, 120
    return replace(
        drawn,
        look_indptr=ends.astype(np.int64),
        look_product=rng.integers(0, 30, 120).astype(np.int32),
        look_at=(NOW - rng.integers(1, 90, 120) * DAY_S).astype(np.int64),
        look_weight=rng.choice([0.1, 0.3], 120).astype(np.float32),
    )


def test_history_is_its_formula(log: Log) -> None:
    """Purchases once per order and looks by their weight, fading, cut at the cap, with the floor for what was bought."""
    users = np.array([4, 0, 49, -1, 7], np.int32)
    for how in ({}, {"floor": 0.2}, {"cap": np.inf}, {"cap": 0.5, "floor": 0.1}):
        ours = history(log, users, 30.0, **how)
        np.testing.assert_allclose(ours.toarray(), history_reference(log, users, 30.0, **how).toarray(), rtol=1e-5)
    assert history(log, users, 30.0).has_sorted_indices


def test_history_by_hand() -> None:
    """Two orders, one a half-life ago, and the same product twice in one order counts once."""
    weights = history(small_log([(0, 1, 1, 10), (0, 1, 2, 0), (0, 1, 2, 0)], ["a", "b"]), np.array([0]), 10.0, cap=9.0)
    assert weights.toarray().tolist() == [[0.0, 1.5]]


def test_bought_knows_no_age_and_no_looks(log: Log) -> None:
    """1 for each product that was ever bought."""
    mask = bought(log, everyone(log)).toarray()
    for u in range(log.n_customers):
        assert set(np.flatnonzero(mask[u])) == set(log.product[log.indptr[u] : log.indptr[u + 1]])


def test_before_and_since_cut_the_log(log: Log) -> None:
    """Every line and look is in exactly one of the two."""
    at = NOW - 60 * DAY_S
    old, young = before(log, at), since(log, at)
    assert old.at.max() < at <= young.at.min()
    assert old.look_at.max() < at <= young.look_at.min()
    assert len(old.at) + len(young.at) == len(log.at)
    assert (np.diff(old.indptr) + np.diff(young.indptr)).tolist() == np.diff(log.indptr).tolist()


def test_cosine_is_its_formula(log: Log) -> None:
    """With as many neighbours as products the kernel gives every cosine."""
    taste = history(log, everyone(log), 1e6)
    np.testing.assert_allclose(
        item_knn.cosine(taste, 0.75, 10.0, 40).toarray(),
        item_knn.cosine_reference(taste, 0.75, 10.0),
        atol=1e-5,
    )


def test_linear_is_its_formula(log: Log) -> None:
    """Cholesky in single precision gives the positive weights of the closed form; fewer products, those most bought."""
    x = history(log, everyone(log), PARAMS.linear_half_life_days).toarray().astype(np.float64)
    expected = np.maximum(solve_reference(x.T @ x, PARAMS.linear_penalty), 0)
    weights = ease.fit(log, NOW, PARAMS, 1).weights.toarray()
    np.testing.assert_allclose(weights, expected, atol=1e-5)
    few = ease.fit(log, NOW, replace(PARAMS, linear_products=5), 1).weights.toarray()
    most = np.sort(np.argsort(-x.sum(0), kind="stable")[:5])
    assert set(np.flatnonzero(few.any(1))) <= set(most)


def _fold_in_reference(items: Scores, h: Csr, weight: float, penalty: float) -> Scores:
    """:func:`fold_in` by the formula, a customer at a time."""
    y, x = items.astype(np.float64), np.zeros((h.shape[0], items.shape[1]))
    for u in range(h.shape[0]):
        js, c = h.indices[h.indptr[u] : h.indptr[u + 1]], 1 + weight * h.data[h.indptr[u] : h.indptr[u + 1]]
        a = y.T @ y + (y[js].T * (c - 1)) @ y[js] + penalty * np.eye(y.shape[1])
        x[u] = np.linalg.solve(a, y[js].T @ c)
    return x.astype(np.float32)


def test_customers_factors_are_their_formula(log: Log) -> None:
    """The folded-in factors solve the normal equations; a customer without history has none."""
    state = als.fit(log, NOW, PARAMS, 5)
    h = history(log, np.array([3, -1, 20], np.int32), state.half_life_days, cap=als.CAP)
    ours = fold_in(state, h)
    np.testing.assert_allclose(
        ours, _fold_in_reference(state.items, h, state.weight, state.penalty), rtol=1e-4, atol=1e-6
    )
    assert not ours[1].any()


@pytest.mark.parametrize("name", MODELS)
def test_proposals_are_the_best_pairs(log: Log, name: str) -> None:
    """The list of a customer is the sorted list of the scores of all pairs; who is unknown gets none."""
    model = MODELS[name]
    state = model.fit(log, NOW, PARAMS, 5)
    users = np.array([0, 5, -1, 31], np.int32)
    ids, scores = propose(model, state, log, users, 8)
    everything = scores_of_all(model, state, log, users)
    assert (ids[2] == -1).all()
    for row in (0, 1, 3):
        every = everything[row]
        found = ids[row] >= 0
        np.testing.assert_allclose(scores[row][found], np.sort(every)[::-1][: found.sum()], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(every[ids[row][found]], scores[row][found], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_models_see_nothing_after_their_time(log: Log, name: str) -> None:
    """A fit at an earlier time is the fit on the log as it was then."""
    at = NOW - 50 * DAY_S
    model = MODELS[name]
    now, then = (model.fit(purchases, at, PARAMS, 5) for purchases in (log, before(log, at)))
    users = everyone(log)
    for ours, theirs in zip(
        propose(model, now, before(log, at), users, 6), propose(model, then, before(log, at), users, 6), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("model", [ease, item_knn, als, plsa], ids=lambda module: module.__name__.split(".")[-1])
def test_saved_models_propose_the_same(log: Log, model, tmp_path: Path) -> None:
    """Loaded states give the same lists."""
    state = model.fit(log, NOW, PARAMS, 5)
    model.save(state, tmp_path)
    users = everyone(log)
    for ours, theirs in zip(
        propose(model, model.load(tmp_path), log, users, 6), propose(model, state, log, users, 6), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_people_alike_lead_to_what_they_bought_lately() -> None:
    """Who shares a customer's old taste and bought tea yesterday leads to tea; what they bought a year ago does not."""
    lines = [(0, 0, 0, 30), (1, 0, 1, 40), (1, 1, 2, 1), (1, 2, 3, 300), (2, 3, 4, 1)]
    log = small_log(lines, ["cup", "tea", "lamp", "oak"])
    state = user_knn.fit(log, NOW, PARAMS, 1)
    ids, _ = propose(user_knn, state, log, np.array([0], np.int32), 4)
    assert ids[0].tolist()[0] == 1
    assert 2 not in ids[0]


def test_popularity_by_hand() -> None:
    """A purchase a half-life ago counts half; the thousandth that fades slowly orders the rest."""
    log = small_log([(0, 0, 0, 10), (1, 1, 1, 0), (0, 2, 2, 400)], ["a", "b", "c"])
    counted = popular.count(log, 10.0)
    assert counted.counts[0, :2] == pytest.approx([0.5, 1.0], abs=2e-3)
    assert 0 < counted.counts[0, 2] < 1e-3
    assert popular.ranking(counted, np.array([True, False, True])).tolist() == [[0, 2, -1]]


def test_what_sells_by_now_by_hand() -> None:
    """Two of four lines fell into the last ten days; a product with all of its lines there is met twice as often."""
    log = small_log([(0, 0, 0, 5), (1, 0, 1, 3), (0, 1, 2, 40), (1, 1, 3, 50)], ["a", "b", "c"])
    kappa = popular.PRIOR_COUNT
    assert popular.lately(log, 10.0).tolist() == pytest.approx([(2 + kappa) / (1 + kappa), kappa / (1 + kappa), 1.0])


def test_segments_with_orders_enough_have_their_own_popularity() -> None:
    """A large segment's favourites lead in it; a small one and who is unknown get the whole shop's."""
    lines = [(u % 120, 0, u, 1) for u in range(240)] + [(120 + u % 100, 1, 300 + u, 1) for u in range(130)]
    log = replace(small_log(lines, ["a", "b"]), segment=np.repeat([0, 1, 2], [120, 99, 1]).astype(np.int32))
    counted = popular.count(log, 10.0)
    ids, _ = popular.propose(counted, log, np.array([0, 130, 219, -1], np.int32), 2)
    assert ids[:, 0].tolist() == [0, 1, 0, 0]

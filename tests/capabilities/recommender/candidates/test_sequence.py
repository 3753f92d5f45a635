"""The sequence model: numpy is Keras, lists are exact, planted sequences are learned, a night imports no TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from ml.capabilities.recommender.candidates import sequence
from ml.capabilities.recommender.candidates import sequence_data as data
from ml.capabilities.recommender.candidates import sequence_forward as forward
from ml.capabilities.recommender.candidates.sequence import Params, Sequence
from ml.capabilities.recommender.candidates.sequence_examples import Examples
from ml.core.errors import ArtifactError
from ml.core.units import DAY_S
from ml.learn.purchases import Log, before
from tests.capabilities.recommender.candidates.small_log import NOW, random_log, small_log

SMALL = Params(dimensions=16, blocks=2, length=6, epochs=2, batch=32, seconds=600, held_days=5, lead_days=0)
EAGER = replace(SMALL, blocks=1, epochs=30, learning_rate=0.02, patience=30, dropout=0.1)
NEXT = 12
"""Products 0 to 11: who bought product i buys i + 1 next."""


def _chains(customers: int, seed: int, longest: int = 6) -> Log:
    """Customer c starts somewhere and goes from each product to the next, an order each week; some came this week."""
    rng = np.random.default_rng(seed)
    lines, order = [], 0
    for c in range(customers):
        start, length = rng.integers(NEXT), rng.integers(2, longest + 1)
        for step in range(length):
            lines.append((c, int(start + step) % NEXT, order, 7.0 * (length - step) + float(rng.random())))
            order += 1
    return small_log(lines, ["x"] * NEXT)


def _drawn(m: int, params: Params, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    sizes = forward.shapes(m, params.dimensions, params.heads, params.blocks)
    return {name: (rng.standard_normal(size) * 0.3).astype(np.float32) for name, size in sizes.items()}


def _state(log: Log, params: Params, seed: int) -> Sequence:
    """A model with weights by lot, of the products sold."""
    sold = log.product_id.take(np.unique(log.product))
    return Sequence(params, sold, _drawn(len(sold), params, seed), 1.0, 1, -1, np.empty((0, 0), np.float32))


@pytest.fixture(scope="module")
def fitted() -> tuple[Log, Sequence]:
    """A model trained on chains."""
    log = _chains(200, 1)
    return log, sequence.fit(log, NOW, EAGER, 1)


def test_the_next_product_is_learned(fitted) -> None:
    """Customers whom the fit has not seen, with histories no longer than it has, are led to the next of their chain."""
    _, state = fitted
    log = _chains(200, 2, longest=4)
    users = np.arange(200, dtype=np.int32)
    ids, _ = sequence.propose(state, log, users, 1)
    last = log.product[log.indptr[1:] - 1]
    assert (ids[:, 0] == (last + 1) % NEXT).mean() > 0.9


def test_a_product_that_comes_back_is_proposed_again() -> None:
    """Where each customer buys the same product each week, it leads the list, and another customer's does not."""
    rng = np.random.default_rng(1)
    own = rng.integers(0, 20, 150)
    lines = [(c, int(own[c]), 10 * c + i, 7.0 * i + float(rng.random())) for c in range(150) for i in range(4)]
    log = small_log(lines, ["x"] * 20)
    state = sequence.fit(log, NOW, replace(SMALL, epochs=5, learning_rate=0.01), 1)
    ids, _ = sequence.propose(state, log, np.arange(150, dtype=np.int32), 1)
    assert (ids[:, 0] == own).mean() > 0.95


def test_numpy_is_keras() -> None:
    """The forward pass in numpy gives the network's scores to 1e-4, for rows of any length and none."""
    from ml.capabilities.recommender.candidates import sequence_train as training

    log = random_log(1, 9, 30, 60)
    state = _state(log, SMALL, 2)
    m, number = len(state.product_id), sequence._numbers(state, log)
    moments = data.tonight(log, np.array([-1, *range(9)], np.int32), 3.0)
    rows, lines = data.history(log, number, moments, 6), data.bought(log, number, moments, 50)
    popular = data.popularity(number[log.product], log.at, m, np.array([NOW]))
    net = training.Net(training.Shape(m, SMALL.dimensions, SMALL.heads, SMALL.blocks, 0.3), 1)
    for name, weight in net.w.items():
        weight.assign(state.weights[name])
    z = net.encode(*rows, training=False)
    every = np.repeat(popular, len(moments.at), axis=0)
    expected = net.scores(z, np.arange(m), every, lines.row.astype(np.int32), lines.item, lines.age)
    encoded = forward.encode(state.weights, rows, SMALL.heads, SMALL.blocks)
    np.testing.assert_allclose(encoded, z, atol=1e-4)
    np.testing.assert_allclose(forward.scores_reference(state.weights, encoded, popular[0], lines), expected, atol=1e-4)


@pytest.mark.parametrize("seed", range(8))
def test_lists_are_all_scores_sorted(seed: int) -> None:
    """The kernels' lists, in blocks by length, are those of all scores and one sort; pairs score the same."""
    log = random_log(seed, 200, 25, 900)
    state = _state(log, SMALL, seed)
    users = np.array([-1, *range(200)], np.int32)
    ids, scores = sequence.propose(state, log, users, 12)
    expected_ids, expected = sequence.propose_reference(state, log, users, 12)
    np.testing.assert_allclose(scores, expected, rtol=1e-4)
    near = np.abs(np.diff(expected, axis=1, append=0)) < 1e-4 * expected
    near[:, 1:] |= near[:, :-1]
    np.testing.assert_array_equal(ids[~near], expected_ids[~near])
    row, place = np.nonzero(ids >= 0)
    np.testing.assert_allclose(sequence.pairs(state, log, users[row], ids[row, place]), scores[row, place], rtol=1e-4)


def test_the_sequence_inside_an_order_means_nothing() -> None:
    """An order's lines in another sequence give the same scores; the same lines in two orders do not."""
    log = small_log([(0, 0, 0, 9.0), (0, 1, 0, 9.0), (0, 2, 0, 9.0), (0, 3, 1, 2.0), (0, 4, 1, 2.0)], ["x"] * 5)
    turned = replace(log, product=log.product[[2, 0, 1, 4, 3]])
    apart = replace(log, order=np.array([0, 0, 2, 1, 1], np.int32))
    state, who = _state(log, SMALL, 1), np.array([0], np.int32)
    scores = [
        sequence.pairs(state, each, np.zeros(5, np.int32), np.arange(5, dtype=np.int32))
        for each in (log, turned, apart)
    ]
    np.testing.assert_allclose(scores[1], scores[0], rtol=1e-5)
    assert np.abs(scores[2] / scores[0] - 1).max() > 1e-3
    assert sequence.propose(state, log, who, 2)[0].shape == (1, 2)


def test_what_comes_after_the_fit_is_not_looked_at() -> None:
    """Lines at or after ``at`` change no weight."""
    log = random_log(2, 20, 10, 120)
    at = NOW - 30 * DAY_S
    params = replace(SMALL, epochs=1)
    whole, cut = (sequence.fit(each, at, params, 3) for each in (log, before(log, at)))
    assert whole.product_id.equals(cut.product_id)
    for name, weight in whole.weights.items():
        np.testing.assert_array_equal(weight, cut.weights[name], err_msg=name)


def test_same_seed_same_weights_and_saved_is_loaded(tmp_path) -> None:
    """Two fits with a seed agree bit by bit, another seed differs; a loaded model proposes what the saved one did."""
    log, users = random_log(4, 20, 10, 120), np.arange(20, dtype=np.int32)
    one, two, other = (sequence.fit(log, NOW, SMALL, seed) for seed in (5, 5, 6))
    for name, weight in one.weights.items():
        np.testing.assert_array_equal(weight, two.weights[name], err_msg=name)
    assert np.abs(one.weights["item"] - other.weights["item"]).max() > 1e-3
    sequence.save(one, tmp_path)
    for proposed, expected in zip(
        sequence.propose(sequence.load(tmp_path), log, users, 5), sequence.propose(one, log, users, 5), strict=True
    ):
        np.testing.assert_array_equal(proposed, expected)


def test_products_and_customers_of_tonight(fitted) -> None:
    """A customer who came after the fit is scored by the lines; a product that came after it scores 0."""
    _, state = fitted
    ids = ["a new one", *(f"p{i:03d}" for i in range(NEXT))]
    tonight = small_log([(0, 1 + 4, 0, 14.0), (0, 1 + 5, 1, 7.0), (0, 0, 1, 7.0)], ["x"] * (NEXT + 1), ids=ids)
    proposed, _ = sequence.propose(state, tonight, np.array([0], np.int32), NEXT + 1)
    assert proposed[0, 0] == 1 + 6
    assert 0 not in proposed[0]
    assert proposed[0, -1] == -1
    assert sequence.pairs(state, tonight, np.zeros(2, np.int32), np.array([0, 7], np.int32))[0] == 0


def test_ages_that_training_did_not_see_weigh_as_the_oldest_that_it_saw() -> None:
    """A line 40 days old at the last order is class 6 of age: 7 and on get its weight, and up to it nothing changes."""
    from ml.capabilities.recommender.candidates import sequence_fit

    log = small_log([(0, 0, 0, 41.0), (0, 1, 1, 20.0), (0, 2, 2, 1.0)], ["x"] * 3)
    weights = _drawn(3, SMALL, 1)
    extended = sequence_fit.widened(weights, data.orders(log)[0], log)
    for name, last in (("age", 6), ("pool_age", 6), ("repeat_age", 6), ("rank", 1)):
        np.testing.assert_array_equal(extended[name][: last + 1], weights[name][: last + 1])
        np.testing.assert_array_equal(
            extended[name][last:], np.broadcast_to(weights[name][last], extended[name][last:].shape)
        )


def test_a_sampled_catalogue_estimates_the_whole() -> None:
    """With products sampled, Z is right on average: own products exactly, all else by one over its chance."""
    log = random_log(6, 30, 200, 600)
    sold = np.unique(log.product)
    m, number = len(sold), np.full(200, -1, np.int32)
    number[sold] = np.arange(m, dtype=np.int32)
    moments, stop = data.orders(log)
    popular = data.popularity(number[log.product], log.at, m, np.array([NOW - 300 * DAY_S, NOW]))
    each = Examples(log, number, m, moments, stop, popular, np.ones(len(stop), np.int64), 5, 100, 40)
    rng, rows = np.random.default_rng(1), np.arange(6)
    exp_s = np.exp(rng.standard_normal(m))
    totals = []
    for _ in range(4000):
        batch = each.batch(rows, rng)
        assert len(batch.some) < m
        totals.append((np.exp(batch.log_weight) * exp_s[batch.some]).sum(1))
        assert (batch.log_weight[batch.target_row, batch.target_column] == 0).all()
    np.testing.assert_allclose(np.mean(totals, axis=0), exp_s.sum(), rtol=0.03)


def test_a_large_catalogue_is_learned_too() -> None:
    """Trained on a sample of the catalogue, chains are still followed."""
    log = _chains(200, 1)
    state = sequence.fit(log, NOW, replace(EAGER, whole_catalogue=5, sample=4), 1)
    ids, _ = sequence.propose(state, log, np.arange(200, dtype=np.int32), 1)
    last = log.product[log.indptr[1:] - 1]
    assert (ids[:, 0] == (last + 1) % NEXT).mean() > 0.8


def test_training_stops_when_its_time_is_over() -> None:
    """With no time left each training takes one batch, and gives a model all the same."""
    log = _chains(50, 1)
    state = sequence.fit(log, NOW, replace(SMALL, epochs=10_000, patience=10_000, seconds=0), 1)
    assert state.epochs == 1
    assert (sequence.propose(state, log, np.arange(3, dtype=np.int32), 5)[0] >= 0).all()


@pytest.mark.parametrize(("customers", "lines"), [(3, 0), (1, 1), (2, 3)])
def test_a_shop_of_hardly_any_orders(customers: int, lines: int, tmp_path) -> None:
    """A shop without sales proposes nothing, one with a few proposes what it sold; both are saved and loaded."""
    log = random_log(1, customers, 4, lines)
    state = sequence.fit(log, NOW, replace(SMALL, epochs=1), 1)
    sequence.save(state, tmp_path)
    ids, scores = sequence.propose(sequence.load(tmp_path), log, np.arange(customers, dtype=np.int32), 4)
    assert (np.sort(np.unique(ids[ids >= 0])) == np.unique(log.product)).all()
    assert np.isfinite(scores).all()


def test_a_night_does_not_import_tensorflow(tmp_path) -> None:
    """Loading and scoring in a fresh process leave TensorFlow and Keras alone."""
    log = random_log(1, 5, 6, 20)
    sequence.save(_state(log, SMALL, 1), tmp_path)
    script = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from ml.capabilities.recommender.candidates import sequence\n"
        "from tests.capabilities.recommender.candidates.small_log import random_log\n"
        "state, log = sequence.load(Path(sys.argv[1])), random_log(1, 5, 6, 20)\n"
        "sequence.propose(state, log, np.arange(5, dtype=np.int32), 3)\n"
        "sequence.pairs(state, log, np.zeros(2, np.int32), np.arange(2, dtype=np.int32))\n"
        "sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))\n"
    )
    assert subprocess.run([sys.executable, "-c", script, tmp_path], check=False).returncode == 0


def test_popularity_is_the_decayed_share_before_the_moment() -> None:
    """Worked by hand: a line of 7 days ago counts half at a pace of 7 days; one at the moment itself does not count."""
    at = np.array([NOW, NOW - 7 * DAY_S, NOW - 14 * DAY_S, NOW - 14 * DAY_S])
    log_shares = data.popularity(np.array([0, 0, 1, -1], np.int32), at, 2, np.array([NOW - 14 * DAY_S, NOW]))
    np.testing.assert_allclose(log_shares[0], np.log(0.5))
    np.testing.assert_allclose(log_shares[1, 0], np.log(np.array([0.5 + 0.5, 0.25 + 0.5]) / 1.75), rtol=1e-6)


def test_history_by_hand() -> None:
    """The mark first, with the first line's age and the number of lines; then lines, newest first; unknown is nothing."""
    log = small_log([(0, 0, 0, 40.0), (0, 1, 0, 40.0), (0, 2, 1, 5.0), (1, 1, 2, 0.1)], ["x"] * 3)
    number = np.array([0, -1, 1], np.int32)
    padded = data.history(log, number, data.tonight(log, np.array([0, 1, -1], np.int32), 0.0), 3)
    assert padded.item.tolist() == [[-2, 1, -1, 0], [-2, -1, -1, -1], [-2, -1, -1, -1]]
    assert padded.age[0].tolist() == [6, 2, 0, 6]
    assert padded.rank[0].tolist() == [2, 0, 0, 1]
    assert (padded.age[1, 0], padded.rank[1, 0], padded.age[2, 0], padded.rank[2, 0]) == (0, 1, 0, 0)


@pytest.mark.parametrize("spoil", ["nothing there", "another shape"])
def test_broken_files_are_an_error_that_says_what_to_do(spoil: str, tmp_path) -> None:
    """A folder without the files, or with weights that do not fit, is refused with the way out."""
    if spoil == "another shape":
        log = random_log(1, 5, 6, 20)
        state = _state(log, SMALL, 1)
        sequence.save(replace(state, weights=state.weights | {"bias": np.zeros(1, np.float32)}), tmp_path)
    with pytest.raises(ArtifactError, match="nightshift train recommender"):
        sequence.load(tmp_path)

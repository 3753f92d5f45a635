"""How the sequence model is fitted: how long to train and how far to trust it is found on the last days of the log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from ml.capabilities.recommender.candidates import sequence_data as data
from ml.capabilities.recommender.candidates import sequence_forward as forward
from ml.capabilities.recommender.candidates import sequence_train as training
from ml.capabilities.recommender.candidates.sequence_data import Longs, Moments
from ml.capabilities.recommender.candidates.sequence_examples import Examples
from ml.core.units import DAY_S
from ml.kernels.compiled import Ids, Scores
from ml.learn.metrics import ranking
from ml.learn.purchases import Log

if TYPE_CHECKING:
    from ml.capabilities.recommender.candidates.sequence import Params

MOST_TIMES = 120
SHIFTS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
ROWS_PER_BLOCK = 256
JUDGED = 10


def learn(log: Log, number: Ids, m: int, params: Params, seed: int) -> tuple[dict[str, Scores], int]:
    """Train twice: without the last days, to choose the number of epochs and :func:`shift` on them; then on all days.

    Parameters
    ----------
    log : Log
        What was known before the fit; not empty.
    number : ndarray of shape (n_products,), int32
        The model's number of each product, -1 for one that was not sold.
    m : int
        How many were.

    Returns
    -------
    weights : dict of str to ndarray
    epochs : int
        That the second training took.
    """
    start = time.monotonic()
    examples = _examples(log, number, m, params)
    shape = training.Shape(m, params.dimensions, params.heads, params.blocks, params.dropout)
    trainer = training.Trainer(examples, shape, params, seed)
    late = examples.moments.at >= log.until - params.held_days * DAY_S
    held, early = np.flatnonzero(late), np.flatnonzero(~late)
    epochs, trust = params.epochs, 0.0
    if len(held) and len(early):
        held = np.random.default_rng(seed).permutation(held)[: max(1, params.epoch_orders // 5)]
        weights, losses = trainer.train(early, held, epochs, start + params.seconds / 2)
        epochs, trust = int(np.argmin(losses)) + 1, shift(weights, examples, held, params)
    every, nothing = np.arange(len(late)), np.empty(0, np.int64)
    weights, losses = trainer.train(every, nothing, epochs, start + params.seconds)
    weights["repeat_bias"] = weights["repeat_bias"] + np.float32(trust)
    return widened(weights, examples.moments, log), len(losses)


def widened(weights: dict[str, Scores], moments: Moments, log: Log) -> dict[str, Scores]:
    """Give ages and ranks beyond what training saw the weights of the last that it saw: tonight is later than all of it."""
    known = moments.end > moments.start
    start, lines = moments.start[known], (moments.end - moments.start)[known]
    oldest = int(data.ages(moments.at[known] - log.at[start]).max(initial=0))
    most = min(int(data.ages(lines * DAY_S).max(initial=0)), data.RANKS - 1)
    made = dict(weights)
    for name, last in (("age", oldest), ("pool_age", oldest), ("repeat_age", oldest), ("rank", most)):
        made[name] = weights[name].copy()
        made[name][last + 1 :] = weights[name][last]
    return made


def shift(weights: forward.Weights, examples: Examples, held: Longs, params: Params) -> float:
    """How much more to trust repeats than in training: what ranks the ``held`` orders best (NDCG@10).

    On orders that it has seen, what the attention finds looks surer than it is on those to come; what was bought is
    the same for both. So trained weights place new products too high beside those bought before.
    """
    moments = Moments(*(part[held] for part in examples.moments))
    z = forward.encode_all(
        weights, examples.log, examples.number, moments, (params.length, params.heads, params.blocks)
    )
    total = np.zeros(len(SHIFTS))
    for start in range(0, len(held), ROWS_PER_BLOCK):
        rows = slice(start, start + ROWS_PER_BLOCK)
        total += _ranked(weights, examples, held[rows], z[rows])
    return SHIFTS[int(np.argmax(total))]


def _ranked(weights: forward.Weights, examples: Examples, orders: Longs, z: Scores) -> ranking.Floats:
    """Sum of NDCG@10 of some orders, for each of ``SHIFTS``."""
    moments = Moments(*(part[orders] for part in examples.moments))
    lines = data.bought(examples.log, examples.number, moments, examples.most)
    row, item, gain = forward.repeats(weights, z, lines, examples.m)
    popular = np.einsum("f,nfi->ni", weights["popularity"], examples.popular[examples.time[orders]])
    base = z @ weights["item"][: examples.m].T + weights["bias"] + popular
    of, what = examples.answers(orders)
    relevant, own = np.bincount(of, minlength=len(orders)), base[row, item]
    made = []
    for trust in SHIFTS:
        base[row, item] = np.logaddexp(own, gain + np.float32(trust))
        k = min(JUDGED, examples.m)
        best = np.argpartition(-base, k - 1, axis=1)[:, :k]
        best = np.take_along_axis(best, np.argsort(-np.take_along_axis(base, best, 1), axis=1), 1)
        made.append(ranking.ndcg(ranking.hits(best, of, what), relevant, JUDGED).sum())
    return np.array(made)


def _examples(log: Log, number: Ids, m: int, params: Params) -> Examples:
    moments, stop = data.orders(log)
    first = int(log.at.min())
    pace = max(DAY_S, (log.until - first) // MOST_TIMES)
    popular = data.popularity(number[log.product], log.at, m, np.arange(first, log.until, pace))
    sample = 0 if m <= params.whole_catalogue else params.sample
    return Examples(
        log, number, m, moments, stop, popular, (moments.at - first) // pace, params.length, params.most_lines, sample
    )

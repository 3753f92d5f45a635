"""Parameters of the ranker's trees, chosen over time: learn from older windows, be judged on later ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.capabilities.recommender.ranking.window import Window
from ml.capabilities.recommender.spec import Params
from ml.learn import boosting, trees
from ml.learn.metrics.ranking import ndcg
from ml.learn.tuning import chosen

JUDGED = 2
"""The latest so many windows are judged."""
K = 10

Floats = npt.NDArray[np.float64]


def tuned(windows: Sequence[Window], params: Params, seed: int) -> boosting.Growth:
    """The trees' parameters of ``params``, or those that order later windows better by more than chance.

    See :func:`ml.learn.tuning.chosen`; what is compared is the NDCG of each customer.

    Parameters
    ----------
    windows : sequence of Window
        The latest first, ``params.window_step_days`` apart.
    """
    usual = boosting.Growth(params.trees, params.leaves, params.learning_rate)
    if not params.trials or not list(folds(len(windows), params)):
        return usual
    return chosen(
        usual,
        proposal,
        lambda how: (-gain for gain in gains(windows, how, params, seed)),
        trials=params.trials,
        seed=seed,
        seconds=params.tuning_seconds,
    )


def proposal(trial: Any) -> boosting.Growth:
    """One draw: the size of the trees and how slowly they learn; as many trees as make the same step in all."""
    rate = trial.suggest_float("learning_rate", 0.02, 0.15, log=True)
    many = int(np.clip(trial.suggest_float("path", 3.0, 16.0, log=True) / rate, 30, 400))
    return boosting.Growth(many, trial.suggest_int("leaves", 8, 127, log=True), rate)


def folds(n: int, params: Params) -> Iterator[tuple[int, list[int]]]:
    """Yield a judged window and those to learn from, whose answers were there before it begins.

    Examples
    --------
    >>> list(folds(6, Params(window_days=30.0, window_step_days=12.0)))
    [(0, [3, 4, 5]), (1, [4, 5])]
    """
    apart = int(np.ceil(params.window_days / params.window_step_days))
    for judged in range(JUDGED):
        if older := list(range(judged + apart, n)):
            yield judged, older


def gains(windows: Sequence[Window], how: boosting.Growth, params: Params, seed: int) -> Iterator[Floats]:
    """NDCG@10 of each customer of the judged windows, fold by fold."""
    for judged, older in folds(len(windows), params):
        x, taken = (np.concatenate([getattr(windows[w], name) for w in older]) for name in ("x", "taken"))
        grown = boosting.grow(x, taken, how, seed)
        yield _ndcg(windows[judged], trees.predict(grown, windows[judged].x))


def _ndcg(window: Window, worth: Floats) -> Floats:
    """NDCG@10 of each customer's rows, ordered by ``worth``."""
    unit = np.repeat(np.arange(len(window.units)), window.units)
    order = np.lexsort((-worth, unit))
    place = np.arange(len(order)) - np.repeat(np.cumsum(window.units) - window.units, window.units)
    first = place < K
    hits = np.zeros((len(window.units), K), bool)
    hits[unit[first], place[first]] = window.taken[order][first]
    return ndcg(hits, np.bincount(unit, window.taken, len(window.units)).astype(np.int64), K)

"""Parameters of the boosting, chosen by out-of-time cross-validation: learn from the earlier rows, be judged by the later."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ml.learn import boosters
from ml.learn.params import BoostingParams
from ml.learn.tuning import chosen

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int8]
P = TypeVar("P", bound=BoostingParams)

FEWEST = 300
"""With fewer positive rows the choice would be by chance: the defaults stay, which were chosen on simulated shops."""
ROWS = 200_000
"""The latest so many rows are looked at."""
EDGES = (0.4, 0.6, 0.8, 1.0)
"""Shares of the rows, in the order of time, at which the folds begin and end: learnt before one, judged up to the next."""


def tuned(x: Matrix, y: Labels, texts: int, params: P, seed: int, *, trials: int, weight: float = 1.0) -> P:
    """``params``, or those of ``trials`` proposals that foretell later rows better by more than chance.

    See :func:`ml.learn.tuning.chosen`; the loss is the log loss of a row.

    Parameters
    ----------
    x : ndarray of shape (n_rows, n_columns), float32
        In the order of time; see :func:`ml.learn.boosters.boost` for its columns.
    y : ndarray of shape (n_rows,), int8
    weight : float
        What a positive row counts.
    """
    if not trials or y.sum() < FEWEST:
        return params
    x, y = x[-ROWS:], y[-ROWS:]
    return chosen(
        params,
        lambda trial: proposal(trial, params),
        lambda proposed: losses(x, y, texts, proposed, seed, weight),
        trials=trials,
        seed=seed,
        prune=True,
    )


def proposal(trial: Any, params: P) -> P:
    """One draw: the size of the trees and how slowly they learn; as many trees as make the same step in all."""
    rate = trial.suggest_float("learning_rate", 0.02, 0.15, log=True)
    return replace(
        params,
        learning_rate=rate,
        trees=int(np.clip(trial.suggest_float("path", 4.0, 24.0, log=True) / rate, 30, 600)),
        leaves=trial.suggest_int("leaves", 4, 64, log=True),
        min_leaf=trial.suggest_int("min_leaf", 5, 200, log=True),
        column_share=trial.suggest_float("column_share", 0.1, 0.8),
        ridge=trial.suggest_float("ridge", 0.1, 30.0, log=True),
    )


def losses(
    x: Matrix, y: Labels, texts: int, params: BoostingParams, seed: int, weight: float = 1.0
) -> Iterator[Floats]:
    """Log loss of each later row, fold by fold."""
    edges = [int(len(y) * share) for share in EDGES]
    for start, end in itertools.pairwise(edges):
        fitted = boosters.boost(
            x[:start], y[:start], texts, replace(params, members=1), seed, weights(y[:start], weight)
        )
        z = fitted.log_odds(x[start:end])
        yield np.logaddexp(0.0, np.where(y[start:end] > 0, -z, z))


def weights(y: Labels, weight: float) -> Floats | None:
    """What each row counts while learning: a positive one ``weight``; None where all count the same."""
    return np.where(y > 0, weight, 1.0) if weight != 1 else None

"""Parameters of the boosting, chosen by out-of-time cross-validation: learn from the earlier orders, be judged by the later."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.capabilities.risk.spec import Params
from ml.learn import boosters
from ml.learn.tuning import chosen

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int8]

FEWEST = 300
"""With fewer frauds the choice would be by chance: the defaults stay, which were chosen on simulated shops."""
ROWS = 200_000
"""The latest so many orders are looked at."""
EDGES = (0.4, 0.6, 0.8, 1.0)
"""Shares of the orders, in the order of time, at which the folds begin and end: learnt before one, judged up to the next."""


def tuned(x: Matrix, y: Labels, texts: int, params: Params, seed: int) -> Params:
    """``params``, or those that foretell later orders better by more than chance.

    See :func:`ml.learn.tuning.chosen`; the loss is the log loss of an order.

    Parameters
    ----------
    x : ndarray of shape (n_orders, n_columns), float32
        In the order of time; see :func:`ml.learn.boosters.boost` for its columns.
    y : ndarray of shape (n_orders,), int8
    """
    if not params.trials or y.sum() < FEWEST:
        return params
    x, y = x[-ROWS:], y[-ROWS:]
    return chosen(
        params,
        lambda trial: proposal(trial, params),
        lambda proposed: losses(x, y, texts, proposed, seed),
        trials=params.trials,
        seed=seed,
        prune=True,
    )


def proposal(trial: Any, params: Params) -> Params:
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


def losses(x: Matrix, y: Labels, texts: int, params: Params, seed: int) -> Iterator[Floats]:
    """Log loss of each later order, fold by fold."""
    edges = [int(len(y) * share) for share in EDGES]
    for start, end in itertools.pairwise(edges):
        fitted = boosters.boost(
            x[:start], y[:start], texts, replace(params, members=1), seed, weights(y[:start], params)
        )
        z = fitted.log_odds(x[start:end])
        yield np.logaddexp(0.0, np.where(y[start:end] > 0, -z, z))


def weights(y: Labels, params: Params) -> Floats | None:
    """What each order counts while learning: a fraud ``params.fraud_weight``; None where all count the same."""
    return np.where(y > 0, params.fraud_weight, 1.0) if params.fraud_weight != 1 else None

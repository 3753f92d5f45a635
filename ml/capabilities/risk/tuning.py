"""Parameters of the boosting, chosen by out-of-time cross-validation: learn from the earlier orders, be judged by the later."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.capabilities.risk import boosting
from ml.capabilities.risk.spec import Params

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

    Optuna's TPE (Bergstra et al., NeurIPS 2011) draws ``params.trials`` proposals. The best takes the defaults' place only
    if its log loss per order is lower by more than one standard error of the difference, since the best of many is partly
    lucky.

    Parameters
    ----------
    x : ndarray of shape (n_orders, n_columns), float32
        In the order of time; see :func:`boosting.boost` for its columns.
    y : ndarray of shape (n_orders,), int8
    """
    if not params.trials or y.sum() < FEWEST:
        return params
    import optuna

    x, y = x[-ROWS:], y[-ROWS:]
    usual = np.concatenate(list(losses(x, y, texts, params, seed)))
    found: dict[int, tuple[Params, Floats]] = {}

    def objective(trial: Any) -> float:
        chosen = proposal(trial, params)
        made = []
        for fold, part in enumerate(losses(x, y, texts, chosen, seed)):
            made.append(part)
            trial.report(float(np.concatenate(made).mean()), fold)
            if trial.should_prune():
                raise optuna.TrialPruned
        found[trial.number] = chosen, np.concatenate(made)
        return float(found[trial.number][1].mean())

    logging.getLogger("optuna").setLevel(logging.WARNING)
    sampler, pruner = optuna.samplers.TPESampler(seed=seed), optuna.pruners.MedianPruner(n_startup_trials=4)
    study = optuna.create_study(sampler=sampler, pruner=pruner)
    study.optimize(objective, n_trials=params.trials)
    best, loss = found[study.best_trial.number]
    gain = usual - loss
    return best if gain.mean() > gain.std() / np.sqrt(len(gain)) else params


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
        fitted = boosting.boost(x[:start], y[:start], texts, replace(params, members=1), seed)
        z = fitted.log_odds(x[start:end])
        yield np.logaddexp(0.0, np.where(y[start:end] > 0, -z, z))

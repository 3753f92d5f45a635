"""Parameters chosen by what came later, and only where that is more than luck."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

P = TypeVar("P")
Floats = npt.NDArray[np.float64]


def chosen(
    usual: P,
    propose: Callable[[Any], P],
    losses: Callable[[P], Iterable[Floats]],
    *,
    trials: int,
    seed: int,
    seconds: float | None = None,
    prune: bool = False,
) -> P:
    """``usual``, or the one of ``trials`` proposals that does better by more than chance.

    Optuna's TPE (Bergstra et al., NeurIPS 2011) draws the proposals. The best takes the place of the usual parameters only
    if its loss per unit is lower by more than one standard error of the difference, since the best of many is partly lucky.

    Parameters
    ----------
    propose : callable
        Parameters from an Optuna trial.
    losses : callable
        Loss of each unit under some parameters, fold by fold: the same units, in the same order, for any parameters.
    seconds : float, optional
        No further proposal is begun after so long.
    prune : bool
        Leave a proposal after a fold in which it is worse than the median of those before.
    """
    import optuna

    base = np.concatenate(list(losses(usual)))
    found: dict[int, tuple[P, Floats]] = {}

    def objective(trial: Any) -> float:
        proposal, parts = propose(trial), []
        for fold, part in enumerate(losses(proposal)):
            parts.append(part)
            if prune:
                trial.report(float(np.concatenate(parts).mean()), fold)
                if trial.should_prune():
                    raise optuna.TrialPruned
        found[trial.number] = proposal, np.concatenate(parts)
        return float(found[trial.number][1].mean())

    logging.getLogger("optuna").setLevel(logging.WARNING)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=4) if prune else optuna.pruners.NopPruner()
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed), pruner=pruner)
    study.optimize(objective, n_trials=trials, timeout=seconds)
    best, loss = found[study.best_trial.number]
    gain = base - loss
    return best if gain.mean() > gain.std() / np.sqrt(len(gain)) else usual

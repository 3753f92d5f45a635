"""Tastes as factors: :mod:`ml.learn.factors` over the customers' histories of tonight."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ml.capabilities.recommender.spec import Params
from ml.kernels.compiled import Csr, Ids, Scores
from ml.learn.factors import Factors, fold_in, learn, load, save
from ml.learn.histories import history
from ml.learn.purchases import Log, before, everyone

__all__ = ["Factors", "customers", "fit", "load", "save"]

CAP = 5.0
"""A product bought more often than that tells no more."""


def fit(log: Log, at: int, params: Params, seed: int) -> Factors:
    """Learn the products' factors from what was known before ``at``; a product that nobody has stays at zero."""
    items = np.zeros((log.n_products, params.factors), np.float32)
    how = (params.factors_weight, params.factors_penalty, params.factors_half_life_days)
    return learn(Factors(items, *how), _history(before(log, at), everyone(log), how[2]), seed)


def customers(state: Factors, log: Log, users: Ids) -> tuple[Scores, npt.NDArray[np.bool_]]:
    """Solve for the customers' factors, and tell who has a history."""
    h = _history(log, users, state.half_life_days)
    return fold_in(state, h), np.diff(h.indptr) > 0


def _history(log: Log, users: Ids, half_life_days: float) -> Csr:
    return history(log, users, half_life_days, cap=CAP)

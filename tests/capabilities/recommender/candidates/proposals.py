"""What a candidate model proposes, on the path that a night takes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml.capabilities.recommender.candidates import ensemble
from ml.kernels.compiled import Ids, Scores
from ml.learn.purchases import Log


def propose(model: Any, state: Any, log: Log, users: Ids, k: int) -> tuple[Ids, Scores]:
    """The k best products of each customer and their scores."""
    if hasattr(model, "rows"):
        _, (ids, scores, _) = ensemble.by_rows(model, state, log, users, k)
        return ids, scores
    if hasattr(model, "customers"):
        _, (ids, scores) = ensemble.by_vectors(model, state, log, users, k)
        return ids, scores
    return model.propose(state, log, users, k)


def scores_of_all(model: Any, state: Any, log: Log, users: Ids) -> Scores:
    """The score of each product for each customer, by the plain product of both sides, shape (n, n_products)."""
    if hasattr(model, "rows"):
        return np.asarray((model.rows(state, log, users) @ model.matrix(state)).todense())
    if hasattr(model, "customers"):
        return model.customers(state, log, users)[0] @ state.items.T
    return state.share[model.groups(state, log, users)]

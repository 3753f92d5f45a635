"""Matrix factorisation for implicit feedback (Hu, Koren & Volinsky, ICDM 2008), fitted by the library ``implicit``.

Only the products' factors are kept. A customer's are solved from tonight's history, so that a new customer or purchase
needs no new fit::

    x_u = (YᵀY + Σ_j (c_uj - 1) y_j y_jᵀ + λ I)⁻¹ Σ_j c_uj y_j,   c_uj = 1 + α h_uj        r_ui = x_uᵀ y_i
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from ml.capabilities.recommender.spec import Params
from ml.kernels.compiled import Csr, Ids, Scores
from ml.kernels.threads import threads
from ml.learn.histories import history
from ml.learn.purchases import Log, before, everyone

ITERATIONS = 12
CAP = 5.0
"""A product bought more often than that tells no more."""


@dataclass(frozen=True)
class Factors:
    """Attributes: ``items``, ndarray of shape (n_products, n_factors), float32; α, λ and the decay of the history."""

    items: Scores
    weight: float
    penalty: float
    half_life_days: float


def fit(log: Log, at: int, params: Params, seed: int) -> Factors:
    """Learn the products' factors from what was known before ``at``; a product that nobody has stays at zero."""
    h = _history(before(log, at), everyone(log), params.factors_half_life_days)
    state = Factors(
        np.zeros((log.n_products, params.factors), np.float32),
        params.factors_weight,
        params.factors_penalty,
        params.factors_half_life_days,
    )
    rows, columns = np.flatnonzero(np.diff(h.indptr)), np.flatnonzero(np.bincount(h.indices, minlength=h.shape[1]))
    if not len(columns):
        return state
    confidence = csr_matrix(h[rows][:, columns])
    confidence.data = 1 + np.float32(params.factors_weight) * confidence.data
    with threadpool_limits(1, user_api="blas"):
        state.items[columns] = _implicit(confidence, params, seed)
    return state


def save(state: Factors, folder: Path) -> None:
    """Write ``factors.npz``."""
    how = np.array([state.weight, state.penalty, state.half_life_days])
    np.savez(folder / "factors.npz", items=state.items, how=how)


def load(folder: Path) -> Factors:
    """Read what :func:`save` wrote; nothing in the file is executed."""
    with np.load(folder / "factors.npz", allow_pickle=False) as file:
        weight, penalty, half_life_days = file["how"].tolist()
        return Factors(file["items"], weight, penalty, half_life_days)


def fold_in(state: Factors, h: Csr) -> Scores:
    """Solve for the factors of each row of ``h`` by ``implicit``, shape (n, n_factors)."""
    confidence = csr_matrix(h, dtype=np.float32)
    confidence.data = 1 + np.float32(state.weight) * confidence.data
    with threadpool_limits(1, user_api="blas"):
        model = _model(state.items.shape[1], state.penalty, 0)
        model.item_factors = np.ascontiguousarray(state.items, np.float32)
        return np.asarray(model.recalculate_user(np.arange(h.shape[0]), confidence), np.float32)


def fold_in_reference(items: Scores, h: Csr, weight: float, penalty: float) -> Scores:
    """:func:`fold_in` by the formula, a customer at a time."""
    y, x = items.astype(np.float64), np.zeros((h.shape[0], items.shape[1]))
    for u in range(h.shape[0]):
        js, c = h.indices[h.indptr[u] : h.indptr[u + 1]], 1 + weight * h.data[h.indptr[u] : h.indptr[u + 1]]
        a = y.T @ y + (y[js].T * (c - 1)) @ y[js] + penalty * np.eye(y.shape[1])
        x[u] = np.linalg.solve(a, y[js].T @ c)
    return x.astype(np.float32)


def _implicit(confidence: csr_matrix, params: Params, seed: int) -> Scores:
    model = _model(params.factors, params.factors_penalty, seed)
    model.fit(confidence, show_progress=False)
    return np.asarray(model.item_factors, np.float32)


def _model(factors: int, penalty: float, seed: int) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of BLAS threads, which are set
        from implicit.cpu.als import AlternatingLeastSquares

        return AlternatingLeastSquares(
            factors=factors,
            regularization=penalty,
            iterations=ITERATIONS,
            alpha=1.0,
            random_state=seed,
            num_threads=threads(),
            calculate_training_loss=False,
        )


def customers(state: Factors, log: Log, users: Ids) -> tuple[Scores, npt.NDArray[np.bool_]]:
    """Solve for the customers' factors, and tell who has a history."""
    h = _history(log, users, state.half_life_days)
    return fold_in(state, h), np.diff(h.indptr) > 0


def _history(log: Log, users: Ids, half_life_days: float) -> Csr:
    return history(log, users, half_life_days, cap=CAP)

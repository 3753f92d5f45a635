"""Matrix factorisation for implicit feedback (Hu, Koren & Volinsky, ICDM 2008), fitted by the library ``implicit``.

Only the items' factors are kept. A user's are solved from their history, so that a new user or event needs no new fit::

    x_u = (YᵀY + Σ_j (c_uj - 1) y_j y_jᵀ + λ I)⁻¹ Σ_j c_uj y_j,   c_uj = 1 + α h_uj        r_ui = x_uᵀ y_i
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from ml.kernels.compiled import Csr, Scores
from ml.kernels.threads import threads

ITERATIONS = 12


@dataclass(frozen=True)
class Factors:
    """Attributes: ``items``, ndarray of shape (n_items, n_factors), float32; α, λ and the decay of the history."""

    items: Scores
    weight: float
    penalty: float
    half_life_days: float


def learn(state: Factors, h: Csr, seed: int) -> Factors:
    """Fill ``state.items`` from the histories ``h``, shape (n_users, n_items); an item that nobody has stays as it is."""
    rows, columns = np.flatnonzero(np.diff(h.indptr)), np.flatnonzero(np.bincount(h.indices, minlength=h.shape[1]))
    if not len(columns):
        return state
    confidence = csr_matrix(h[rows][:, columns])
    confidence.data = 1 + np.float32(state.weight) * confidence.data
    with threadpool_limits(1, user_api="blas"):
        model = _model(state.items.shape[1], state.penalty, seed)
        model.fit(confidence, show_progress=False)
        state.items[columns] = np.asarray(model.item_factors, np.float32)
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

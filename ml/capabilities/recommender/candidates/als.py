"""Matrix factorisation for implicit feedback (Hu, Koren & Volinsky, ICDM 2008), fitted by the library ``implicit``.

Only the products' factors are kept. A customer's are solved from tonight's history, so that a new customer or purchase
needs no new fit::

    x_u = (YᵀY + Σ_j (c_uj - 1) y_j y_jᵀ + λ I)⁻¹ Σ_j c_uj y_j,   c_uj = 1 + α h_uj        r_ui = x_uᵀ y_i
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from ml.capabilities.recommender.spec import Params
from ml.kernels.compiled import Csr, Ids, Scores, compiled, share
from ml.kernels.threads import threads
from ml.kernels.topk.dense import top_k_dense
from ml.learn.histories import history
from ml.learn.purchases import Log, before, everyone

ITERATIONS = 12
CAP = 5.0
"""A product bought more often than that tells no more."""
_STEP = 512


@dataclass(frozen=True)
class Factors:
    """Attributes: ``items``, ndarray of shape (n_products, n_factors), float32; α, λ and the decay of the history."""

    items: Scores
    weight: float
    penalty: float
    half_life_days: float

    @cached_property
    def gram(self) -> npt.NDArray[np.float64]:
        """YᵀY, shape (n_factors, n_factors): the same for every customer."""
        y = self.items.astype(np.float64)
        made: npt.NDArray[np.float64] = y.T @ y
        return made


def fit(log: Log, at: int, params: Params, seed: int) -> Factors:
    """Learn the products' factors from what was known before ``at``; a product that nobody has stays at zero."""
    h = _history(before(log, at), everyone(log), params.factors_half_life_days)
    state = Factors(
        np.zeros((log.n_products, params.factors), np.float32),
        params.factors_weight, params.factors_penalty, params.factors_half_life_days,
    )  # fmt: skip
    rows, columns = np.flatnonzero(np.diff(h.indptr)), np.flatnonzero(np.bincount(h.indices, minlength=h.shape[1]))
    if not len(columns):
        return state
    confidence = csr_matrix(h[rows][:, columns])
    confidence.data = 1 + np.float32(params.factors_weight) * confidence.data
    with threadpool_limits(1, user_api="blas"):
        state.items[columns] = _implicit(confidence, params, seed)
    return state


def propose(state: Factors, log: Log, users: Ids, k: int) -> tuple[Ids, Scores]:
    """List the k best of r_ui for each customer, what was bought among them; -1 for all of a customer without history."""
    x, known = customers(state, log, users)
    ids, scores = top_k_dense(x, state.items, max(1, k))
    ids[~known] = -1
    scores[ids < 0] = 0
    return ids, scores


def pairs(state: Factors, log: Log, users: Ids, items: Ids) -> Scores:
    """r_ui of given pairs, shape (n_pairs,)."""
    who, row = np.unique(np.asarray(users, np.int32), return_inverse=True)
    x, _ = customers(state, log, who)
    scores: Scores = np.einsum("pf,pf->p", x[row], state.items[items])
    return scores


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
    """Solve for the factors of each row of ``h``, shape (n, n_factors)."""
    items, gram, weight, penalty = state.items, state.gram, state.weight, state.penalty
    x = np.zeros((h.shape[0], items.shape[1]), np.float32)
    parts = h.indptr.astype(np.int64), h.indices.astype(np.int32), h.data.astype(np.float32)

    def work(start: int, end: int) -> None:
        _solve((start, end), parts, items, gram, weight, penalty, x)

    share(work, h.shape[0], _STEP)
    return x


def fold_in_reference(items: Scores, h: Csr, weight: float, penalty: float) -> Scores:
    """:func:`fold_in` by the formula, a customer at a time."""
    y, x = items.astype(np.float64), np.zeros((h.shape[0], items.shape[1]))
    for u in range(h.shape[0]):
        js, c = h.indices[h.indptr[u] : h.indptr[u + 1]], 1 + weight * h.data[h.indptr[u] : h.indptr[u + 1]]
        a = y.T @ y + (y[js].T * (c - 1)) @ y[js] + penalty * np.eye(y.shape[1])
        x[u] = np.linalg.solve(a, y[js].T @ c)
    return x.astype(np.float32)


def _implicit(confidence: csr_matrix, params: Params, seed: int) -> Scores:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of BLAS threads, which are set
        from implicit.cpu.als import AlternatingLeastSquares

        model = AlternatingLeastSquares(
            factors=params.factors, regularization=params.factors_penalty, iterations=ITERATIONS, alpha=1.0,
            random_state=seed, num_threads=threads(), calculate_training_loss=False,
        )  # fmt: skip
        model.fit(confidence, show_progress=False)
    return np.asarray(model.item_factors, np.float32)


def customers(state: Factors, log: Log, users: Ids) -> tuple[Scores, npt.NDArray[np.bool_]]:
    """Solve for the customers' factors, and tell who has a history."""
    h = _history(log, users, state.half_life_days)
    return fold_in(state, h), np.diff(h.indptr) > 0


def _history(log: Log, users: Ids, half_life_days: float) -> Csr:
    return history(log, users, half_life_days, cap=CAP)


@compiled
def _solve(
    span: tuple[int, int],
    h: tuple[npt.NDArray[np.int64], Ids, Scores],
    y: Scores,
    gram: npt.NDArray[np.float64],
    weight: float,
    penalty: float,
    x: Scores,
) -> None:
    """Solve each customer's normal equations by Cholesky."""
    indptr, indices, data = h
    f = y.shape[1]
    a, b = np.empty((f, f)), np.empty(f)
    for u in range(span[0], span[1]):
        if indptr[u] == indptr[u + 1]:
            continue
        a[:, :] = gram
        b[:] = 0
        for p in range(indptr[u], indptr[u + 1]):
            row, c = y[indices[p]], 1 + weight * data[p]
            for i in range(f):
                b[i] += c * row[i]
                for j in range(i + 1):
                    a[i, j] += (c - 1) * row[i] * row[j]
        _cholesky(a, penalty)
        _substitute(a, b)
        x[u] = b


@compiled
def _cholesky(a: npt.NDArray[np.float64], penalty: float) -> None:
    """Put L into the lower triangle of A: A + penalty I = L Lᵀ."""
    for i in range(len(a)):
        for j in range(i + 1):
            s = a[i, j] + (penalty if i == j else 0.0)
            for t in range(j):
                s -= a[i, t] * a[j, t]
            a[i, j] = np.sqrt(max(s, 1e-12)) if i == j else s / a[j, j]


@compiled
def _substitute(lower: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> None:
    """Solve L Lᵀ x = b in place."""
    f = len(b)
    for i in range(f):
        for t in range(i):
            b[i] -= lower[i, t] * b[t]
        b[i] /= lower[i, i]
    for i in range(f - 1, -1, -1):
        for t in range(i + 1, f):
            b[i] -= lower[t, i] * b[t]
        b[i] /= lower[i, i]

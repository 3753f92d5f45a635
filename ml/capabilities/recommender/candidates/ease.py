"""A linear item-to-item model in closed form, on histories that fade (EASE; Steck, WWW 2019).

With X the customers' histories, x_ui = min(1, Σ_o 2^(-age / half life)), and G = XᵀX::

    B = I - P / diag(P),  P = (G + λ I)⁻¹        minimises ‖X - X B‖² + λ ‖B‖² with diag(B) = 0
    r_ui = Σ_j x_uj b_ji

The inverse is dense: m² numbers. Above ``linear_products`` products it is made over the ones most bought lately, and the
others have no row (a customer's history beyond them says nothing here, and item-kNN and the factors cover them). Of
each row the ``linear_neighbours`` largest weights are kept, so that a night's scores stay sparse products.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.linalg import lapack
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from ml.capabilities.recommender.spec import Params
from ml.kernels.compiled import Csr, Ids
from ml.kernels.sparse import load_csr, save_csr
from ml.kernels.threads import threads
from ml.learn.histories import history
from ml.learn.purchases import Log, before, everyone

SMALL = 500
"""BLAS' threads wait for each other longer than they work on fewer products."""


@dataclass(frozen=True)
class Linear:
    """Attributes: ``weights``, csr_array of shape (n_products, n_products), row j: what j speaks for; the decay."""

    weights: Csr
    half_life_days: float


def fit(log: Log, at: int, params: Params, seed: int) -> Linear:  # noqa: ARG001
    """Solve for the weights on what was known before ``at``."""
    x = history(before(log, at), everyone(log), params.linear_half_life_days)
    m = x.shape[1]
    mass = np.asarray(x.sum(axis=0)).ravel()
    most = np.sort(np.argsort(-mass, kind="stable")[: params.linear_products])
    chosen: Ids = most[mass[most] > 0].astype(np.int32)
    if not len(chosen):
        return Linear(csr_array((m, m), dtype=np.float32), params.linear_half_life_days)
    part = csr_array(x[:, chosen])
    gram = (part.T @ part).toarray()
    with threadpool_limits(threads() if len(chosen) > SMALL else 1, user_api="blas"):
        weights = _solve(gram, params.linear_penalty)
    return Linear(_largest(weights, chosen, m, params.linear_neighbours), params.linear_half_life_days)


def solve_reference(gram: npt.NDArray[np.float64], penalty: float) -> npt.NDArray[np.float64]:
    """B by the formula."""
    p = np.linalg.inv(gram + penalty * np.eye(len(gram)))
    b = np.eye(len(gram)) - p / np.diag(p)
    np.fill_diagonal(b, 0)
    return b


def matrix(state: Linear) -> Csr:
    """What a customer's :func:`rows` are multiplied with: r = h W, shape (n_columns of h, n_products)."""
    return state.weights


def rows(state: Linear, log: Log, users: Ids) -> Csr:
    """Give the customers' histories h as this model weighs them."""
    return history(log, users, state.half_life_days)


def save(state: Linear, folder: Path) -> None:
    """Write ``linear.npz``."""
    save_csr(folder / "linear.npz", state.weights, half_life_days=state.half_life_days)


def load(folder: Path) -> Linear:
    """Read what :func:`save` wrote; nothing in the file is executed."""
    weights, values = load_csr(folder / "linear.npz")
    return Linear(weights, float(values["half_life_days"]))


def _solve(gram: npt.NDArray[np.float32], penalty: float) -> npt.NDArray[np.float32]:
    """B in single precision by Cholesky, a third of the time of a general inverse."""
    gram[np.diag_indices(len(gram))] += penalty
    factor, _ = lapack.spotrf(gram, lower=1, overwrite_a=1)
    p, _ = lapack.spotri(factor, lower=1, overwrite_c=1)
    # Only the lower triangle was written; the upper one still holds the input.
    p = np.tril(p) + np.tril(p, -1).T
    b: npt.NDArray[np.float32] = -p / np.diag(p)
    np.fill_diagonal(b, 0)
    return b


def _largest(weights: npt.NDArray[np.float32], chosen: Ids, m: int, k: int) -> Csr:
    """The k largest positive weights of each row, as numbers of the whole catalogue."""
    k = min(k, len(weights))
    best = np.argpartition(-weights, k - 1, axis=1)[:, :k]
    values = np.take_along_axis(weights, best, 1)
    kept = values > 0
    rows = np.broadcast_to(chosen[:, None], best.shape)[kept]
    made = csr_array((values[kept], (rows, chosen[best[kept]])), shape=(m, m), dtype=np.float32)
    made.sort_indices()
    return made

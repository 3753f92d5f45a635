"""Item-kNN: products that the same customers buy, over all times or in the last weeks only.

Cosine with activity weights (Sarwar et al., WWW 2001; Aiolli, RecSys 2013): with b_ui = x_ui / |N(u)|^α::

    s_ij = Σ_u b_ui b_uj / √((Σ_u b_ui² + λ)(Σ_u b_uj² + λ))        r_ui = Σ_j h_uj s_ji

where λ is the shrinkage times the mean b²: few common customers are no proof. In the last weeks' version x_ui counts
only what was bought in them, so that the neighbourhoods follow the season.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, diags_array

from ml.capabilities.recommender.spec import Params
from ml.core.units import DAY_S
from ml.kernels.compiled import Csr, Ids
from ml.kernels.groups import ends_of
from ml.kernels.sparse import load_csr, save_csr
from ml.kernels.topk.sparse import top_k_sparse
from ml.learn.histories import history
from ml.learn.purchases import Log, before, everyone, since

# Beyond this many different products it is a reseller or a robot: it says little about taste, and costs their square.
MOST_PRODUCTS = 2000
FOREVER_DAYS = 1e6


@dataclass(frozen=True)
class Neighbours:
    """Attributes: ``similar``, csr_array of shape (n_products, n_products); the decay and floor of the history."""

    similar: Csr
    half_life_days: float
    floor: float


def fit(log: Log, at: int, params: Params, seed: int) -> Neighbours:  # noqa: ARG001
    """Learn from everything before ``at``."""
    taste = history(before(log, at), everyone(log), FOREVER_DAYS)
    similar = cosine(taste, 0.75, params.shrinkage, params.neighbours)
    return Neighbours(similar, params.half_life_days, 0.2)


def fit_recent(log: Log, at: int, params: Params, seed: int) -> Neighbours:  # noqa: ARG001
    """Learn from the last ``recent_days`` before ``at`` only."""
    lately = since(before(log, at), at - int(params.recent_days * DAY_S))
    taste = history(lately, everyone(log), FOREVER_DAYS)
    similar = cosine(taste, 0.5, params.shrinkage / 3, params.neighbours)
    return Neighbours(similar, params.recent_days, 0.2)


def matrix(state: Neighbours) -> Csr:
    """What a customer's :func:`rows` are multiplied with: r = h W, shape (n_columns of h, n_products)."""
    return state.similar


def rows(state: Neighbours, log: Log, users: Ids) -> Csr:
    """Give the customers' histories h as this model weighs them."""
    return history(log, users, state.half_life_days, floor=state.floor)


def save(state: Neighbours, folder: Path, name: str = "neighbours") -> None:
    """Write ``<name>.npz``."""
    save_csr(folder / f"{name}.npz", state.similar, half_life_days=state.half_life_days, floor=state.floor)


def load(folder: Path, name: str = "neighbours") -> Neighbours:
    """Read what :func:`save` wrote; nothing in the file is executed."""
    similar, values = load_csr(folder / f"{name}.npz")
    return Neighbours(similar, float(values["half_life_days"]), float(values["floor"]))


def cosine(taste: Csr, activity: float, shrinkage: float, k: int) -> Csr:
    """The k largest cosines of each row; the product of the two factors is ranked row by row, m x m never exists."""
    count = np.diff(taste.indptr)
    rows = np.where(count <= MOST_PRODUCTS, np.maximum(count, 1) ** -activity, 0).astype(np.float32)
    b = csr_array(diags_array(rows) @ taste)
    b.eliminate_zeros()
    m = b.shape[1]
    if not b.nnz:
        return csr_array((m, m), dtype=np.float32)
    square = b.data.astype(np.float64) ** 2
    norm = np.sqrt(np.bincount(b.indices, square, m) + shrinkage * square.mean() + 1e-12)
    b.data /= norm.astype(np.float32)[b.indices]
    itself = csr_array((np.ones(m, np.float32), np.arange(m, dtype=np.int32), np.arange(m + 1, dtype=np.int32)), (m, m))
    ids, scores, _ = top_k_sparse(csr_array(b.T), b, max(1, min(k, m)), exclude=itself)
    found = ids >= 0
    ends = ends_of(found.sum(1)).astype(np.int32)
    similar = csr_array((np.minimum(scores[found], 1), ids[found], ends), shape=(m, m))
    similar.sort_indices()
    return similar


def cosine_reference(taste: Csr, activity: float, shrinkage: float) -> npt.NDArray[np.float64]:
    """All cosines by the formula, shape (n_products, n_products), 0 on the diagonal."""
    x = taste.toarray().astype(np.float64)
    b = x / np.maximum((x > 0).sum(1, keepdims=True), 1) ** activity
    square = (b**2).sum(0) + shrinkage * (b[b > 0] ** 2).mean()
    s: npt.NDArray[np.float64] = (b.T @ b) / np.sqrt(np.outer(square, square))
    np.fill_diagonal(s, 0)
    return s

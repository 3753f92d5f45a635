"""What customers alike have bought in the last weeks (user-kNN on fading baskets; after TIFU-kNN, Hu et al., SIGIR 2020).

With v_u the customer's history that fades, weighted by √idf and of length 1, N(u) the nearest ``people`` customers who
bought in the last weeks, and R what they bought in them::

    r_ui = Σ_v∈N(u) (v_u·v_v) R_vi

Nothing is learned: the state is the log's own, made anew each night, and no customer is kept in a model. The pool of
neighbours is bounded to the latest buyers, and of a product's buyers only the latest are met, so that a night's cost
grows with the customers and not with their square.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, diags_array

from ml.capabilities.recommender.spec import Params
from ml.core.units import DAY_S
from ml.kernels.compiled import Csr, Ids, Scores
from ml.kernels.groups import ends_of
from ml.kernels.topk.sparse import top_k_sparse
from ml.learn.histories import history
from ml.learn.purchases import Log, before, everyone, since

POOL = 50_000
MOST_BUYERS = 400
HALF_LIFE_DAYS = 120.0


@dataclass(frozen=True)
class People:
    """The pool of customers who bought lately.

    Attributes
    ----------
    numbers : ndarray of shape (n_pool,), int32
        Their customer numbers.
    buyers : csr_array of shape (n_products, n_pool)
        The vectors of the pool, transposed, cut to the latest buyers of each product.
    bought : csr_array of shape (n_pool, n_products)
        R, 1 for each product bought in the last weeks.
    root_idf : ndarray of shape (n_products,)
    k : int
    """

    numbers: Ids
    buyers: Csr
    bought: Csr
    root_idf: Scores
    k: int


def fit(log: Log, at: int, params: Params, seed: int) -> People:  # noqa: ARG001
    """Gather the customers who bought in the last weeks before ``at``, the latest ``POOL`` of them."""
    log = before(log, at)
    lately = since(log, at - int(params.people_days * DAY_S))
    last = np.full(log.n_customers, -1, np.int64)
    there = np.diff(lately.indptr) > 0
    last[there] = lately.at[lately.indptr[1:][there] - 1]
    pool = np.argsort(-last, kind="stable")[: min(POOL, int(there.sum()))].astype(np.int32)
    buyers = np.bincount(history(log, everyone(log), HALF_LIFE_DAYS).indices, minlength=log.n_products)
    root_idf = np.sqrt(np.log(1 + log.n_customers / (1 + buyers))).astype(np.float32)
    vectors = _vectors(history(log, pool, HALF_LIFE_DAYS, cap=np.inf), root_idf)
    bought = history(lately, pool, 1e6)
    return People(pool, _latest(csr_array(vectors.T), MOST_BUYERS), bought, root_idf, params.people)


def matrix(state: People) -> Csr:
    """What a customer's :func:`rows` are multiplied with: r = h W, shape (n_columns of h, n_products)."""
    return state.bought


def rows(state: People, log: Log, users: Ids) -> Csr:
    """Give the likeness of each customer's nearest in the pool, without themselves; shape (n, n_pool)."""
    vectors = _vectors(history(log, users, HALF_LIFE_DAYS, cap=np.inf), state.root_idf)
    n = len(state.numbers)
    if not n:
        return csr_array((len(users), 0), dtype=np.float32)
    at = np.argsort(state.numbers)
    found = np.minimum(np.searchsorted(state.numbers[at], users), n - 1)
    rows = np.flatnonzero(state.numbers[at[found]] == users)
    itself = csr_array((np.ones(len(rows), np.float32), (rows, at[found[rows]])), shape=(len(users), n))
    ids, scores, _ = top_k_sparse(vectors, state.buyers, min(state.k, n), exclude=itself)
    kept = ids >= 0
    ends = ends_of(kept.sum(1))
    return csr_array((scores[kept], ids[kept], ends), shape=(len(users), n))


def _vectors(h: Csr, root_idf: Scores) -> Csr:
    """Rows of length 1."""
    v = csr_array(h @ diags_array(root_idf))
    length = np.sqrt(np.asarray(v.multiply(v).sum(axis=1)).ravel())
    return csr_array(diags_array(1 / np.maximum(length, 1e-12).astype(np.float32)) @ v, dtype=np.float32)


def _latest(buyers: Csr, most: int) -> Csr:
    """At most ``most`` entries in each row. The pool stands latest first, so these are the first ones."""
    buyers.sort_indices()
    place = np.arange(buyers.nnz) - np.repeat(buyers.indptr[:-1], np.diff(buyers.indptr))
    kept = place < most
    ends = ends_of(kept)[buyers.indptr]
    return csr_array((buyers.data[kept], buyers.indices[kept], ends), shape=buyers.shape)

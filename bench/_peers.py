"""The peers of the recommender, each in a few lines over a dense table of test customers and products.

They see what the recommender sees: purchases of known customers before the window. Their parameters are chosen on the
window before the reported one.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, diags_array
from threadpoolctl import threadpool_limits

from ml.learn.purchases import Log

DAY = 86_400
EASE_PRODUCTS = 12_000
"""The most bought products, which have a place in EASE: the inverse of twice as many needs 18 GiB beside its matrix."""
Table = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Past:
    """Purchases, each product of an order once: customer, product, days before the window, orders since."""

    n: int
    m: int
    who: npt.NDArray[np.int64]
    what: npt.NDArray[np.int64]
    age: npt.NDArray[np.float64]
    since: npt.NDArray[np.int64]

    @classmethod
    def of(cls, log: Log) -> Past:
        """Take the lines of a log."""
        who = np.repeat(np.arange(log.n_customers), np.diff(log.indptr))
        new = np.append(True, (np.diff(who) != 0) | (np.diff(log.order) != 0))[: len(who)]
        number = np.cumsum(new)
        last = number[np.maximum(log.indptr[1:] - 1, 0)] if len(number) else np.zeros(0, np.int64)
        _, first = np.unique(number * np.int64(log.n_products) + log.product, return_index=True)
        age = (log.until - log.at) / DAY
        return cls(
            log.n_customers,
            log.n_products,
            who[first],
            log.product[first].astype(np.int64),
            age[first],
            (last[who] - number)[first],
        )

    def matrix(self, weight: npt.NDArray[np.float64] | None = None) -> csr_matrix:
        """Customers by products, weights of all purchases added up; without weights 1 for each product bought."""
        ones = np.ones(len(self.who)) if weight is None else weight
        counts = csr_matrix((ones, (self.who, self.what)), shape=(self.n, self.m), dtype=np.float32)
        if weight is None:
            counts.data[:] = 1
        return counts


def popularity(past: Past, users: npt.NDArray[np.int64], days: float) -> Table:
    """Buyers of the last ``days``."""
    lately = past.age <= days
    buyers = np.unique(past.who[lately] * past.m + past.what[lately]) % past.m
    return np.tile(np.bincount(buyers, minlength=past.m).astype(np.float32), (len(users), 1))


def personal(past: Past, users: npt.NDArray[np.int64], half_life: float, weight: float) -> Table:
    """Orders that fade, and 30-day popularity."""
    popular = popularity(past, users[:1], 30)[0] if len(users) else np.zeros(past.m, np.float32)
    own = past.matrix(0.5 ** (past.age / half_life))[users].toarray()
    scores: Table = own + weight * popular / max(1.0, float(popular.max(initial=0)))
    return scores


def item_knn(past: Past, users: npt.NDArray[np.int64], kind: str, k: int, *, orders: bool) -> Table:
    """Cosine or BM25 neighbours by the library ``implicit``, on numbers of orders or on who bought what."""
    with _quiet():
        from implicit.nearest_neighbours import BM25Recommender, CosineRecommender

        model = (CosineRecommender if kind == "cosine" else BM25Recommender)(K=k)
        x = past.matrix(np.ones(len(past.who))) if orders else past.matrix()
        model.fit(x, show_progress=False)
    return np.asarray((x[users] @ model.similarity).toarray(), np.float32)


def als(past: Past, users: npt.NDArray[np.int64], factors: int, penalty: float, alpha: float) -> Table:
    """Implicit ALS."""
    with _quiet(), threadpool_limits(1, user_api="blas"):
        from implicit.cpu.als import AlternatingLeastSquares

        model = AlternatingLeastSquares(
            factors=factors, regularization=penalty, alpha=alpha, iterations=15, random_state=1
        )
        model.fit(past.matrix(np.ones(len(past.who))), show_progress=False)
    return np.asarray(model.user_factors[users] @ model.item_factors.T, np.float32)


def bpr(past: Past, users: npt.NDArray[np.int64], factors: int, penalty: float, rate: float) -> Table:
    """Bayesian personalised ranking; one thread, so that a seed means one result."""
    with _quiet():
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        model = BayesianPersonalizedRanking(
            factors=factors, regularization=penalty, learning_rate=rate, iterations=150, random_state=1, num_threads=1
        )
        model.fit(past.matrix(), show_progress=False)
    return np.asarray(model.user_factors[users] @ model.item_factors.T, np.float32)


def ease(past: Past, users: npt.NDArray[np.int64], penalty: float, *, orders: bool) -> Table:
    """EASE (Steck, WWW 2019) on numbers of orders or on who bought what, of the products that an inverse can hold."""
    x = past.matrix(np.ones(len(past.who))) if orders else past.matrix()
    most = np.argsort(-np.bincount(past.what, minlength=past.m), kind="stable")[:EASE_PRODUCTS]
    x = x[:, most]
    gram = (x.T @ x).toarray().astype(np.float64)
    gram[np.diag_indices(len(most))] += penalty
    p = np.linalg.inv(gram)
    b = -p / np.diag(p)
    np.fill_diagonal(b, 0)
    scores = np.zeros((len(users), past.m), np.float32)
    scores[:, most] = x[users] @ b.astype(np.float32)
    return scores


def tifu_knn(past: Past, users: npt.NDArray[np.int64], fade: float, own: float, k: int) -> Table:
    """Own baskets that fade and those of the nearest customers (TIFU-kNN, Hu et al., SIGIR 2020)."""
    v = past.matrix(fade ** past.since.astype(np.float64))
    orders = np.zeros(past.n)
    np.maximum.at(orders, past.who, past.since + 1)
    v = csr_matrix(diags_array(1 / np.maximum(orders, 1)) @ v, dtype=np.float32)
    square = np.asarray(v.multiply(v).sum(1)).ravel()
    near = np.empty((len(users), past.m), np.float32)
    for start in range(0, len(users), 500):
        block = users[start : start + 500]
        distance = square[block][:, None] + square[None, :] - 2 * (v[block] @ v.T).toarray()
        distance[np.arange(len(block)), block] = np.inf
        nearest = np.argpartition(distance, k, axis=1)[:, :k]
        rows = np.repeat(np.arange(len(block)), k)
        weights = csr_matrix((np.full(len(rows), 1 / k), (rows, nearest.ravel())), shape=(len(block), past.n))
        near[start : start + 500] = (weights @ v).toarray()
    scores: Table = own * v[users].toarray() + (1 - own) * near
    return scores


Scorer = Callable[[Past, npt.NDArray[np.int64]], Table]


def _with(score: Callable[..., Any], *given: Any, **named: Any) -> Scorer:
    """A peer with its settings given."""
    return lambda purchases, users: score(purchases, users, *given, **named)


def peers() -> Mapping[str, Mapping[str, Scorer]]:
    """Each peer with its settings to choose from."""
    return {
        "popularity of 30 days": {"": lambda p, u: popularity(p, u, 30)},
        "popularity of 7 days": {"": lambda p, u: popularity(p, u, 7)},
        "personal frequency": {
            f"half-life {h:g} d, popularity {w:g}": _with(personal, h, w)
            for h in (60.0, 180.0, 365.0, 840.0)
            for w in (0.1, 0.3)
        },
        "item-kNN": {
            f"{kind}, {k}, {'orders' if o else 'bought'}": _with(item_knn, kind, k, orders=o)
            for kind in ("cosine", "BM25")
            for k in (50, 200)
            for o in (False, True)
        },
        "implicit ALS": {
            f"{f} factors, λ {r:g}, α {a:g}": _with(als, f, r, a)
            for f in (64, 128)
            for r, a in ((1, 2), (10, 5), (10, 20), (50, 20))
        },
        "implicit BPR": {f"{f} factors, λ {r:g}": _with(bpr, f, r, 0.05) for f in (32, 64) for r in (0.01, 0.05)},
        "EASE": {
            f"λ {r:g}, {'orders' if o else 'bought'}": _with(ease, r, orders=o)
            for r in (100, 300, 800)
            for o in (False, True)
        },
        "TIFU-kNN": {
            f"fade {f:g}, own {o:g}, {k}": _with(tifu_knn, f, o, k)
            for f in (0.8, 0.95)
            for o in (0.5, 0.8)
            for k in (100, 300)
        },
    }


def _quiet() -> warnings.catch_warnings[None]:
    return warnings.catch_warnings(action="ignore")  # implicit warns of BLAS threads

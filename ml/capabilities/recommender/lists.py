"""A model put to work on a night's features: the ranked list of each customer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array, diags_array, vstack

from ml.capabilities.recommender.model import Recommender
from ml.capabilities.recommender.spec import Params
from ml.core.compiled import Csr, Ids, Scores
from ml.core.topk_sparse import top_k_sparse

MOST_SEGMENTS = 50
PRIOR_ORDERS = 100.0
# Popularity's rows are cut to this many lists' length; who needs more (has bought it all) is ranked again with all of it.
FALLBACK_LISTS = 10


class Lists:
    """Ranks tonight's available products for customers.

    score_ui = Σ_j h_uj s_ji + h_ui ρ r_i + β p_gi: what the history h (decayed weights) is similar to, itself where
    products are bought again (share r), and popularity p in the customer's segment g (1 for the best). Popularity
    enters as one more source per segment, so a customer without history gets it pure and every list is full.

    Parameters
    ----------
    model : Recommender
    features : mapping of str to pyarrow.Table
        Of :func:`features.build`; may be younger than the model.
    customers : ndarray of int
        ``customer_no`` of each row to be ranked; -1: nothing is known of them.
    params : Params
    threads : int
    """

    def __init__(
        self,
        model: Recommender,
        features: Mapping[str, pa.Table],
        customers: npt.NDArray[np.int32],
        params: Params,
        *,
        threads: int = 2,
    ) -> None:
        self.products = features["product"].sort_by("product_no")
        self.params, self.threads = params, threads
        self._available = self.products["available"].to_numpy()
        self.m = len(self._available)
        self.popularity = Popularity(features, self.m, segments=model.personal)
        place = _place(model, self.products)
        self._sources = self._similar(model, place)
        repeat = np.full(self.m, model.repeat_mean_, np.float32)
        repeat[place >= 0] = model.repeat_[place[place >= 0]]
        self._history, self._bought = _history(
            features["interaction"], customers, self.popularity.group(features["customer"], customers),
            (self.m, len(self.popularity.names)), params.popularity, learn=model.personal,
        )  # fmt: skip
        if model.personal:
            itself = diags_array(np.where(self._available, params.repeat * repeat, 0).astype(np.float32))
            self._sources = csr_array(self._sources + itself)
        hidden = self._bought & (self._history.indices < self.m)
        hidden[hidden] = repeat[self._history.indices[hidden]] < params.repeat_from
        self._hidden = _masked(self._history, hidden, self.m)

    def rank(self, start: int, end: int) -> tuple[Ids, Scores, Ids]:
        """Rank for rows ``[start, end)`` of ``customers``: ids, scores and sources of shape (end - start, top_k).

        A source below ``m`` is a product of the customer's history, ``m + g`` is the popularity of group g.
        """
        history, hidden = self._history[start:end], self._hidden[start:end]
        k = self.params.top_k
        ids, scores, source = self._rank(history, hidden, FALLBACK_LISTS * k)
        short = np.flatnonzero(ids[:, -1] < 0)
        if len(short) and FALLBACK_LISTS * k < self._available.sum():
            ids[short], scores[short], source[short] = self._rank(history[short], hidden[short], self.m)
        return ids, scores, source

    def bought(self, start: int, rows: npt.NDArray[np.int64], products: Ids) -> npt.NDArray[np.bool_]:
        """Whether row ``start + rows[i]`` bought ``products[i]`` of its history (or else only looked at it)."""
        h, (first, last) = self._history, (start, start + int(rows.max(initial=-1)) + 1)
        span = slice(h.indptr[first], h.indptr[last])
        keys = np.repeat(np.arange(last - first), np.diff(h.indptr[first : last + 1])) * h.shape[1] + h.indices[span]
        bought: npt.NDArray[np.bool_] = self._bought[span][np.searchsorted(keys, rows * h.shape[1] + products)]
        return bought

    def _rank(self, history: Csr, hidden: Csr, length: int) -> tuple[Ids, Scores, Ids]:
        popular = self.popularity.sources(self._available, length)
        sources = vstack([self._sources, popular], format="csr")
        return top_k_sparse(history, sources, self.params.top_k, exclude=hidden, threads=self.threads)

    def _similar(self, model: Recommender, place: Ids) -> Csr:
        """The model's similarities between tonight's products, towards available ones only."""
        old = np.flatnonzero(place >= 0)
        to = np.full(len(model.product_ids_), -1, np.int32)
        to[place[old]] = old
        s = model.similar_
        row = to[np.repeat(np.arange(s.shape[0]), np.diff(s.indptr))]
        col = to[s.indices]
        kept = (row >= 0) & (col >= 0)
        kept[kept] = self._available[col[kept]]
        return csr_array((s.data[kept], (row[kept], col[kept])), shape=(self.m, self.m), dtype=np.float32)


class Popularity:
    """Recent popularity of the products, over all (group 0) and in each segment that has enough orders.

    p_gi = (c_gi + κ p_0i) / (C_g + κ): a small segment is drawn to the whole shop.
    """

    def __init__(self, features: Mapping[str, pa.Table], m: int, *, segments: bool) -> None:
        table = features["popularity"]
        every = np.bincount(table["product_no"].to_numpy(), table["score"].to_numpy(), m)
        names, counts = [""], [every]
        if segments:
            totals = table.group_by("segment").aggregate([("score", "sum")]).sort_by(
                [("score_sum", "descending"), ("segment", "ascending")]
            )  # fmt: skip
            for name, total in zip(*(column.to_pylist() for column in totals.columns), strict=True):
                if name and total >= PRIOR_ORDERS and len(names) <= MOST_SEGMENTS:
                    of = table.filter(pc.field("segment") == name)
                    names.append(name)
                    counts.append(np.bincount(of["product_no"].to_numpy(), of["score"].to_numpy(), m))
        self.names = names
        self.counts = np.array(counts).reshape(len(names), m)

    def group(self, customers: pa.Table, numbers: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """Which group each of ``numbers`` (``customer_no``, -1: unknown) belongs to."""
        table = customers.sort_by("customer_no")
        found = pc.fill_null(pc.index_in(table["segment"], pa.array(self.names)), 0)
        of = np.append(found.to_numpy().astype(np.int64), 0)
        return of[numbers]  # the last one is for -1

    def sources(self, available: npt.NDArray[np.bool_], length: int) -> Csr:
        """One row per group: its ``length`` best available products, 1 for the best and more than 0 for the last."""
        share = self.counts[0] / max(self.counts[0].sum(), 1e-9)
        mixed = (self.counts + PRIOR_ORDERS * share) / (self.counts.sum(1, keepdims=True) + PRIOR_ORDERS)
        mixed = np.where(available, mixed / np.maximum(mixed.max(1, keepdims=True), 1e-9) + 1e-6, 0)
        best = np.argsort(-mixed, axis=1, kind="stable")[:, :length]
        values = np.take_along_axis(mixed, best, 1).astype(np.float32)
        ends = np.arange(len(best) + 1) * best.shape[1]
        rows = csr_array((values.ravel(), best.ravel().astype(np.int32), ends.astype(np.int32)), shape=mixed.shape)
        rows.eliminate_zeros()
        rows.sort_indices()
        return rows


def _history(
    pairs: pa.Table,
    customers: npt.NDArray[np.int32],
    groups: npt.NDArray[np.int64],
    size: tuple[int, int],
    popularity: float,
    *,
    learn: bool,
) -> tuple[Csr, npt.NDArray[np.bool_]]:
    """CSR of shape (n_rows, m + n_groups): decayed weights and the popularity's; and which of its entries were bought.

    Without ``learn`` the weights of products are 0, kept for what was bought.
    """
    m, n_groups = size
    users, items = pairs["customer_no"].to_numpy(), pairs["product_no"].to_numpy()
    row = np.full(max(int(users.max(initial=0)), int(customers.max(initial=0))) + 1, -1, np.int64)
    known = np.flatnonzero(customers >= 0)
    row[customers[known]] = known
    mine = row[users] >= 0
    weight = pairs["weight"].to_numpy()[mine] * np.float32(learn)
    n = len(customers)
    rows = np.concatenate([row[users[mine]], np.arange(n)])
    columns = np.concatenate([items[mine], m + groups])
    data = np.concatenate([weight, np.full(n, popularity, np.float32)])
    bought = np.concatenate([pairs["orders"].to_numpy()[mine] > 0, np.zeros(n, bool)])
    # The places of the entries are put in order, by counting, and then everything that belongs to them.
    places = csr_array((np.arange(len(rows)), (rows, columns)), shape=(n, m + n_groups))
    places.sort_indices()
    order = places.data
    return csr_array((data[order], places.indices, places.indptr), shape=places.shape), bought[order]


def _masked(matrix: Csr, mask: npt.NDArray[np.bool_], width: int) -> Csr:
    """The entries of ``matrix`` where ``mask``, over the first ``width`` columns."""
    ends = np.concatenate([[0], np.cumsum(mask)])[matrix.indptr]
    return csr_array((matrix.data[mask], matrix.indices[mask], ends), shape=(matrix.shape[0], width))


def _place(model: Recommender, products: pa.Table) -> Ids:
    """Where each of tonight's products stands in the model; -1: it is newer."""
    known = pa.array(model.product_ids_, pa.string())
    found = pc.index_in(products["product_id"], known)
    return np.asarray(pc.fill_null(found, -1).to_numpy(), np.int32)

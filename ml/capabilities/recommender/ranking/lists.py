"""A model put to work on a night's features: the ranked list of each customer, and why each product is in it.

Who is ranked how: the ranker, where the model has one; else the blend of likeness, repeats and popularity; the baseline
for what it is. A list that is short then is filled by what is popular in the customer's segment, the rest of the range
last: as long as there are products for sale, every list is full.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.recommender.candidates import ensemble, popular
from ml.capabilities.recommender.model import Recommender, tonights_log
from ml.capabilities.recommender.ranking import blend
from ml.capabilities.recommender.ranking.columns import Product
from ml.capabilities.recommender.ranking.facts import product_facts
from ml.capabilities.recommender.ranking.ranked_lists import Second, base, candidates, ranked_rows, simple_rows
from ml.capabilities.recommender.ranking.truths import fresh, often
from ml.capabilities.recommender.shelf.rerank_kernels import Ranked
from ml.capabilities.recommender.spec import Params
from ml.capabilities.recommender.templates import Reason
from ml.kernels.compiled import Csr, Ids, Scores, compiled
from ml.kernels.groups import ends_of, group_of
from ml.learn.histories import bought
from ml.learn.purchases import everyone

Codes = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]


class Lists:
    """Ranks tonight's available products for customers.

    Parameters
    ----------
    model : Recommender
    features : mapping of str to pyarrow.Table
        Of :func:`features.build`; may be younger than the model.
    customers : ndarray of int
        ``customer_no`` of each row to be ranked; -1: nothing is known of them.
    params : Params
    new : bool
        True: only what a customer has not bought before.
    again : ndarray of shape (n_products,), bool, optional
        Which products their buyers may be shown again; not given: the ranking decides.
    explained : bool
        True: each place keeps what made its score.
    """

    def __init__(
        self,
        model: Recommender,
        features: Mapping[str, pa.Table],
        customers: npt.NDArray[np.int32],
        params: Params,
        *,
        new: bool = False,
        again: npt.NDArray[np.bool_] | None = None,
        explained: bool = False,
    ) -> None:
        self.products = features["product"].sort_by("product_no")
        self.params = params
        self.customers = np.asarray(customers, np.int32)
        self.log = tonights_log(features)
        self.available = self.products["available"].to_numpy()
        self.m = len(self.available)
        self.explained = explained
        self.hide = np.ones(self.m, bool) if new else None if again is None else ~again
        self._second: Second | None = None
        self._blend: blend.Blend | None = None
        place = _place(model, self.products)
        if model.ranker_ is not None and model.learnt_ is not None:
            learnt = ensemble.renumbered(model.learnt_, place, self.log)
            made = ensemble.tonight(learnt, self.log, self.log.until, params)
            self.shares = made.lately
        else:
            self.shares = popular.fit(self.log, self.log.until, params, 0)
        self._group = popular.groups(self.shares, self.log, self.customers)
        until, groups = self.log.until, popular.groups(self.shares, self.log, everyone(self.log))
        self._often = often(features, until, groups, self.m, len(self.shares.share))
        self._ranking = popular.ranking(self.shares, self.available)
        if model.ranker_ is not None and model.learnt_ is not None:
            facts, new_ones = product_facts(self.log), fresh(features, until, self.m)
            self._second = Second(model.ranker_, made, self.log, facts, self.available, self._often, new_ones)
        else:
            self._blend = self._first(model, place)

    def rank(self, start: int, end: int) -> Ranked:
        """Rank for rows ``[start, end)`` of ``customers``."""
        return self._ranked(start, end, [self.hide])[0]

    def both(self, start: int, end: int) -> tuple[Ranked, Ranked]:
        """As :meth:`rank`, and what is new to each customer alone, at the cost of one."""
        every, new = self._ranked(start, end, [self.hide, np.ones(self.m, bool)])
        return every, new

    def _ranked(self, start: int, end: int, hides: Sequence[Mask | None]) -> list[Ranked]:
        depth = max(1, min(self.params.depth, self.m))
        if self._second is not None:
            rows = slice(start, end)
            who = (self.customers[rows], self._group[rows])
            made = ranked_rows(self._second, *who, depth, self.params, hides, explained=self.explained)
        else:
            made = [self._blended(start, end, depth, hide) for hide in hides]
        return [self._full(start, ranked, hide) for ranked, hide in zip(made, hides, strict=True)]

    def _full(self, start: int, ranked: Ranked, hide: Mask | None) -> Ranked:
        """The same lists, lengthened by what is popular where they end early, to ``params.depth`` places."""
        ids, scores, source, code, parts = ranked
        self._fill(start, ids, scores, code, hide)
        short = ((0, 0), (0, self.params.depth - ids.shape[1]))
        return Ranked(
            np.pad(ids, short, constant_values=-1),
            np.pad(scores, short),
            np.pad(source, short, constant_values=-1),
            np.pad(code, short, constant_values=Reason.RANGE),
            np.pad(parts, (*short, (0, 0)), constant_values=np.nan) if parts.size and short[1][1] else parts,
        )

    @property
    def base(self) -> float:
        """See :func:`ranked_lists.base`; nan without a ranker."""
        return np.nan if self._second is None else base(self._second)

    def candidates(self, start: int, end: int) -> tuple[npt.NDArray[np.int64], Ids]:
        """What the ranker chooses from for rows ``[start, end)``: CSR of products; without a ranker, its lists."""
        if self._second is not None:
            return candidates(self._second, self.customers[start:end], self.params)
        ids = self.rank(start, end).ids
        return ends_of((ids >= 0).sum(1)), ids[ids >= 0]

    def simple(self, rows: npt.NDArray[np.int64]) -> dict[str, Ids]:
        """What the simple orders of :mod:`season` show the customers of ``rows`` that is new to them; shape (n, depth)."""
        assert self._second is not None
        return simple_rows(self._second, self.customers[rows], max(1, min(self.params.depth, self.m)), self.params)

    def bought(self, start: int, ids: Ids) -> npt.NDArray[np.bool_]:
        """Whether the customer of row ``start + r`` has bought ``ids[r, :]``, shape of ``ids``."""
        return _among(bought(self.log, self.customers[start : start + len(ids)]), ids)

    def bought_pairs(self, rows: npt.NDArray[np.int64], items: Ids) -> npt.NDArray[np.bool_]:
        """Whether the customer of row ``rows[i]`` has bought ``items[i]``."""
        owned = bought(self.log, self.customers)
        keys = group_of(owned.indptr) * self.m + owned.indices
        return np.isin(rows * self.m + items, keys)

    def popular(self) -> Ids:
        """The same list for everyone: the ``depth`` products most bought lately; shape (n, depth)."""
        best = self._ranking[:1, : self.params.depth]
        short = ((0, 0), (0, self.params.depth - best.shape[1]))
        return np.repeat(np.pad(best, short, constant_values=-1), len(self.customers), axis=0)

    def _first(self, model: Recommender, place: Ids) -> blend.Blend:
        given = (self.available, self.params)
        if model.learnt_ is None:
            return blend.baseline(self.log, self.customers, self.shares, *given, hide=self.hide)
        learnt = ensemble.renumbered(model.learnt_, place, self.log)
        repeat = product_facts(self.log)[:, Product.REPEAT]
        similar = learnt.neighbours.similar
        return blend.blend(self.log, self.customers, self.shares, (similar, repeat), *given, hide=self.hide)

    def _blended(self, start: int, end: int, depth: int, hide: Mask | None) -> Ranked:
        assert self._blend is not None
        ids, scores, source = self._blend.rank(start, end, depth, self._hidden(np.arange(start, end), hide))
        personal = (source >= 0) & (source < self.m)
        owned = bought(self.log, self.customers[start:end])
        code = np.where(personal & _among(owned, np.where(personal, source, -1)), Reason.BECAUSE, Reason.LOOKED)
        code[(source == ids) & (code == Reason.BECAUSE)] = Reason.AGAIN
        rows, places = np.nonzero(~personal)
        code[rows, places] = self._popular_code(start, rows, ids[rows, places])
        # What is only there to make a list full may be a product that the customer has: then that is said.
        code[(code == Reason.RANGE) & _among(owned, ids)] = Reason.AGAIN
        return Ranked(ids, scores, np.where(personal, source, -1).astype(np.int32), code.astype(np.int8))

    def _popular_code(self, start: int, rows: npt.NDArray[np.int64], ids: Ids) -> Codes:
        """Popular in the customer's segment, in the shop, or simply there."""
        group = self._group[start + rows]
        code = np.where(self._often[0, ids], Reason.POPULAR, Reason.RANGE)
        return np.where((group > 0) & self._often[group, ids], Reason.SEGMENT, code).astype(np.int8)

    def _fill(self, start: int, ids: Ids, scores: Scores, code: Codes, hide: Mask | None) -> None:
        """Lengthen lists that end early by the ranking of the customer's group."""
        short = np.flatnonzero(ids[:, -1] < 0)
        if not len(short):
            return
        hidden = self._hidden(start + short, hide)
        longer, worth = ids[short], scores[short]
        ends, owned = hidden.indptr.astype(np.int64), hidden.indices.astype(np.int32)
        _lengthen(self._group[start + short], self._ranking, ends, owned, longer, worth)
        rows, places = np.nonzero((ids[short] < 0) & (longer >= 0))
        ids[short], scores[short] = longer, worth
        code[short[rows], places] = self._popular_code(start, short[rows], longer[rows, places])

    def _hidden(self, rows: npt.NDArray[np.int64], hide: Mask | None) -> Csr:
        """What is not shown to the customers of ``rows``; without ``hide`` what the ranking itself hides."""
        if hide is not None:
            return blend.columns(bought(self.log, self.customers[rows]), hide)
        if self._blend is not None:
            return self._blend.hidden[rows]
        return bought(self.log, np.full(len(rows), -1, np.int32))


def _place(model: Recommender, products: pa.Table) -> Ids:
    """Where each of tonight's products stands in the model; -1: it is newer."""
    known = pa.array(model.product_ids_, pa.string())
    found = pc.index_in(products["product_id"], known)
    return np.asarray(pc.fill_null(found, -1).to_numpy(), np.int32)


def _among(rows: Csr, ids: Ids) -> npt.NDArray[np.bool_]:
    """Whether ``ids[r, :]`` are entries of row r."""
    width = rows.shape[1] + 1
    keys = group_of(rows.indptr) * width + rows.indices
    asked = np.arange(len(ids), dtype=np.int64)[:, None] * width + ids
    at = np.searchsorted(keys, asked)
    found = np.zeros(ids.shape, bool)
    inside = (at < len(keys)) & (ids >= 0)
    found[inside] = keys[at[inside]] == asked[inside]
    return found


@compiled
def _lengthen(
    group: Ids,
    ranking: Ids,
    hidden_ends: npt.NDArray[np.int64],
    hidden: Ids,
    ids: Ids,
    scores: Scores,
) -> None:
    """Put products of the group's ranking behind each list's end, each less than the one before."""
    mark = np.full(ranking.shape[1], -1, np.int64)
    for r in range(len(ids)):
        n = 0
        while n < ids.shape[1] and ids[r, n] >= 0:
            mark[ids[r, n]] = r
            n += 1
        for p in range(hidden_ends[r], hidden_ends[r + 1]):
            mark[hidden[p]] = r
        score = scores[r, n - 1] if n else np.float32(0.5)
        for i in ranking[group[r]]:
            if n == ids.shape[1] or i < 0:
                break
            if mark[i] != r:
                score = score * np.float32(0.99) if score > 0 else score - np.float32(0.01)
                ids[r, n], scores[r, n] = i, score
                n += 1

"""What belongs with a basket: EASE on baskets that fade, titles that are alike, and what the customer buys again.

    s_ui = Σ_{j in basket} (b_ji + α t_ji) + β log(1 + 4 a_ui)

b: EASE's weights on the orders, an order of age d counting 2^(-d / half life); t: cosine of TF-IDF titles over √ of the
basket's size at one; a: the customer's own faded orders with i. λ of EASE, α and β are those that found the hidden lines
of the last four weeks best, learned without them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array, diags_array, vstack

from ml.capabilities.cart.spec import Params
from ml.kernels.compiled import Csr
from ml.learn import ease

Floats = npt.NDArray[np.float64]
INNER_DAYS = 28
FEWEST = 50
"""Of fewer baskets nothing is chosen."""
INNER_BASKETS = 1500
"""Hidden lines that the weights are chosen by."""
_PENALTIES, _ALPHAS, _BETAS = (20.0, 60.0, 200.0), (0.0, 0.01, 0.03), (0.0, 0.03, 0.1, 0.2)
LARGE = 5_000
"""Above so many products one penalty is tried: each takes an inverse of their square."""
_ALIKE = 20
_WORD = r"(?u)\w+"
CUT = 10


@dataclass(frozen=True)
class Weights:
    """What was chosen: EASE's penalty, the weight of titles, that of the customer's own purchases."""

    penalty: float = 60.0
    alpha: float = 0.01
    beta: float = 0.1


@dataclass(frozen=True)
class Baskets:
    """Rows of baskets over numbered products.

    Attributes
    ----------
    x : csr_array of shape (n_baskets, n_products), float32
    ids : list of str
        The orders, sorted.
    customers : list of str or None
    age : ndarray of shape (n_baskets,), days
    """

    x: Csr
    ids: list[str]
    customers: list[str | None]
    age: Floats

    def several(self, most: int | None = None) -> Baskets:
        """The baskets of two products or more, the first ``most`` of them."""
        at = np.flatnonzero(np.diff(self.x.indptr) >= 2)[:most]
        return Baskets(csr_array(self.x[at]), [self.ids[i] for i in at], [self.customers[i] for i in at], self.age[at])


def baskets(rows: pa.Table, products: pa.Array) -> Baskets:
    """Number the rows of the features' ``basket`` (or of a truth, whose age is 0); products that are not known fall out."""
    rows = rows.filter(pc.is_in(rows["product_id"], products)).sort_by(
        [("order_id", "ascending"), ("product_id", "ascending")]
    )
    coded = pc.dictionary_encode(rows["order_id"].combine_chunks())
    order = coded.indices.to_numpy()
    ids = coded.dictionary.to_pylist()
    product = pc.index_in(rows["product_id"].combine_chunks(), products).to_numpy()
    first = np.searchsorted(order, np.arange(len(ids)))
    age = rows["age_days"].to_numpy() if "age_days" in rows.column_names else np.zeros(len(rows))
    x = csr_array((np.ones(len(rows), np.float32), (order, product)), shape=(len(ids), len(products)))
    return Baskets(x, ids, rows["customer_id"].take(pa.array(first)).to_pylist(), np.asarray(age, np.float64)[first])


def complements(b: Baskets, penalty: float, params: Params) -> Csr:
    """EASE's weights on the baskets."""
    faded = csr_array(diags_array(np.sqrt(2.0 ** (-b.age / params.half_life_days))) @ b.x).astype(np.float32)
    return ease.weights(faded, penalty=penalty, products=params.products, neighbours=params.neighbours)


def cosine(b: Baskets, params: Params) -> Csr:
    """Cosine of products over baskets, the ``neighbours`` largest of each: the gate's baseline."""
    n = np.sqrt(np.maximum(np.asarray(b.x.sum(axis=0)).ravel(), 1))
    scaled = csr_array(b.x @ diags_array(1 / n))
    return _top(csr_array(scaled.T @ scaled), params.neighbours)


def alike(titles: list[str | None]) -> Csr:
    """Cosine of the TF-IDF of titles' words and pairs of words, the largest of each product."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [title or "" for title in titles]
    try:
        v = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=_WORD).fit_transform(texts)
    except ValueError:  # no title holds a word
        return csr_array((len(titles), len(titles)), dtype=np.float32)
    v = csr_array(v)
    starts = range(0, v.shape[0], 2000)
    parts = [_top(csr_array(v[start : start + 2000] @ v.T), _ALIKE, start) for start in starts]
    return csr_array(vstack(parts, format="csr"))


def _top(s: Csr, k: int, start: int = 0) -> Csr:
    """The k largest of each row, ties by number; row r is product ``start + r``, which is left out of itself."""
    s.sort_indices()
    row = np.repeat(np.arange(s.shape[0]), np.diff(s.indptr))
    kept = s.indices != row + start
    row, column, value = row[kept], s.indices[kept], s.data[kept]
    order = np.lexsort((column, -value, row))
    row, column, value = row[order], column[order], value[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    return csr_array((value[place < k].astype(np.float32), (row[place < k], column[place < k])), shape=s.shape)


def own(rows: pa.Table, customers: list[str | None], products: pa.Array) -> Csr:
    """log(1 + 4 a) of each basket's customer from the features' ``again``, shape (n_baskets, n_products)."""
    wanted = sorted({c for c in customers if c is not None})
    shape = (len(customers), len(products))
    if not wanted or not len(products):
        return csr_array(shape, dtype=np.float32)
    rows = rows.filter(pc.and_(pc.is_in(rows["customer_id"], pa.array(wanted)), pc.is_in(rows["product_id"], products)))
    who = pc.index_in(rows["customer_id"].combine_chunks(), pa.array(wanted)).to_numpy()
    what = pc.index_in(rows["product_id"].combine_chunks(), products).to_numpy()
    a = csr_array(
        (np.log1p(4 * rows["weight"].to_numpy()).astype(np.float32), (who, what)), shape=(len(wanted), shape[1])
    )
    number = {c: i for i, c in enumerate(wanted)}
    at = np.array([number.get(c, -1) if c is not None else -1 for c in customers])
    known = np.flatnonzero(at >= 0)
    pick = csr_array((np.ones(len(known), np.float32), (known, at[known])), shape=(shape[0], len(wanted)))
    return csr_array(pick @ a)


def hidden(b: Baskets) -> tuple[Csr, npt.NDArray[np.int64]]:
    """Hide one product of each basket, that of the smallest hash; gives the rest and what was hidden."""
    places = b.x.indptr[:-1] + [
        _least(ids, b.x.indices[s:e]) for ids, s, e in zip(b.ids, b.x.indptr, b.x.indptr[1:], strict=False)
    ]
    product = b.x.indices[places].astype(np.int64)
    rest = b.x.copy()
    rest.data = rest.data.copy()
    rest.data[places] = 0
    rest.eliminate_zeros()
    return rest, product


def _least(order: str, products: npt.NDArray[np.int32]) -> int:
    from hashlib import md5

    return min(
        range(len(products)), key=lambda i: md5(f"{order}:{products[i]}".encode(), usedforsecurity=False).digest()
    )


def ndcg(parts: list[tuple[float, Csr]], rest: Csr, wanted: npt.NDArray[np.int64]) -> Floats:
    """NDCG@10 of each hidden product among all that are not in the basket; ``parts`` are weighted scores, one row a basket."""
    found = np.zeros(len(wanted))
    for start in range(0, len(wanted), 500):
        span = slice(start, min(start + 500, len(wanted)))
        rows = np.arange(span.stop - span.start)
        scores = sum((w * part[span].toarray() for w, part in parts), np.zeros((len(rows), rest.shape[1]), np.float32))
        scores[rest[span].toarray() > 0] = -np.inf
        wanted_scores = scores[rows, wanted[span]]
        rank = (scores > wanted_scores[:, None]).sum(axis=1)
        found[span] = np.where((rank < CUT) & (wanted_scores > 0), 1 / np.log2(rank + 2), 0.0)
    return found


def sized(rest: Csr) -> Csr:
    """Baskets over the root of their size, as the titles' part takes them."""
    size = np.maximum(np.asarray(rest.sum(axis=1)).ravel(), 1)
    return csr_array(diags_array(1 / np.sqrt(size)) @ rest)


def choose(rows: pa.Table, products: pa.Array, titles: Csr, params: Params) -> Weights:
    """Choose by the hidden lines of the last four weeks, learned on what was before; too few of them: the defaults."""
    early = pc.greater_equal(rows["age_days"], INNER_DAYS)
    late = baskets(rows.filter(pc.invert(early)), products)
    late = late.several(INNER_BASKETS)
    past = baskets(rows.filter(early), products)
    if len(late.ids) < FEWEST or not len(past.ids):
        return Weights()
    rest, wanted = hidden(late)
    by_own = own(_faded(rows.filter(early), params), late.customers, products)
    by_title = csr_array(sized(rest) @ titles)
    chosen, best = Weights(), -1.0
    for penalty in _PENALTIES if len(products) <= LARGE else (Weights.penalty,):
        together = csr_array(rest @ complements(past, penalty, params))
        for weights in _grid(replace(chosen, penalty=penalty)):
            value = float(
                ndcg([(1.0, together), (weights.alpha, by_title), (weights.beta, by_own)], rest, wanted).mean()
            )
            if value > best:
                chosen, best = weights, value
    return chosen


def _grid(base: Weights) -> list[Weights]:
    return [replace(base, alpha=a, beta=base.beta) for a in _ALPHAS] + [replace(base, beta=b) for b in _BETAS]


def _faded(rows: pa.Table, params: Params) -> pa.Table:
    """The features' ``again`` made of the rows of ``basket``."""
    rows = rows.filter(pc.is_valid(rows["customer_id"]))
    weight = np.exp2(-(rows["age_days"].to_numpy() - INNER_DAYS) / params.again_half_life_days)
    table = pa.table({"customer_id": rows["customer_id"], "product_id": rows["product_id"], "weight": weight})
    return (
        table.group_by(["customer_id", "product_id"])
        .aggregate([("weight", "sum")])
        .rename_columns(["customer_id", "product_id", "weight"])
    )

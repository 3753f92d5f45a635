"""``similar_product``: what could be bought in place of a product."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array, diags_array

from ml.capabilities.recommender.reasons import Named, Words
from ml.capabilities.recommender.spec import Params
from ml.capabilities.recommender.tables.alike import Looks, Texts, price_near, same_category
from ml.capabilities.recommender.tables.bought_together import Baskets, co_orders
from ml.capabilities.recommender.tables.tonight import Floats, Ints, Tonight
from ml.capabilities.recommender.templates import Reason
from ml.kernels.compiled import Csr
from ml.kernels.groups import place_inside
from ml.kernels.topk.sparse import top_k_sparse

CANDIDATES = 60
"""So many by looks and so many by words are weighed."""
MOST_PRODUCTS = 2000
"""A customer with more is a reseller or a robot: it compares nothing, and costs their square."""
PRIOR_CUSTOMERS = 10.0
LEAST_CUSTOMERS = 2
"""The same customers, of whom the words speak, are so many."""
ALIKE = 0.3
"""What likeness alone is worth beside likeness that customers' looks confirm."""
LEAST_WORDS, LEAST_LOOK = 0.2, 0.5
"""Where a category is not known, products need so much of their words in common, or look so much alike."""


def rows(
    tonight: Tonight,
    features: Mapping[str, pa.Table],
    orders: Baskets,
    alike: tuple[Texts, Looks],
    words: Words,
    params: Params,
) -> Iterator[dict[str, pa.Array]]:
    """Make the rows; the score is likeness, times how much the same customers look at both, less if bought together.

    s_ij = a_ij (α + (1 - α) l_ij / max_j l_ij) (1 - c_ij / √(n_i n_j)): a is likeness in category, words or pictures, and price
    (0 if the categories differ: a phone's substitutes are phones), l the cosine of the products' customers, c the orders
    with both, n the orders with each.
    """
    seen = _seen(tonight, features)
    i, j, look = _candidates(tonight, seen, alike)
    near = _alike(tonight, alike, i, j)
    kept = near > 0
    i, j, look, near = i[kept], j[kept], look[kept], near[kept]
    most = np.zeros(tonight.m)
    np.maximum.at(most, i, look)
    basket = co_orders(orders, i, j) / np.sqrt(np.maximum(1, orders.size[i] * orders.size[j]))
    score = near * (ALIKE + (1 - ALIKE) * look / np.maximum(most[i], 1e-9)) * np.maximum(0, 1 - basket)
    order = np.lexsort((j, -score, i))
    order = order[score[order] > 0]
    order = order[place_inside(i[order]) < params.similar_k]
    i, j = i[order], j[order]
    same = co_orders(Baskets(seen, csr_array(seen.T), np.bincount(seen.indices, minlength=tonight.m)), i, j)
    looks = alike[1].instead(i, j)
    yield {
        "product_id": tonight.ids.take(pa.array(i)),
        "rank": pa.array(np.arange(len(i)) - np.searchsorted(i, i) + 1),
        "similar_product_id": tonight.ids.take(pa.array(j)),
        "score": pa.array(score[order]),
        "reason": words.of(
            np.where(same >= LEAST_CUSTOMERS, Reason.COMPARED, np.where(looks, Reason.LOOKS, Reason.ALIKE)),
            source=Named(tonight.titles, i),
        ),
    }


def _candidates(tonight: Tonight, seen: Csr, alike: tuple[Texts, Looks]) -> tuple[Ints, Ints, Floats]:
    """Pairs (i, j), sorted, with the cosine of their customers: those with the largest, and those with like words or pictures."""
    looked = _looks(tonight, seen)
    pairs = [looked[:2], *(part.nearest(tonight, CANDIDATES) for part in alike)]
    m = max(1, tonight.m)
    key = np.concatenate([i * m + j for i, j in pairs])
    look = np.concatenate([looked[2], np.zeros(len(key) - len(looked[2]))])
    order = np.argsort(key, kind="stable")
    key, look = key[order], look[order]
    first = np.concatenate([[True], key[1:] != key[:-1]])[: len(key)]  # the pair's looks stand before its words
    return key[first] // m, key[first] % m, look[first]


def _seen(tonight: Tonight, features: Mapping[str, pa.Table]) -> Csr:
    """Which products each customer looked at or bought, shape (n_customers, m); no guests, no resellers."""
    tables = [features[name] for name in ("purchase", "look") if name in features]
    users, items = (
        np.concatenate([table[name].to_numpy() for table in tables]) for name in ("customer_no", "product_no")
    )
    known = users >= 0
    shape = (int(users.max(initial=-1)) + 1, tonight.m)
    seen = csr_array((np.ones(known.sum(), np.float32), (users[known], items[known])), shape=shape)
    seen.sum_duplicates()
    seen.data[:] = np.repeat(np.diff(seen.indptr) <= MOST_PRODUCTS, np.diff(seen.indptr))
    seen.eliminate_zeros()
    return seen


def _looks(tonight: Tonight, seen: Csr) -> tuple[Ints, Ints, Floats]:
    """Each product's available neighbours by the customers who looked at both (or bought them), and the cosine.

    l_ij = Σ_u b_ui b_uj / √((n_i + λ)(n_j + λ)), b_ui = |N(u)|^-½, n_i = Σ_u b_ui², λ = ``PRIOR_CUSTOMERS`` times the
    mean b²: few customers are no proof.
    """
    if not seen.nnz:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    seen = csr_array(diags_array(np.maximum(np.diff(seen.indptr), 1) ** -0.5) @ seen)
    seen.sort_indices()
    square = seen.data.astype(np.float64) ** 2
    prior = PRIOR_CUSTOMERS * (square.mean() if len(square) else 1.0)
    norm = np.sqrt(np.bincount(seen.indices, square, tonight.m) + prior)
    seen.data = (seen.data / norm[seen.indices]).astype(np.float32)
    towards = csr_array(seen @ diags_array(tonight.available.astype(np.float32)))
    ids, scores, _ = top_k_sparse(csr_array(seen.T), towards, CANDIDATES + 1)
    i, rank = np.nonzero(ids >= 0)
    j = ids[i, rank].astype(np.int64)
    other = i != j
    return i[other], j[other], scores[i, rank].astype(np.float64)[other]


def _alike(tonight: Tonight, alike: tuple[Texts, Looks], i: Ints, j: Ints) -> Floats:
    """Likeness, 0 to 1: the same category counts a quarter, words or pictures nearly a half, price the rest."""
    texts, looks = alike
    words, price = looks.beside(texts.cosine(i, j), i, j), price_near(tonight, i, j)
    same, other = same_category(tonight, i, j)
    near = 0.45 * words + 0.3 * price + 0.25 * same
    return np.where(other | (~same & (words < np.where(looks.instead(i, j), LEAST_LOOK, LEAST_WORDS))), 0, near)

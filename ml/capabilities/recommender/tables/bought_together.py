"""``bought_together``: what goes into the same order, by more than chance, and is not another one of the same kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array

from ml.capabilities.recommender.reasons import Named, Words
from ml.capabilities.recommender.spec import Params
from ml.capabilities.recommender.tables.alike import Texts, same_category
from ml.capabilities.recommender.tables.tonight import Bools, Ints, Tonight
from ml.capabilities.recommender.templates import Reason
from ml.kernels.compiled import Csr, Ids, Scores, compiled, insert, share
from ml.kernels.groups import place_inside

MOST_PRODUCTS = 100
"""An order of more products is a reseller's: it says little of what goes together, and costs their square."""
SUPPORT = 3
"""So many orders must hold both."""
Z = 1.645
"""Lower bounds hold with a confidence of 95 %."""
SPARE = 3
"""So many lists' length is looked at before the discount for products of the same kind."""
STEP = 512


class Baskets(NamedTuple):
    """Orders of several products: which products each has, which orders each product is in, and how many of these."""

    orders: Csr
    products: Csr
    size: Ints


def baskets(tonight: Tonight) -> Baskets:
    """Take the orders of 2 to ``MOST_PRODUCTS`` products."""
    size = np.diff(tonight.baskets.indptr)
    orders = csr_array(tonight.baskets[np.flatnonzero((size > 1) & (size <= MOST_PRODUCTS))])
    return Baskets(orders, csr_array(orders.T), np.bincount(orders.indices, minlength=tonight.m))


def rows(
    tonight: Tonight, orders: Baskets, texts: Texts, words: Words, params: Params
) -> Iterator[dict[str, pa.Array]]:
    """Make the rows; the score is how much likelier, at least, an order with the product has the other than any order.

    For products of the same category it is times 1 - the cosine of their words: two of a kind in one order are a choice
    of colours or a stock-up, not what the one needs of the other.
    """
    k = params.similar_k
    ids, scores, counts = complements(orders, tonight.available, SPARE * k)
    i, at = np.nonzero(ids >= 0)
    j, score, both = ids[i, at].astype(np.int64), scores[i, at].astype(np.float64), counts[i, at].astype(np.int64)
    same, _ = same_category(tonight, i, j)
    score = score * np.where(same, 1 - texts.cosine(i, j), 1)
    order = np.lexsort((j, -score, i))
    order = order[score[order] > 0]
    order = order[place_inside(i[order]) < k]
    i, j, score, both = i[order], j[order], score[order], both[order]
    lift = both * float(orders.orders.shape[0]) / np.maximum(1, orders.size[i] * orders.size[j])
    yield {
        "product_id": tonight.ids.take(pa.array(i)),
        "rank": pa.array(np.arange(len(i)) - np.searchsorted(i, i) + 1),
        "other_product_id": tonight.ids.take(pa.array(j)),
        "score": pa.array(score),
        "orders": pa.array(both),
        "lift": pa.array(lift),
        "reason": words.of(np.full(len(i), Reason.TOGETHER), source=Named(tonight.titles, i)),
    }


def complements(orders: Baskets, allowed: Bools, k: int) -> tuple[Ids, Scores, Ids]:
    """Find each product's best companions by co-orders.

    Returns
    -------
    ids : ndarray of shape (m, k), int32
        Best first, ties by number; -1 where there are no more.
    scores : ndarray of shape (m, k), float32
        L(c_ij, n_i) - n_j / N, above 0, where L is the lower end of Wilson's interval for the share c_ij / n_i.
    counts : ndarray of shape (m, k), int32
        c_ij, the orders with both.

    Notes
    -----
    Wilson, JASA 1927. A row of counts is summed from the product's orders (Gustavson 1978) and never kept: memory is
    O(m) a thread, time Σ |order|², which ``MOST_PRODUCTS`` bounds. Measured beside the count, the log-likelihood ratio
    (Dunning 1993), lift, its lower bound, and the cosine: on the months before the test window of UCI Online Retail it
    completes as many orders as the best of them, and with more products than the count does.
    """
    m = len(allowed)
    ids, counts = np.full((m, k), -1, np.int32), np.zeros((m, k), np.int32)
    scores = np.full((m, k), -np.inf, np.float32)
    by_order, by_product = _parts(orders.orders), _parts(orders.products)

    def work(start: int, end: int) -> None:
        _complements(
            (start, end), by_product, by_order, orders.size, orders.orders.shape[0], allowed, (ids, scores, counts)
        )

    share(work, m, STEP)
    scores[ids < 0] = 0
    return ids, scores, counts


def complements_reference(orders: Baskets, allowed: Bools, k: int) -> list[list[tuple[int, float, int]]]:
    """:func:`complements` in the obvious way: every pair, one after the other; (j, score, count) of each product."""
    b = orders.orders.toarray().astype(int)
    n, lists = len(b), []
    for i in range(len(allowed)):
        found = []
        for j in np.flatnonzero(allowed):
            c, n_i = int((b[:, i] & b[:, j]).sum()), int(b[:, i].sum())
            if j != i and c >= SUPPORT:
                p, z2 = c / n_i, Z**2 / n_i
                low = (p + z2 / 2 - np.sqrt(z2 * (p * (1 - p) + z2 / 4))) / (1 + z2)
                if (score := np.float32(low - b[:, j].sum() / n)) > 0:
                    found.append((int(j), float(score), c))
        lists.append(sorted(found, key=lambda entry: (-entry[1], entry[0]))[:k])
    return lists


def co_orders(orders: Baskets, i: Ints, j: Ints) -> Ints:
    """Count the orders that hold both ``i[p]`` and ``j[p]``; ``i`` must be sorted."""
    m = len(orders.size)
    ends, counts = np.searchsorted(i, np.arange(m + 1)), np.zeros(len(i), np.int64)
    by_order, by_product = _parts(orders.orders), _parts(orders.products)
    share(lambda start, end: _co_orders((start, end), by_product, by_order, ends, j, counts), m, STEP)
    return counts


@compiled
def _complements(
    span: tuple[int, int],
    by_product: tuple[Ints, Ids],
    by_order: tuple[Ints, Ids],
    n: Ints,
    total: int,
    allowed: Bools,
    lists: tuple[Ids, Scores, Ids],
) -> None:
    ids, scores, counts = lists
    r, met = np.zeros(len(n), np.int32), np.empty(len(n), np.int32)
    for i in range(span[0], span[1]):
        t = _sum(i, by_product, by_order, r, met)
        for q in range(t):
            j = met[q]
            if j != i and r[j] >= SUPPORT and allowed[j]:
                p, z2 = r[j] / n[i], Z * Z / n[i]
                low = (p + z2 / 2 - np.sqrt(z2 * (p * (1 - p) + z2 / 4))) / (1 + z2)
                score = np.float32(low - n[j] / total)
                if score > 0 and score >= scores[i, -1]:
                    insert(ids[i], scores[i], j, score)
        for rank in range(ids.shape[1]):
            if ids[i, rank] >= 0:
                counts[i, rank] = r[ids[i, rank]]
        for q in range(t):
            r[met[q]] = 0


@compiled
def _co_orders(
    span: tuple[int, int], by_product: tuple[Ints, Ids], by_order: tuple[Ints, Ids], ends: Ints, j: Ints, counts: Ints
) -> None:
    m = len(ends) - 1
    r, met = np.zeros(m, np.int32), np.empty(m, np.int32)
    for i in range(span[0], span[1]):
        if ends[i] < ends[i + 1]:
            t = _sum(i, by_product, by_order, r, met)
            for p in range(ends[i], ends[i + 1]):
                counts[p] = r[j[p]]
            for q in range(t):
                r[met[q]] = 0


@compiled
def _sum(i: int, by_product: tuple[Ints, Ids], by_order: tuple[Ints, Ids], r: Ids, met: Ids) -> int:
    """c_ij for all j into r; ``met`` lists these j. Returns how many they are."""
    (pp, po), (op, oj) = by_product, by_order
    t = 0
    for q in range(pp[i], pp[i + 1]):
        for s in range(op[po[q]], op[po[q] + 1]):
            j = oj[s]
            if r[j] == 0:
                met[t] = j
                t += 1
            r[j] += 1
    return t


def _parts(matrix: Csr) -> tuple[Ints, Ids]:
    """``indptr`` and ``indices`` of a CSR in one set of types."""
    return matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32)

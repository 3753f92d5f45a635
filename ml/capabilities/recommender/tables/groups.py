"""The best products of each group: a segment or all, and a category or all."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ml.capabilities.recommender.tables.tonight import PRIOR_ORDERS, Bools, Floats, Ints, Tonight

MOST_GROUPS = 5000
"""No more groups than this, those with most orders first: 50 products of each are a quarter of a million rows."""


class Ranks(NamedTuple):
    """Rows of the groups' lists: place of segment and category (0: all), ``rank`` from 1, and the product."""

    segment: Ints
    category: Ints
    rank: Ints
    product: Ints


def best(score: Floats, eligible: Bools, orders: Floats, tonight: Tonight, k: int) -> Ranks:
    """List the ``k`` eligible products with the largest score of each group.

    Parameters
    ----------
    score : ndarray of shape (n_segments, m)
    eligible : ndarray of shape (n_segments, m), bool
    orders : ndarray of shape (n_segments, m)
        What is known of each: a segment has a list of a category only if it has ``PRIOR_ORDERS`` in it (elsewhere the
        list for all is the better one), and where there are too many groups those with most are kept.
    k : int

    Returns
    -------
    Ranks
        Sorted by segment, category and rank; ties of the score by product number.
    """
    groups = _groups(orders, tonight)
    parts = [_ranked(score[s], eligible[s], groups[s], tonight, s, k) for s in range(len(score))]
    return Ranks(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def columns(found: Ranks, tonight: Tonight) -> dict[str, pa.Array]:
    """Return the columns ``segment``, ``category``, ``rank`` and ``product_id`` of a published table."""
    return {
        "segment": pa.array(tonight.segments, pa.string()).take(pa.array(found.segment)),
        "category": pa.array(tonight.categories, pa.string()).take(pa.array(found.category)),
        "rank": pa.array(found.rank),
        "product_id": tonight.ids.take(pa.array(found.product)),
    }


def _groups(orders: Floats, tonight: Tonight) -> Bools:
    """Which (segment, category) have a list; category 0 is all and always has one."""
    n = len(tonight.categories)
    weight = np.stack([np.bincount(tonight.category, row, n) for row in orders])
    weight[:, 0] = np.inf
    weight[1:][weight[1:] < PRIOR_ORDERS] = 0
    order = np.argsort(-weight, axis=None, kind="stable")[:MOST_GROUPS]
    kept = np.zeros(weight.size, bool)
    kept[order] = weight.ravel()[order] > 0
    return kept.reshape(weight.shape)


def _ranked(score: Floats, eligible: Bools, groups: Bools, tonight: Tonight, segment: int, k: int) -> Ranks:
    """All lists of one segment: over everything, then category by category."""
    there = np.flatnonzero(eligible)
    order = there[np.lexsort((there, -score[there]))]
    inside = order[groups[tonight.category[order]] & (tonight.category[order] > 0)]
    inside = inside[np.argsort(tonight.category[inside], kind="stable")]
    category = tonight.category[inside]
    place = np.arange(len(inside)) - np.searchsorted(category, category)
    top = place < k
    every = order[:k]
    return Ranks(
        np.full(len(every) + int(top.sum()), segment),
        np.concatenate([np.zeros(len(every), np.int64), category[top]]),
        np.concatenate([np.arange(len(every)), place[top]]) + 1,
        np.concatenate([every, inside[top]]),
    )

"""Home: a customer's list that shows what they buy again and what is new to them, each in its own order.

How many places are for new products is the customer's own habit, the share of new products in what they bought after
their first order. The ranking alone would hardly show any to who buys a lot again: each single product bought before is
likelier than each single new one, though together the new ones are bought as often.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ml.capabilities.recommender.shelf.rerank_kernels import Ranked
from ml.capabilities.recommender.templates import Reason
from ml.kernels.compiled import Ids, Scores, compiled
from ml.kernels.groups import group_of
from ml.learn.purchases import Log

PRIOR_PURCHASES = 10.0
"""The shop's habit counts as so many purchases of the customer's."""
FIRST = 10
"""Places that are seen at once."""
FIRST_SHARE = 0.1
"""Share of the habit that holds among them already, at their end: a reorder that is moved down costs most here.

Online Retail, 30 days from 2011-11-09, NDCG@10 of all: .404 without any, .401 with a tenth, .395 with three, .374 with half."""

Mask = npt.NDArray[np.bool_]
T = TypeVar("T", bound=np.generic)


def habit(log: Log) -> Scores:
    """Share of new products among what each customer bought after their first order, shape (n_customers + 1,).

    h_u = (n_u + κ h) / (N_u + κ), of N_u purchases (a product of an order) after the first order n_u were the first of
    that product, h the shop's share, κ = ``PRIOR_PURCHASES``. The last entry, of somebody unknown, is 1.
    """
    m, who = max(1, log.n_products), group_of(log.indptr)
    _, first = np.unique(log.order.astype(np.int64) * m + log.product, return_index=True)
    first.sort()  # lines of an order stand together, a customer's orders oldest first
    who, product, order = who[first], log.product[first], log.order[first]
    begins = np.append(True, np.diff(who) != 0)[: len(who)]
    later = order != np.repeat(order[begins], np.diff(np.append(np.flatnonzero(begins), len(who))))
    _, met = np.unique(who * m + product, return_index=True)
    new = np.zeros(len(who), bool)
    new[met] = True
    n = np.bincount(who[later & new], minlength=log.n_customers)
    of = np.bincount(who[later], minlength=log.n_customers)
    shop = n.sum() / max(1, of.sum()) if of.sum() else 1.0
    return np.append((n + PRIOR_PURCHASES * shop) / (of + PRIOR_PURCHASES), 1.0).astype(np.float32)


def home(every: Ranked, new: Ranked, bought: Mask, share: Scores, top_k: int) -> Ranked:
    """Make the lists of home: the places for what was bought before and for what is new as ``every`` has them, but ...

    ... that so many of the first ``top_k`` are for new products as ``share`` says, the last ones if need be, and a part
    of them (``FIRST_SHARE``) among the first ``FIRST``. New products come in the order of ``new``.

    Parameters
    ----------
    every, new : Ranked
        Arrays of shape (n, depth).
    bought : ndarray of shape (n, depth), bool
        Whether the customer has bought the product of ``every``.
    share : ndarray of shape (n,)
    """
    n, depth = every.ids.shape
    quota = np.zeros((n, depth), np.int64)
    for start, end, part in ((0, min(FIRST, top_k), FIRST_SHARE), (FIRST, top_k, 1.0)):
        left = end - 1 - np.arange(start, max(start, end), dtype=np.int64)
        quota[:, start:end] = np.rint(share * end * part).astype(np.int64)[:, None] - left
    place = np.full((n, depth), -1, np.int32)
    _places(every.ids, new.ids, bought, quota, place)
    return Ranked(
        _taken(place, every.ids, new.ids, -1),
        np.minimum.accumulate(_taken(place, every.scores, new.scores, 0), axis=1),
        _taken(place, every.source, new.source, -1),
        _taken(place, every.code, new.code, Reason.RANGE),
        _taken(place, every.parts, new.parts, np.nan) if every.parts.size else every.parts,
    )


def _taken(place: Ids, ours: npt.NDArray[T], theirs: npt.NDArray[T], nothing: float) -> npt.NDArray[T]:
    """The entries at ``place``, see :func:`_places`."""
    depth = ours.shape[1]
    fresh = place >= depth
    at = np.where(fresh, place - depth, np.maximum(place, 0))
    at, fresh = (a.reshape(*a.shape, *[1] * (ours.ndim - 2)) for a in (at, fresh))
    found = np.where(fresh, np.take_along_axis(theirs, at, 1), np.take_along_axis(ours, at, 1))
    found[place < 0] = nothing
    return found


@compiled
def _places(every: Ids, new: Ids, bought: Mask, quota: npt.NDArray[np.int64], place: Ids) -> None:
    """Which entry of ``every``, or from ``depth`` on of ``new``, stands at each place."""
    depth = every.shape[1]
    for r in range(len(every)):
        old = fresh = natural = 0
        for p in range(depth):
            while old < depth and (every[r, old] < 0 or not bought[r, old]):
                old += 1
            there = fresh < depth and new[r, fresh] >= 0
            asked = fresh < quota[r, p]
            mine = natural < depth and every[r, natural] >= 0 and bought[r, natural]
            if not (mine and asked):
                natural += 1
            if (asked or not mine or old >= depth) and there:
                place[r, p] = depth + fresh
                fresh += 1
            elif old < depth:
                place[r, p] = old
                old += 1

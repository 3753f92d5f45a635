"""From a ranking to the list that is shown: rules, variety, price, and a few places drawn by lot.

The obvious way to the same lists is in :mod:`ml.capabilities.recommender.shelf.rerank_reference`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.capabilities.recommender.shelf.rules import Mask, Rules, night, work_out
from ml.capabilities.recommender.spec import Params
from ml.kernels.compiled import Ids, Scores, compiled, share

EXPLORE, PINNED = 6, 7
"""Codes of these reasons (``reasons.REASON_CODES``)."""

_STEP = 4096
MIX = tuple(map(np.uint64, (0x9E3779B97F4A7C15, 0xD1B54A32D192ED03, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)))
_STEPS = tuple(map(np.uint64, (27, 30, 31)))


class Ranked(NamedTuple):
    """A ranking, best first, each of shape (n, depth); -1 in ``ids`` after its end.

    ``source``: the product that the reason names, or -1; ``code``: which reason.
    """

    ids: Ids
    scores: Scores
    source: Ids
    code: npt.NDArray[np.int8]


class Shown(NamedTuple):
    """What is shown, each of shape (n, top_k); ``propensity``: the probability of this product at this place."""

    ids: Ids
    scores: Scores
    source: Ids
    code: npt.NDArray[np.int8]
    propensity: Scores


class Customers(NamedTuple):
    """Of each row of a ranking, who it is for.

    Parameters
    ----------
    number : ndarray of shape (n,), int64
        The customer's number in the whole shop: lots depend on it, not on the shard.
    group : ndarray of shape (n,), int64
        Of :meth:`Rules.group`.
    log_price : ndarray of shape (n,), float32
        Mean logarithm of the prices paid, of :func:`price_level`; nan: bought nothing.
    bought : ndarray of shape (n, depth), bool
        Whether the customer bought the ranked product; (0, 0): no product is hidden for that.
    """

    number: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]
    log_price: Scores
    bought: Mask = np.zeros((0, 0), bool)


def price_level(purchase: pa.Table, n_customers: int) -> Scores:
    """Mean natural logarithm of the prices that each customer paid, shape (n_customers,); nan where there is none."""
    who, price = purchase["customer_no"].to_numpy(), purchase["price"].to_numpy()
    known = (who >= 0) & (price > 0)
    sums = np.bincount(who[known], np.log(price[known].astype(np.float64)), n_customers)
    counts = np.bincount(who[known], minlength=n_customers)
    with np.errstate(invalid="ignore"):
        return (sums / counts).astype(np.float32)


def rerank(ranked: Ranked, rules: Rules, customers: Customers, params: Params, night_seed: int) -> Shown:
    """Make the lists that are shown.

    1. What the rules exclude, what is not for sale and what its buyers do not see again goes.
    2. place' = place / weight · (1 + w |log price - log price level|): boosts, buries, and ``params.price_weight`` w.
    3. In that order, until ``top_k`` less pins and lots are there; a category that has its limit is passed over.
    4. ``params.explore_share`` of the places, the last ones, are drawn by lot from the rest: each product of the pool has
       the same chance at each of these places, and that chance is its propensity. With a pool no larger than the places
       nothing is drawn.
    5. Pinned products stand at their places, the others around them. A list with fewer others moves its pins up.

    Parameters
    ----------
    ranked : Ranked
        Arrays of shape (n, depth); no product twice in a row.
    customers : Customers
        Of the same n rows.
    params : Params
        ``top_k``, ``explore_share`` and ``price_weight``.
    night_seed : int
        Lots are decided by it and the customer's number.

    Returns
    -------
    Shown
        Arrays of shape (n, top_k). Scores are the ranking's; a pin that was not ranked has 0.
    """
    n, k = len(ranked.ids), params.top_k
    shown = Shown(
        np.full((n, k), -1, np.int32), np.zeros((n, k), np.float32), np.full((n, k), -1, np.int32),
        np.full((n, k), -1, np.int8), np.ones((n, k), np.float32),
    )  # fmt: skip
    seed = np.uint64(night_seed % 2**64)
    told = (rules.weight, rules.pins, rules.pin_ranks, rules.category, rules.limit, rules.again, rules.log_price)

    def work(start: int, end: int) -> None:
        rows = slice(start, end)
        number = customers.number[rows].astype(np.uint64)
        who = (number, customers.group[rows], customers.log_price[rows], customers.bought[rows])
        asked = (params.price_weight, explore_slots(params), seed)
        _rerank(tuple(a[rows] for a in ranked), who, told, asked, tuple(a[rows] for a in shown))

    share(work, n, _STEP)
    return shown


class Reranker:
    """:func:`rerank` on the features of a night, block by block.

    Parameters
    ----------
    features : mapping of str to pyarrow.Table
        ``customer``, ``product``, ``purchase``, and what the shop's staff wrote.
    again : ndarray of shape (m,), bool, optional
        As in :func:`rules.work_out`.
    """

    def __init__(self, features: Mapping[str, pa.Table], params: Params, again: Mask | None = None) -> None:
        self.rules = work_out(features, params.top_k, again, params.max_per_category)
        self._params, self._seed = params, night(features).toordinal()
        customers = features["customer"].sort_by("customer_no")
        # The last entry is for -1, somebody of whom nothing is known.
        self._group = np.append(self.rules.group(customers["segment"]), 0)
        level = price_level(features["purchase"], len(customers)) if params.price_weight else np.zeros(len(customers))
        self._level = np.append(level, np.nan).astype(np.float32)

    def lists(self, ranked: Ranked, numbers: npt.NDArray[np.integer], bought: Mask | None = None) -> Shown:
        """Make the lists of customers ``numbers`` (``customer_no``; -1: unknown), whose ranking is ``ranked``."""
        hidden = np.zeros((0, 0), bool) if bought is None else bought
        who = Customers(numbers.astype(np.int64), self._group[numbers], self._level[numbers], hidden)
        return rerank(ranked, self.rules, who, self._params, self._seed)


def explore_slots(params: Params) -> int:
    """How many places of a list are drawn by lot."""
    return round(params.explore_share * params.top_k)


@compiled
def _lot(seed: Any, number: Any, draw: int) -> Any:
    """64 bits decided by all three: splitmix64 (Steele et al., OOPSLA 2014) of a number for each draw."""
    x = seed * MIX[1] + number * MIX[0] + np.uint64(draw + 1) * MIX[3]
    for _ in range(2):
        x ^= x >> _STEPS[1]
        x *= MIX[2]
        x ^= x >> _STEPS[0]
        x *= MIX[3]
        x ^= x >> _STEPS[2]
    return x


@compiled
def _sort(ids: Ids, told: Any, who: Any, price_weight: float, place: Any, order: Any) -> int:
    """Write the ranks of what may be shown into ``order``, by place'; returns how many."""
    weight, pins, again, log_price = told
    level, bought = who
    found = 0
    for j in range(len(ids)):
        i = ids[j]
        if i < 0:
            break
        if weight[i] <= 0 or (len(bought) and bought[j] and not again[i]) or (pins == i).any():
            continue
        e = (j + 1) / weight[i]
        if price_weight > 0 and not np.isnan(level - log_price[i]):
            e *= 1 + price_weight * abs(log_price[i] - level)
        q = found
        while q > 0 and place[q - 1] > e:
            place[q], order[q] = place[q - 1], order[q - 1]
            q -= 1
        place[q], order[q] = e, j
        found += 1
    return found


@compiled
def _take(kinds: Ids, order: Any, left: int, many: int, room: Ids, taken: Any) -> Any:
    """Take the first ``many`` for whose category there is room; the rest closes up in ``order``. Returns both counts."""
    n = rest = 0
    for q in range(left):
        j = order[q]
        if n < many and room[kinds[j]] > 0:
            room[kinds[j]] -= 1
            taken[n] = j
            n += 1
        else:
            order[rest] = j
            rest += 1
    return n, rest


@compiled
def _fill(kinds: Ids, order: Any, found: int, size: Any, room: Ids, lot: Any, taken: Any, pool: Any) -> Any:
    """Choose the ranks that are shown beside the pins into ``taken``: how many, how many of them by lot, their chance."""
    free, lots = size
    seed, number = lot
    n, rest = _take(kinds, order, found, free - lots, room, taken)
    choice = 0
    for q in range(rest):
        if room[kinds[order[q]]] >= lots:
            pool[choice] = order[q]
            choice += 1
    if choice <= lots:
        more, _ = _take(kinds, order, rest, free - n, room, taken[n:])
        return n + more, 0, 1.0
    for draw in range(lots):
        other = draw + np.int64(_lot(seed, number, draw) % np.uint64(choice - draw))
        pool[draw], pool[other] = pool[other], pool[draw]
        taken[n + draw] = pool[draw]
    return n + lots, lots, 1.0 / choice


@compiled
def _rerank(ranked: Any, who: Any, told: Any, asked: Any, shown: Any) -> None:
    ids, (weight, pins, _, category, limit, again, log_price) = ranked[0], told
    number, group, level, bought = who
    price_weight, lots, seed = asked
    depth, k = ids.shape[1], shown[0].shape[1]
    place, order, pool, taken = (
        np.empty(depth),
        np.empty(depth, np.int64),
        np.empty(depth, np.int64),
        np.empty(k, np.int64),
    )
    kinds, room, nothing = np.empty(depth, np.int32), limit.copy(), np.zeros(0, np.bool_)
    for u in range(len(ids)):
        g = group[u]
        fixed = pins[g][pins[g] >= 0]
        hidden = bought[u] if len(bought) else nothing
        mine = (weight[g], fixed, again, log_price)
        found = _sort(ids[u], mine, (level[u], hidden), price_weight, place, order)
        for j in range(depth):
            kinds[j] = category[ids[u, j]] if ids[u, j] >= 0 else 0
            room[kinds[j]] = limit[kinds[j]]
        for i in fixed:
            room[category[i]] = limit[category[i]]
        for i in fixed:
            room[category[i]] -= 1
        free = k - len(fixed)
        chosen = _fill(kinds, order, found, (free, min(lots, free)), room, (seed, number[u]), taken, pool)
        _lay(u, ranked, (fixed, told[2][g]), taken, chosen, shown)


@compiled
def _lay(u: int, ranked: Any, fixed: Any, taken: Any, chosen: Any, shown: Any) -> None:
    """Write a list: pins at their places, the others around them, those drawn by lot last."""
    (ids, scores, source, code), (pins, ranks), (n, drawn, chance) = ranked, fixed, chosen
    out_ids, out_scores, out_source, out_code, propensity = shown
    p = t = 0
    while p < len(pins) or t < n:
        r = p + t
        if p < len(pins) and (ranks[p] <= r + 1 or t == n):
            out_ids[u, r], out_code[u, r] = pins[p], PINNED
            for j in range(ids.shape[1]):
                if ids[u, j] == pins[p]:
                    out_scores[u, r] = scores[u, j]
            p += 1
            continue
        j = taken[t]
        out_ids[u, r], out_scores[u, r] = ids[u, j], scores[u, j]
        if t >= n - drawn:
            out_code[u, r], propensity[u, r] = EXPLORE, chance
        else:
            out_code[u, r], out_source[u, r] = code[u, j], source[u, j]
        t += 1

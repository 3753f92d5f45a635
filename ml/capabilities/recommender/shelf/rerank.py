"""From a ranking to the list that is shown: rules, variety, price, and a few places drawn by lot.

The obvious way to the same lists is in :mod:`ml.capabilities.recommender.shelf.rerank_reference`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.capabilities.recommender.shelf.rules import Mask, Rules, night, work_out
from ml.capabilities.recommender.spec import Params
from ml.capabilities.recommender.templates import Reason
from ml.kernels.compiled import Ids, Scores, compiled, share

_STEP = 4096
MIX = tuple(map(np.uint64, (0x9E3779B97F4A7C15, 0xD1B54A32D192ED03, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)))
_STEPS = tuple(map(np.uint64, (27, 30, 31)))


Places = npt.NDArray[np.int64]


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


class Shelf(NamedTuple):
    """The arrays of :class:`Rules`."""

    weight: Scores
    pins: Ids
    pin_ranks: Ids
    category: Ids
    limit: Ids
    again: Mask
    log_price: Scores


class Settings(NamedTuple):
    """What holds for all lists of a night: weight of the price, places drawn by lot, and the night's seed."""

    price_weight: float
    lots: int
    seed: np.uint64


class Customer(NamedTuple):
    """One of :class:`Customers`, with the products pinned for their group and the places of these."""

    number: np.uint64
    weight: Scores
    log_price: float
    bought: Mask
    pins: Ids
    pin_ranks: Ids


class Scratch(NamedTuple):
    """Room for the making of one list."""

    place: npt.NDArray[np.float64]
    """place' of each rank in ``order``."""
    order: Places
    kinds: Ids
    """Category of each rank."""
    pool: Places
    taken: Places
    room: Ids
    """How many more of each category may be shown."""


class Chosen(NamedTuple):
    """How many of ``Scratch.taken`` are shown, how many of them by lot, and the chance of each of these."""

    n: int
    drawn: int
    chance: float


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
        np.full((n, k), -1, np.int32),
        np.zeros((n, k), np.float32),
        np.full((n, k), -1, np.int32),
        np.full((n, k), -1, np.int8),
        np.ones((n, k), np.float32),
    )
    shelf = Shelf(rules.weight, rules.pins, rules.pin_ranks, rules.category, rules.limit, rules.again, rules.log_price)
    settings = Settings(params.price_weight, explore_slots(params), np.uint64(night_seed % 2**64))

    def work(start: int, end: int) -> None:
        parts = (type(whole)._make(a[start:end] for a in whole) for whole in (ranked, customers, shown))
        _rerank(*parts, shelf, settings)

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
    pins : bool
        False: nothing stands where it is pinned.
    """

    def __init__(
        self, features: Mapping[str, pa.Table], params: Params, again: Mask | None = None, *, pins: bool = True
    ) -> None:
        rules = work_out(features, params.top_k, again, params.max_per_category)
        self.rules = rules if pins else replace(rules, pins=rules.pins[:, :0], pin_ranks=rules.pin_ranks[:, :0])
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
def _lot(seed: np.uint64, number: np.uint64, draw: int) -> np.uint64:
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
def _sort(ids: Ids, shelf: Shelf, customer: Customer, price_weight: float, scratch: Scratch) -> int:
    """Write the ranks of what may be shown into ``scratch.order``, by place'; returns how many."""
    place, order, level = scratch.place, scratch.order, customer.log_price
    found = 0
    for j in range(len(ids)):
        i = ids[j]
        if i < 0:
            break
        hidden = len(customer.bought) and customer.bought[j] and not shelf.again[i]
        if customer.weight[i] <= 0 or hidden or (customer.pins == i).any():
            continue
        e = (j + 1) / customer.weight[i]
        if price_weight > 0 and not np.isnan(level - shelf.log_price[i]):
            e *= 1 + price_weight * abs(shelf.log_price[i] - level)
        q = found
        while q > 0 and place[q - 1] > e:
            place[q], order[q] = place[q - 1], order[q - 1]
            q -= 1
        place[q], order[q] = e, j
        found += 1
    return found


@compiled
def _take(scratch: Scratch, left: int, n: int, many: int) -> tuple[int, int]:
    """Take, behind the ``n`` that are taken, until they are ``many``, what its category has room for.

    The rest of the ``left`` closes up in ``scratch.order``. Returns how many are taken now, and how many left.
    """
    order, kinds, room = scratch.order, scratch.kinds, scratch.room
    rest = 0
    for q in range(left):
        j = order[q]
        if n < many and room[kinds[j]] > 0:
            room[kinds[j]] -= 1
            scratch.taken[n] = j
            n += 1
        else:
            order[rest] = j
            rest += 1
    return n, rest


@compiled
def _fill(scratch: Scratch, found: int, free: int, lots: int, seed: np.uint64, number: np.uint64) -> Chosen:
    """Choose the ranks that are shown beside the pins, in ``free`` places of which ``lots`` are drawn."""
    order, pool = scratch.order, scratch.pool
    n, rest = _take(scratch, found, 0, free - lots)
    choice = 0
    for q in range(rest):
        if scratch.room[scratch.kinds[order[q]]] >= lots:
            pool[choice] = order[q]
            choice += 1
    if choice <= lots:
        n, _ = _take(scratch, rest, n, free)
        return Chosen(n, 0, 1.0)
    for draw in range(lots):
        other = draw + np.int64(_lot(seed, number, draw) % np.uint64(choice - draw))
        pool[draw], pool[other] = pool[other], pool[draw]
        scratch.taken[n + draw] = pool[draw]
    return Chosen(n + lots, lots, 1.0 / choice)


@compiled
def _rerank(ranked: Ranked, customers: Customers, shown: Shown, shelf: Shelf, settings: Settings) -> None:
    ids, category, limit = ranked.ids, shelf.category, shelf.limit
    depth, k = ids.shape[1], shown.ids.shape[1]
    scratch = Scratch(
        np.empty(depth),
        np.empty(depth, np.int64),
        np.empty(depth, np.int32),
        np.empty(depth, np.int64),
        np.empty(k, np.int64),
        limit.copy(),
    )
    kinds, room, nothing = scratch.kinds, scratch.room, np.zeros(0, np.bool_)
    for u in range(len(ids)):
        g = customers.group[u]
        customer = Customer(
            np.uint64(customers.number[u]),
            shelf.weight[g],
            customers.log_price[u],
            customers.bought[u] if len(customers.bought) else nothing,
            shelf.pins[g][shelf.pins[g] >= 0],
            shelf.pin_ranks[g],
        )
        found = _sort(ids[u], shelf, customer, settings.price_weight, scratch)
        for j in range(depth):
            kinds[j] = category[ids[u, j]] if ids[u, j] >= 0 else 0
            room[kinds[j]] = limit[kinds[j]]
        for i in customer.pins:
            room[category[i]] = limit[category[i]]
        for i in customer.pins:
            room[category[i]] -= 1
        free = k - len(customer.pins)
        chosen = _fill(scratch, found, free, min(settings.lots, free), settings.seed, customer.number)
        _lay(u, ranked, customer, scratch.taken, chosen, shown)


@compiled
def _lay(u: int, ranked: Ranked, customer: Customer, taken: Places, chosen: Chosen, shown: Shown) -> None:
    """Write a list: pins at their places, the others around them, those drawn by lot last."""
    pins, n = customer.pins, chosen.n
    p = t = 0
    while p < len(pins) or t < n:
        r = p + t
        if p < len(pins) and (customer.pin_ranks[p] <= r + 1 or t == n):
            shown.ids[u, r], shown.code[u, r] = pins[p], Reason.PINNED
            for j in range(ranked.ids.shape[1]):
                if ranked.ids[u, j] == pins[p]:
                    shown.scores[u, r] = ranked.scores[u, j]
            p += 1
            continue
        j = taken[t]
        shown.ids[u, r], shown.scores[u, r] = ranked.ids[u, j], ranked.scores[u, j]
        if t >= n - chosen.drawn:
            shown.code[u, r], shown.propensity[u, r] = Reason.EXPLORE, chosen.chance
        else:
            shown.code[u, r], shown.source[u, r] = ranked.code[u, j], ranked.source[u, j]
        t += 1

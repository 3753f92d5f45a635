"""The kernels of the re-ranking, and the arrays that they read and write."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ml.capabilities.recommender.shelf.rules import Mask
from ml.capabilities.recommender.templates import Reason
from ml.kernels.compiled import Ids, Scores, compiled

MIX = tuple(map(np.uint64, (0x9E3779B97F4A7C15, 0xD1B54A32D192ED03, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)))

_STEPS = tuple(map(np.uint64, (27, 30, 31)))

Places = npt.NDArray[np.int64]
NOTHING = np.zeros((0, 0, 0), np.float32)
"""No parts."""


class Ranked(NamedTuple):
    """A ranking, best first, each of shape (n, depth); -1 in ``ids`` after its end.

    ``source``: the product that the reason names, or -1; ``code``: which reason; ``parts``, of shape (n, depth, n_parts):
    what made the ranker's log-odds, nan where it did not choose; of no length where nothing was ranked by one.
    """

    ids: Ids
    scores: Scores
    source: Ids
    code: npt.NDArray[np.int8]
    parts: npt.NDArray[np.float32] = NOTHING


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
def rerank_rows(ranked: Ranked, customers: Customers, shown: Shown, shelf: Shelf, settings: Settings) -> None:
    """Choose the list of each customer of ``ranked`` and write it into ``shown``."""
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

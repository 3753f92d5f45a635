"""A customer's history as a sparse row of weights: what an item-to-item model multiplies."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from ml.core.units import DAY_S
from ml.kernels.compiled import Csr, Ids, Scores, compiled, share
from ml.kernels.groups import ends_of
from ml.learn.purchases import Log

RECENT_LINES = 1000
"""Lines of a customer that are looked at, the latest: a reseller costs no more than a loyal customer."""
_STEP = 4096

Places = npt.NDArray[np.int64]


def history(
    log: Log,
    users: Ids,
    half_life_days: float,
    *,
    floor: float = 0.0,
    cap: float = 1.0,
    recent: int = RECENT_LINES,
    looks: bool = True,
) -> Csr:
    """Weigh what each customer bought and looked at.

    h_uj = min(cap, Σ_o 2^(-age_o / half life) + Σ_l w_l 2^(-age_l / half life)) + floor [bought], over the orders o and
    the looks l of customer u that hold product j.

    Parameters
    ----------
    log : Log
    users : ndarray of shape (n,), int32
        Customer numbers; -1 for one that the log does not have.
    half_life_days : float
    floor : float
        What a purchase weighs however old it is.
    cap : float
    recent : int
        Lines of a customer that are looked at, the latest.
    looks : bool
        False: as if nobody had looked at anything.

    Returns
    -------
    csr_array of shape (n, n_products), float32
        Indices sorted in each row.
    """
    users = np.asarray(users, np.int32)
    known = users >= 0
    lines = np.zeros(len(users), np.int64)
    look_ends = log.look_indptr if looks else np.zeros_like(log.look_indptr)
    for ends in (log.indptr, look_ends):
        lines[known] += np.minimum(ends[users[known] + 1] - ends[users[known]], recent)
    starts = ends_of(lines)
    items, weights = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.float32)
    found = np.zeros(len(users), np.int64)
    bought = (log.indptr, log.product, log.order, log.at)
    looked = (look_ends, log.look_product, log.look_at, log.look_weight)
    rate = np.log(2) / (half_life_days * DAY_S)

    how = log.until, rate, floor, cap, recent

    def work(start: int, end: int) -> None:
        _weigh(
            (start, end),
            users,
            bought,
            looked,
            how,
            np.full(log.n_products, -1, np.int64),
            starts,
            (items, weights, found),
        )

    share(work, len(users), _STEP)
    kept = np.arange(starts[-1]) - np.repeat(starts[:-1], lines) < np.repeat(found, lines)
    ends = ends_of(found)
    weighed = csr_array((weights[kept], items[kept], ends), shape=(len(users), log.n_products))
    weighed.sort_indices()
    return weighed


def bought(log: Log, users: Ids) -> Csr:
    """Give what each customer ever bought, shape (n, n_products): 1 for each product."""
    return history(log, users, 1e9, recent=len(log.at), looks=False)


def history_reference(log: Log, users: Ids, half_life_days: float, *, floor: float = 0.0, cap: float = 1.0) -> Csr:
    """:func:`history` in the obvious way, for customers with fewer than ``RECENT_LINES`` lines."""
    h = np.zeros((len(users), log.n_products))
    bought = np.zeros(h.shape, bool)
    for row, u in enumerate(users):
        if u < 0:
            continue
        seen = set()
        for p in range(log.indptr[u], log.indptr[u + 1]):
            bought[row, log.product[p]] = True
            if (log.order[p], log.product[p]) not in seen:
                h[row, log.product[p]] += 2.0 ** (-(log.until - log.at[p]) / DAY_S / half_life_days)
            seen.add((log.order[p], log.product[p]))
        for p in range(log.look_indptr[u], log.look_indptr[u + 1]):
            age = (log.until - log.look_at[p]) / DAY_S
            h[row, log.look_product[p]] += log.look_weight[p] * 2.0 ** (-age / half_life_days)
    return csr_array((np.minimum(h, cap) + floor * bought).astype(np.float32))


@compiled
def _weigh(
    span: tuple[int, int],
    users: Ids,
    bought: tuple[Places, Ids, Ids, Places],
    looked: tuple[Places, Ids, Places, Scores],
    how: tuple[int, float, float, float, int],
    place: Places,
    starts: Places,
    rows: tuple[Ids, Scores, Places],
) -> None:
    """Fill the rows of ``span``; row r begins at ``starts[r]`` and holds ``found[r]`` products.

    ``place`` is a scratch of -1 for each product and is left so.
    """
    floor, cap = how[2], how[3]
    items, weights, found = rows
    for r in range(span[0], span[1]):
        u, base = users[r], starts[r]
        if u < 0:
            continue
        owned = _buy(u, base, bought, how, place, items, weights)
        n = _look(u, base, owned, looked, how, place, items, weights)
        for q in range(base, base + n):
            weights[q] = min(weights[q], cap) + (floor if q - base < owned else 0.0)
            place[items[q]] = -1
        found[r] = n


@compiled
def _buy(
    u: int,
    base: int,
    bought: tuple[Places, Ids, Ids, Places],
    how: tuple[int, float, float, float, int],
    place: Places,
    items: Ids,
    weights: Scores,
) -> int:
    """Add up what was bought, newest line first; gives the number of products."""
    indptr, product, order, at = bought
    now, rate, recent = how[0], how[1], how[4]
    n = 0
    for p in range(indptr[u + 1] - 1, max(indptr[u], indptr[u + 1] - recent) - 1, -1):
        j = product[p]
        # Lines of one order stand together, sorted by product: the same product again is the line before.
        if p + 1 < indptr[u + 1] and order[p + 1] == order[p] and product[p + 1] == j:
            continue
        if place[j] < 0:
            place[j], items[base + n], weights[base + n] = base + n, j, 0
            n += 1
        weights[place[j]] += np.exp(-rate * (now - at[p]))
    return n


@compiled
def _look(
    u: int,
    base: int,
    n: int,
    looked: tuple[Places, Ids, Places, Scores],
    how: tuple[int, float, float, float, int],
    place: Places,
    items: Ids,
    weights: Scores,
) -> int:
    """Add up what was looked at behind the ``n`` products that were bought; gives the number of both."""
    indptr, product, at, weight = looked
    now, rate, recent = how[0], how[1], how[4]
    for p in range(indptr[u + 1] - 1, max(indptr[u], indptr[u + 1] - recent) - 1, -1):
        j = product[p]
        if place[j] < 0:
            place[j], items[base + n], weights[base + n] = base + n, j, 0
            n += 1
        weights[place[j]] += weight[p] * np.exp(-rate * (now - at[p]))
    return n

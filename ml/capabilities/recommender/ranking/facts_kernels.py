"""The loops behind :mod:`facts`: one pass over a customer's lines, newest first. Columns as in ``facts``' names."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ml.kernels.compiled import Ids, Scores, compiled

Places = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bought = tuple[Places, Ids, Ids, Places, Scores, Scores]
"""``indptr``, ``product``, ``order``, ``at``, ``quantity``, ``price`` of the log's lines."""
Looked = tuple[Places, Ids, Places, Scores]
"""The same of looks, without order, quantity and price, with their weight."""
Rows = tuple[Ids, Scores]
"""``items`` and ``pair``: where the facts of pairs are written."""
Scratch = tuple[Places, Places]
"""Of each product, the row of its facts and the last order that was seen with it; -1 between two customers."""

DAY = 86_400.0
LN2 = 0.6931471805599453
(TIMES, FADES_15, FADES_45, FADES_120, FADES_365, ORDER_FADES, LAST, FIRST, INTERVAL, DUE, QUANTITY, IN_LAST, IN_LAST_3,
 SHARE, LOOK_FADES_7, LOOK_FADES_60, LOOK_LAST) = range(17)  # fmt: skip
ORDER_FADE = 0.8


@compiled
def customers(
    span: tuple[int, int],
    users: Ids,
    lines: tuple[Bought, Looked, int, int],
    starts: Places,
    rows: Rows,
    customer: Scores,
    found: Places,
) -> None:
    """Fill the rows of ``span``; customer r's pairs begin at ``starts[r]`` and are ``found[r]``.

    ``lines`` are what was bought and looked at, now, and the number of products.
    """
    bought, looked, now, m = lines
    scratch = np.full(m, -1, np.int64), np.full(m, -1, np.int64)
    sums = np.zeros(2)
    for r in range(span[0], span[1]):
        u, base = users[r], starts[r]
        if u < 0:
            continue
        sums[:] = 0
        n, orders = _buy(bought, u, now, base, rows, scratch, sums)
        total = _finish(rows[1], base, n, orders)
        every, lately = _look(looked, u, now, base, n, rows, scratch)
        for q in range(base, base + every):
            for s in scratch:
                s[rows[0][q]] = -1
        found[r] = every
        customer[r, 0], customer[r, 9] = orders, lately
        if orders:
            _person(customer[r], bought, u, now, (orders, n, total), sums)


@compiled
def products(bought: Bought, now: int, windows: Floats, counts: Floats, ages: Floats) -> None:
    """Add up over all customers; columns by their places in ``PRODUCT``, order lines in that of ``last_year``."""
    indptr, product, order, at, quantity, price = bought
    m = len(counts)
    times, seen = np.zeros(m, np.int64), np.full(m, -1, np.int64)
    newest, oldest = np.zeros(m), np.zeros(m)
    for u in range(len(indptr) - 1):
        rank, size = -1, 0
        for p in range(indptr[u + 1] - 1, indptr[u] - 1, -1):
            if rank < 0 or order[p] != order[p + 1]:
                rank += 1
                size = _size(order, indptr[u], p)
            j, age = product[p], (now - at[p]) / DAY
            newest[j] = age if times[j] == 0 else newest[j]
            oldest[j] = age
            counts[j, 14] += np.log(max(price[p], 1e-3))
            counts[j, 15] += np.log1p(max(quantity[p], 0.0))
            counts[j, 16] += size
            counts[j, 22] += 1
            if seen[j] != rank:
                seen[j] = rank
                times[j] += 1
                counts[j, 10] += np.exp(-LN2 / 5 * age)
                counts[j, 11] += np.exp(-LN2 / 20 * age)
        for p in range(indptr[u], indptr[u + 1]):
            j = product[p]
            if times[j]:
                _buyer(windows, newest[j], oldest[j], times[j], counts[j], ages[j])
                times[j], seen[j] = 0, -1


@compiled
def _buy(bought: Bought, u: int, now: int, base: int, rows: Rows, scratch: Scratch, sums: Floats) -> tuple[int, int]:
    """Write what was bought; gives the number of products and of orders, and adds up log prices and quantities."""
    indptr, product, order, at, quantity, price = bought
    items, pair = rows
    place, seen = scratch
    n, rank = 0, -1
    for p in range(indptr[u + 1] - 1, indptr[u] - 1, -1):
        if rank < 0 or order[p] != order[p + 1]:
            rank += 1
        j, age = product[p], (now - at[p]) / DAY
        if place[j] < 0:
            place[j], items[base + n] = base + n, j
            pair[base + n, LAST], pair[base + n, LOOK_LAST] = age, np.nan
            n += 1
        row = pair[place[j]]
        row[QUANTITY] += np.log1p(max(quantity[p], 0.0))
        sums[0] += np.log(max(price[p], 1e-3))
        sums[1] += np.log1p(max(quantity[p], 0.0))
        if seen[j] == rank:
            continue
        seen[j] = rank
        row[TIMES] += 1
        row[FADES_15] += np.exp(-LN2 / 15 * age)
        row[FADES_45] += np.exp(-LN2 / 45 * age)
        row[FADES_120] += np.exp(-LN2 / 120 * age)
        row[FADES_365] += np.exp(-LN2 / 365 * age)
        row[ORDER_FADES] += ORDER_FADE**rank
        row[FIRST] = age
        row[IN_LAST] += rank < 1
        row[IN_LAST_3] += rank < 3
    return n, rank + 1


@compiled
def _finish(pair: Scores, base: int, n: int, orders: int) -> float:
    """Make means of sums; gives the number of purchases, each product of an order once."""
    total = 0.0
    for q in range(base, base + n):
        row = pair[q]
        total += row[TIMES]
        row[QUANTITY] /= row[TIMES]
        row[SHARE] = row[TIMES] / orders
        row[INTERVAL], row[DUE] = np.nan, np.nan
        if row[TIMES] > 1:
            row[INTERVAL] = (row[FIRST] - row[LAST]) / (row[TIMES] - 1)
            row[DUE] = row[LAST] / max(row[INTERVAL], 0.5)
    return total


@compiled
def _look(looked: Looked, u: int, now: int, base: int, n: int, rows: Rows, scratch: Scratch) -> tuple[int, int]:
    """Write what was looked at; gives the number of products with what was bought, and the looks of the last week."""
    indptr, product, at, weight = looked
    items, pair = rows
    place, lately = scratch[0], 0
    for p in range(indptr[u + 1] - 1, indptr[u] - 1, -1):
        j, age = product[p], (now - at[p]) / DAY
        if place[j] < 0:
            place[j], items[base + n] = base + n, j
            pair[base + n, LAST : QUANTITY + 1], pair[base + n, LOOK_LAST] = np.nan, np.nan
            n += 1
        row = pair[place[j]]
        row[LOOK_FADES_7] += weight[p] * np.exp(-LN2 / 7 * age)
        row[LOOK_FADES_60] += weight[p] * np.exp(-LN2 / 60 * age)
        row[LOOK_LAST] = age if np.isnan(row[LOOK_LAST]) else row[LOOK_LAST]
        lately += age <= 7
    return n, lately


@compiled
def _person(row: Scores, bought: Bought, u: int, now: int, counts: tuple[int, int, float], sums: Floats) -> None:
    """Write the facts of a customer who has bought. ``counts``: orders, products, purchases."""
    indptr, at = bought[0], bought[3]
    orders, n, total = counts
    lines = indptr[u + 1] - indptr[u]
    row[1], row[2] = (now - at[indptr[u + 1] - 1]) / DAY, (now - at[indptr[u]]) / DAY
    if orders > 1:
        row[3] = (row[2] - row[1]) / (orders - 1)
    row[4], row[5], row[6] = total / orders, n, 1 - n / total
    row[7], row[8] = sums[0] / lines, sums[1] / lines


@compiled
def _buyer(windows: Floats, newest: float, oldest: float, times: int, counts: Floats, ages: Floats) -> None:
    """Count a buyer of a product."""
    for w in range(len(windows)):
        counts[w] += newest <= windows[w]
    counts[7] += oldest <= 14
    counts[8] += oldest <= 30
    counts[9] += times > 1
    ages[0] = oldest if not ages[0] >= oldest else ages[0]
    ages[1] = newest if not ages[1] <= newest else ages[1]


@compiled
def _size(order: Ids, first: int, p: int) -> int:
    """Lines of the order whose last line is p."""
    s = p
    while s >= first and order[s] == order[p]:
        s -= 1
    return p - s

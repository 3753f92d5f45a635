"""The loops behind :mod:`facts`: one pass over a customer's lines, newest first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ml.capabilities.recommender.ranking.columns import STRANGERS, Customer, Pair, Product
from ml.kernels.compiled import Ids, Scores, compiled

Places = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

DAY = 86_400.0
LN2 = 0.6931471805599453
ORDER_FADE = 0.8


class Bought(NamedTuple):
    """The order lines of a log, customer by customer, each one's oldest first."""

    indptr: Places
    product: Ids
    order: Ids
    at: Places
    quantity: Scores
    price: Scores


class Looked(NamedTuple):
    """The looks of a log in the same order."""

    indptr: Places
    product: Ids
    at: Places
    weight: Scores


class Lines(NamedTuple):
    """All that facts are made from: the lines, now in seconds, and the number of products."""

    bought: Bought
    looked: Looked
    now: int
    m: int


class Rows(NamedTuple):
    """Where the facts of pairs are written."""

    items: Ids
    pair: Scores


class Scratch(NamedTuple):
    """Of each product the row of its facts, and the last order that was seen with it; -1 between two customers."""

    place: Places
    seen: Places


class Buys(NamedTuple):
    """What a customer bought in all: orders, products, purchases (each product of an order once), sums of logarithms."""

    orders: int
    products: int
    purchases: float
    log_price: float
    log_quantity: float


@compiled
def customers(
    span: tuple[int, int],
    users: Ids,
    lines: Lines,
    starts: Places,
    rows: Rows,
    customer: Scores,
    found: Places,
) -> None:
    """Fill the rows of ``span``; customer r's pairs begin at ``starts[r]`` and are ``found[r]``."""
    scratch = Scratch(np.full(lines.m, -1, np.int64), np.full(lines.m, -1, np.int64))
    for r in range(span[0], span[1]):
        u, base = users[r], starts[r]
        if u < 0:
            continue
        buys = _buy(lines.bought, u, lines.now, base, rows, scratch)
        _finish(rows.pair, base, buys)
        every, lately = _look(lines.looked, u, lines.now, base, buys.products, rows, scratch)
        for q in range(base, base + every):
            scratch.place[rows.items[q]], scratch.seen[rows.items[q]] = -1, -1
        found[r] = every
        customer[r, Customer.ORDERS], customer[r, Customer.LOOKS_7] = buys.orders, lately
        if buys.orders:
            _person(customer[r], lines.bought, u, lines.now, buys)


@compiled
def products(bought: Bought, now: int, counts: Floats, lines: Floats) -> None:
    """Add up over all customers: what is counted, the ages, sums for the means, and in ``lines`` the order lines."""
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
            counts[j, Product.PRICE] += np.log(max(price[p], 1e-3))
            counts[j, Product.QUANTITY] += np.log1p(max(quantity[p], 0.0))
            counts[j, Product.BASKET] += size
            lines[j] += 1
            if seen[j] != rank:
                seen[j] = rank
                times[j] += 1
                counts[j, Product.FADES_5] += np.exp(-LN2 / 5 * age)
                counts[j, Product.FADES_20] += np.exp(-LN2 / 20 * age)
        for p in range(indptr[u], indptr[u + 1]):
            j = product[p]
            if times[j]:
                _buyer(newest[j], oldest[j], times[j], counts[j])
                times[j], seen[j] = 0, -1


@compiled
def _buy(bought: Bought, u: int, now: int, base: int, rows: Rows, scratch: Scratch) -> Buys:
    """Write what was bought, as sums, and add it up."""
    indptr, product, order, at, quantity, price = bought
    items, pair = rows
    place, seen = scratch
    purchases = log_price = log_quantity = 0.0
    n, rank = 0, -1
    for p in range(indptr[u + 1] - 1, indptr[u] - 1, -1):
        if rank < 0 or order[p] != order[p + 1]:
            rank += 1
        j, age = product[p], (now - at[p]) / DAY
        if place[j] < 0:
            place[j], items[base + n] = base + n, j
            pair[base + n, Pair.LAST], pair[base + n, Pair.LOOK_LAST] = age, np.nan
            n += 1
        row = pair[place[j]]
        row[Pair.QUANTITY] += np.log1p(max(quantity[p], 0.0))
        log_price += np.log(max(price[p], 1e-3))
        log_quantity += np.log1p(max(quantity[p], 0.0))
        if seen[j] == rank:
            continue
        seen[j] = rank
        purchases += 1
        row[Pair.TIMES] += 1
        row[Pair.FADES_15] += np.exp(-LN2 / 15 * age)
        row[Pair.FADES_45] += np.exp(-LN2 / 45 * age)
        row[Pair.FADES_120] += np.exp(-LN2 / 120 * age)
        row[Pair.FADES_365] += np.exp(-LN2 / 365 * age)
        row[Pair.ORDER_FADES] += ORDER_FADE**rank
        row[Pair.FIRST] = age
        row[Pair.IN_LAST_ORDER] += rank < 1
        row[Pair.IN_LAST_3] += rank < 3
    return Buys(rank + 1, n, purchases, log_price, log_quantity)


@compiled
def _finish(pair: Scores, base: int, buys: Buys) -> None:
    """Make means of sums."""
    for q in range(base, base + buys.products):
        row = pair[q]
        row[Pair.QUANTITY] /= row[Pair.TIMES]
        row[Pair.SHARE] = row[Pair.TIMES] / buys.orders
        row[Pair.INTERVAL], row[Pair.DUE] = np.nan, np.nan
        if row[Pair.TIMES] > 1:
            row[Pair.INTERVAL] = (row[Pair.FIRST] - row[Pair.LAST]) / (row[Pair.TIMES] - 1)
            row[Pair.DUE] = row[Pair.LAST] / max(row[Pair.INTERVAL], 0.5)


@compiled
def _look(looked: Looked, u: int, now: int, base: int, n: int, rows: Rows, scratch: Scratch) -> tuple[int, int]:
    """Write what was looked at; gives the number of products with what was bought, and the looks of the last week."""
    indptr, product, at, weight = looked
    items, pair = rows
    place, lately = scratch.place, 0
    for p in range(indptr[u + 1] - 1, indptr[u] - 1, -1):
        j, age = product[p], (now - at[p]) / DAY
        if place[j] < 0:
            place[j], items[base + n] = base + n, j
            pair[base + n] = STRANGERS
            n += 1
        row = pair[place[j]]
        row[Pair.LOOK_FADES_7] += weight[p] * np.exp(-LN2 / 7 * age)
        row[Pair.LOOK_FADES_60] += weight[p] * np.exp(-LN2 / 60 * age)
        row[Pair.LOOK_LAST] = age if np.isnan(row[Pair.LOOK_LAST]) else row[Pair.LOOK_LAST]
        lately += age <= 7
    return n, lately


@compiled
def _person(row: Scores, bought: Bought, u: int, now: int, buys: Buys) -> None:
    """Write the facts of a customer who has bought."""
    first, end = bought.indptr[u], bought.indptr[u + 1]
    row[Customer.LAST] = (now - bought.at[end - 1]) / DAY
    row[Customer.FIRST] = (now - bought.at[first]) / DAY
    if buys.orders > 1:
        row[Customer.INTERVAL] = (row[Customer.FIRST] - row[Customer.LAST]) / (buys.orders - 1)
    row[Customer.BASKET] = buys.purchases / buys.orders
    row[Customer.PRODUCTS] = buys.products
    row[Customer.REPEATS] = 1 - buys.products / buys.purchases
    row[Customer.PRICE] = buys.log_price / (end - first)
    row[Customer.QUANTITY] = buys.log_quantity / (end - first)


@compiled
def _buyer(newest: float, oldest: float, times: int, counts: Floats) -> None:
    """Count a buyer of a product, who bought it at these ages for the first and the last time."""
    counts[Product.BUYERS_3] += newest <= 3
    counts[Product.BUYERS_7] += newest <= 7
    counts[Product.BUYERS_14] += newest <= 14
    counts[Product.BUYERS_30] += newest <= 30
    counts[Product.BUYERS_60] += newest <= 60
    counts[Product.BUYERS_90] += newest <= 90
    counts[Product.BUYERS] += 1
    counts[Product.NEW_BUYERS_14] += oldest <= 14
    counts[Product.NEW_BUYERS_30] += oldest <= 30
    counts[Product.AGAIN] += times > 1
    counts[Product.FIRST] = oldest if not counts[Product.FIRST] >= oldest else counts[Product.FIRST]
    counts[Product.LAST] = newest if not counts[Product.LAST] <= newest else counts[Product.LAST]


@compiled
def _size(order: Ids, first: int, p: int) -> int:
    """Lines of the order whose last line is p."""
    s = p
    while s >= first and order[s] == order[p]:
        s -= 1
    return p - s

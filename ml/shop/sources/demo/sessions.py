"""Visits: view, cart, wish and search events, the carts they leave and what was typed in the search box."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ml.contract.tables import CART, EVENT, SEARCH
from ml.core.units import DAY_S
from ml.shop.sources.demo import columns as col
from ml.shop.sources.demo.behaviour import IDS_PER_CHUNK, Purchases
from ml.shop.sources.demo.catalogue import Catalogue, product_ids
from ml.shop.sources.demo.choice import pick
from ml.shop.sources.demo.clock import Clock
from ml.shop.sources.demo.columns import Bools, Ints, Rows, words
from ml.shop.sources.demo.customers import RING, People, customer_ids
from ml.shop.sources.demo.options import Options

KINDS = ("view", "cart", "wish", "search")
_VIEW, _CART, _WISH, _SEARCH = range(4)
CART_DAYS = 180
"""The shop forgets carts that are older."""


@dataclass(frozen=True)
class Events:
    """One row an event; ``order`` is the position of the order it led to, -1: none."""

    session: Ints
    who: Ints
    t: Ints
    kind: Ints
    product: Ints
    order: Ints


def session_tables(options: Options, shop: Catalogue, them: People, clock: Clock, bought: Purchases) -> Iterator[Rows]:
    """Yield event, cart and search."""
    rng = options.rng("sessions", bought.chunk)
    visits = (_buying(rng, shop, them, bought), _looking(rng, options, shop, them, clock, len(bought.t)))
    log = Events(*(np.concatenate(column) for column in zip(*(vars(v).values() for v in visits), strict=True)))
    inside = (log.t >= np.maximum(them.registered[log.who], options.start)) & (log.t < options.stop)
    inside &= (log.kind == _SEARCH) | (shop.sold_from[log.product] <= log.t)
    by_time = np.flatnonzero(inside)
    by_time = by_time[np.argsort(log.t[by_time], kind="stable")]
    log = Events(*(column[by_time] for column in vars(log).values()))
    guest = (log.session * 2_654_435_761 % 100 < 4) & (log.order < 0)
    yield _events(rng, options, them, bought.chunk, log, guest)
    yield _carts(options, them, bought, log, guest)
    yield _searches(rng, shop, them, bought.chunk, log, guest)


def _buying(rng: np.random.Generator, shop: Catalogue, them: People, bought: Purchases) -> Events:
    """Sessions that end in an order: the things bought are viewed and put in the cart, others only viewed."""
    line = np.flatnonzero((bought.channel < 2)[bought.line_order] & (rng.random(len(bought.product)) < 0.93))
    order, product = bought.line_order[line], bought.product[line]
    viewed = bought.t[order] - rng.integers(120, 1800, len(line))
    put = viewed + rng.integers(10, 110, len(line))
    online = np.flatnonzero(bought.channel < 2)
    other = np.repeat(online, rng.poisson(1.0, len(online)))
    who, t = bought.who[other], bought.t[other]
    looked = pick(rng, shop, them.cluster[who], them.weight[who], t)
    searched = online[rng.random(len(online)) < 0.12]
    rows = np.r_[order, order, other, searched]
    return Events(
        rows,
        bought.who[rows],
        np.r_[viewed, put, t - rng.integers(60, 1800, len(other)), bought.t[searched] - 1810],
        np.repeat([_VIEW, _CART, _VIEW, _SEARCH], [len(line), len(line), len(other), len(searched)]),
        np.r_[product, product, looked, _first_product(bought, searched)],
        rows,
    )


def _first_product(bought: Purchases, order: Ints) -> Ints:
    return np.asarray(bought.product[np.searchsorted(bought.line_order, order)])


def _looking(
    rng: np.random.Generator, options: Options, shop: Catalogue, them: People, clock: Clock, sessions: int
) -> Events:
    """Sessions without an order. Their numbers follow those of the orders."""
    low = np.maximum(them.registered, options.start)
    span = np.where(them.persona == RING, 0.0, clock.between(low, np.full(len(low), options.stop)))
    rate = np.clip(0.8 + 0.7 * them.orders_per_year, 0.8, 12.0)
    who = np.repeat(np.arange(len(low)), rng.poisson(rate * span))
    t = clock.draw(rng, low[who], np.full(len(who), options.stop))
    session = np.arange(len(who))
    row = np.repeat(session, 1 + rng.poisson(1.3, len(who)))
    product = pick(rng, shop, them.cluster[who[row]], them.weight[who[row]], t[row])
    seen = t[row] + rng.integers(5, 1500, len(row))
    put, wished = (np.flatnonzero(rng.random(len(row)) < share) for share in (0.10, 0.05))
    typed = np.flatnonzero(rng.random(len(who)) < 0.2)
    rows = np.r_[row, row[put], row[wished], typed]
    return Events(
        sessions + rows,
        who[rows],
        np.r_[seen, seen[put] + 40, seen[wished] + 20, t[typed]],
        np.repeat([_VIEW, _CART, _WISH, _SEARCH], [len(row), len(put), len(wished), len(typed)]),
        np.r_[product, product[put], product[wished], product[np.searchsorted(row, typed)]],
        np.full(len(rows), -1),
    )


def _events(rng: np.random.Generator, options: Options, them: People, chunk: int, log: Events, guest: Bools) -> Rows:
    """Half a per cent arrive hours late: the app was off line."""
    n = len(log.t)
    known = log.t + rng.integers(3600, 36 * 3600, n)
    late = (rng.random(n) < 0.005) & (known < options.stop)
    return col.rows(
        EVENT,
        event_id=col.ids("E", chunk * IDS_PER_CHUNK + np.arange(n)),
        customer_id=customer_ids(them.number[log.who], ~guest),
        session_id=col.ids("S", chunk * IDS_PER_CHUNK + log.session),
        product_id=product_ids(log.product, log.kind != _SEARCH),
        kind=col.pick(KINDS, log.kind),
        occurred_at=col.times(log.t),
        known_at=col.times(known, late),
    )


def _carts(options: Options, them: People, bought: Purchases, log: Events, guest: Bools) -> Rows:
    """One line a session and product, with the order that it became."""
    rows = np.flatnonzero((log.kind == _CART) & (log.t >= options.stop - CART_DAYS * DAY_S))
    code = log.session[rows] * (1 << 20) + log.product[rows]
    rows = rows[np.sort(np.unique(code, return_index=True)[1])]
    became = log.order[rows] >= 0
    return col.rows(
        CART,
        cart_id=col.ids("B", bought.chunk * IDS_PER_CHUNK + log.session[rows]),
        product_id=product_ids(log.product[rows]),
        customer_id=customer_ids(them.number[log.who[rows]], ~guest[rows]),
        quantity=np.ones(len(rows)),
        added_at=col.times(log.t[rows]),
        order_id=col.ids("O", bought.numbers[log.order[rows]], became),
    )


def _searches(rng: np.random.Generator, shop: Catalogue, them: People, chunk: int, log: Events, guest: Bools) -> Rows:
    """What is typed: the category, the brand, both, or a slip of the finger that finds nothing."""
    rows = np.flatnonzero(log.kind == _SEARCH)
    product, n = log.product[rows], len(rows)
    listed = words("catalogue")
    names = shop.categories.names
    slips = [name[:2] + name[3] + name[2] + name[4:] if len(name) > 4 else name + name[-1] for name in names]
    nouns = [noun.lower() for c in listed["categories"] for noun in c["nouns"]]
    phrases = pa.array([*names, *slips, *nouns, *[b.lower() for b in listed["brands"]]])
    style = col.number_of(rng, (0.4, 0.06, 0.34, 0.2), n)
    category = shop.category[product]
    index = np.select(
        [style == 0, style == 1, style == 2],
        [category, len(names) + category, 2 * len(names) + category * 4 + shop.noun[product]],
        6 * len(names) + shop.brand[product],
    )
    size = np.bincount(shop.category, minlength=len(names))[category]
    found = np.where(style == 1, 0, np.where(style == 0, size, 1 + size // 4))
    clicked = (style != 1) & (rng.random(n) < 0.6) & (shop.sold_from[product] <= log.t[rows])
    return col.rows(
        SEARCH,
        search_id=col.ids("Q", chunk * IDS_PER_CHUNK + np.arange(n)),
        customer_id=customer_ids(them.number[log.who[rows]], ~guest[rows]),
        session_id=col.ids("S", chunk * IDS_PER_CHUNK + log.session[rows]),
        query=phrases.take(pa.array(index)),
        results=found,
        clicked_product_id=product_ids(product, clicked),
        searched_at=col.times(log.t[rows]),
    )

"""Who buys what when: occasions, picks, repeat purchases, complements, and the fraudsters' bursts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.core.units import DAY_S
from ml.shop.sources.demo import columns as col
from ml.shop.sources.demo.campaigns import Mailing
from ml.shop.sources.demo.catalogue import Catalogue, product_ids
from ml.shop.sources.demo.choice import complements, pick
from ml.shop.sources.demo.clock import Clock
from ml.shop.sources.demo.columns import Bools, Floats, Ints, Rows
from ml.shop.sources.demo.customers import People, customer_ids
from ml.shop.sources.demo.options import Options
from ml.shop.sources.demo.truth import REPEAT

HONEST, SINGLE = -2, -1
"""Codes in ``Purchases.fraud`` beside the number of a ring."""

CHANNELS = ("web", "app", "store", "phone")
IDS_PER_CHUNK = 10_000_000


@dataclass(frozen=True)
class Purchases:
    """Orders of a chunk by customer and time, and their lines."""

    chunk: int
    who: Ints
    t: Ints
    fraud: Ints
    channel: Ints
    line_order: Ints
    """(lines,) position of the order."""
    line_no: Ints
    product: Ints
    quantity: Ints
    unit_price: Floats

    @property
    def numbers(self) -> Ints:
        """Number of each order, unique over chunks."""
        return self.chunk * IDS_PER_CHUNK + np.arange(len(self.t))


@dataclass(frozen=True)
class Repeats:
    """Series of repeat purchases."""

    who: Ints
    product: Ints
    started: Ints
    interval_days: Floats


def purchases(
    options: Options, chunk: int, shop: Catalogue, them: People, clock: Clock, sent: Mailing
) -> tuple[Purchases, Repeats]:
    """Make the orders of a chunk's customers."""
    rng = options.rng("purchases", chunk)
    who, t = _occasions(rng, options, them, clock)
    who, t = np.r_[who, sent.who[sent.ordered]], np.r_[t, sent.visited_at[sent.ordered]]
    first = pick(rng, shop, them.cluster[who], them.weight[who], t)
    fraud = np.where(rng.random(len(t)) < 0.003, SINGLE, HONEST)
    stolen = np.flatnonzero(fraud == SINGLE)
    first[stolen] = _dear(rng, shop, them, who[stolen], t[stolen])
    repeats, (again, again_t, same) = _repeats(rng, options, shop, them, (who, t, first, fraud))
    ring_who, ring_t = _bursts(rng, options, them)
    who, t = np.r_[who, again, ring_who], np.r_[t, again_t, ring_t]
    first = np.r_[first, same, _dear(rng, shop, them, ring_who, ring_t)]
    fraud = np.r_[fraud, np.full(len(again), HONEST), them.ring[ring_who]]
    order = np.lexsort((t, who))
    return _baskets(rng, chunk, shop, them, (who[order], t[order], first[order], fraud[order])), repeats


def _occasions(rng: np.random.Generator, options: Options, them: People, clock: Clock) -> tuple[Ints, Ints]:
    """When each customer comes to buy: often at once, then a Poisson process of their own rate while they are there."""
    low = np.maximum(them.registered, options.start)
    high = np.minimum(them.left, options.stop)
    who = np.repeat(np.arange(len(low)), rng.poisson(them.orders_per_year * clock.between(low, high)))
    t = clock.draw(rng, low[who], high[who])
    at_once = (them.registered >= options.start) & (them.orders_per_year > 0) & (rng.random(len(low)) < 0.6)
    at_once &= them.registered < options.stop - 9000
    newcomer = np.flatnonzero(at_once)
    who = np.r_[who, newcomer]
    t = np.r_[t, them.registered[newcomer] + rng.integers(1800, 9000, len(newcomer))]
    present = ~_away(them, who, t)
    return who[present], t[present]


def _away(them: People, who: Ints, t: Ints) -> Bools:
    since = them.away_from[who]
    return np.asarray((since > 0) & (t >= since) & (t < since + 380 * DAY_S))


def _dear(rng: np.random.Generator, shop: Catalogue, them: People, who: Ints, t: Ints) -> Ints:
    """The most expensive of three picks."""
    picks = np.stack([pick(rng, shop, them.cluster[who], them.weight[who], t) for _ in range(3)])
    best = np.argmax(shop.price[picks], axis=0)
    return np.asarray(picks[best, np.arange(len(who))])


def _bursts(rng: np.random.Generator, options: Options, them: People) -> tuple[Ints, Ints]:
    members = np.flatnonzero(them.ring >= 0)
    who = np.repeat(members, 2 + rng.poisson(1.2, len(members)))
    t = them.ring_start[who] + rng.integers(0, 4 * DAY_S, len(who))
    kept = t < options.stop
    return who[kept], t[kept]


def _repeats(
    rng: np.random.Generator,
    options: Options,
    shop: Catalogue,
    them: People,
    first_purchases: tuple[Ints, Ints, Ints, Ints],
) -> tuple[Repeats, tuple[Ints, Ints, Ints]]:
    """Series that first purchases of consumables start, and the occasions that they bring."""
    who, t, product, fraud = first_purchases
    by_time = np.lexsort((t, product, who))
    key = (who * shop.products + product)[by_time]
    new = by_time[np.r_[True, key[1:] != key[:-1]]] if key.size else by_time
    kinds, category = shop.categories, shop.category[product[new]]
    starts = new[(rng.random(len(new)) < kinds.repeat_probability[category]) & (fraud[new] == HONEST)]
    category = shop.category[product[starts]]
    interval = kinds.repeat_days[category] * them.interval_factor[who[starts]]
    times = rng.geometric(1 - kinds.repeat_probability[category])
    row = np.repeat(np.arange(len(starts)), times)
    gap = interval[row] * DAY_S * rng.lognormal(0, 0.2, len(row))
    run, begins = np.cumsum(gap), np.cumsum(times) - times
    since = run - np.repeat((run - gap)[begins] if len(row) else gap, times)
    again, same = who[starts][row], product[starts][row]
    at = t[starts][row] + since.astype(np.int64)
    kept = at < np.minimum(np.minimum(them.left[again], options.stop), shop.sold_until[same])
    kept &= ~_away(them, again, at)
    series = Repeats(who[starts], product[starts], t[starts], interval)
    return series, (again[kept], at[kept], same[kept])


def _baskets(
    rng: np.random.Generator, chunk: int, shop: Catalogue, them: People, orders: tuple[Ints, Ints, Ints, Ints]
) -> Purchases:
    """Fill each order: the first product, complements, further picks; each product once."""
    who, t, first, fraud = orders
    wholesale = them.segment[who] == 2
    more = np.minimum(rng.geometric(0.55, len(t)) - 1 + np.where(wholesale, rng.poisson(2.0, len(t)), 0), 12)
    row = np.repeat(np.arange(len(t)), more)
    further = pick(rng, shop, them.cluster[who[row]], them.weight[who[row]], t[row])
    order, product = np.r_[np.arange(len(t)), row], np.r_[first, further]
    product = _unless_owned(rng, shop, them, (who[order], t[order], product))
    beside, along = complements(rng, shop, product, t[order])
    order, product = np.r_[order, order[beside]], np.r_[product, along]
    order, product = np.divmod(np.unique(order * shop.products + product), shop.products)
    begins = np.searchsorted(order, np.arange(len(t)))
    quantity = 1 + np.where(shop.categories.repeat_days[shop.category[product]] > 0, rng.poisson(0.4, len(order)), 0)
    quantity = np.where(wholesale[order], quantity * rng.integers(2, 12, len(order)), quantity)
    offer = np.where(rng.random(len(order)) < 0.08, 0.85, 1.0) * np.where(wholesale[order], 0.9, 1.0)
    channel = col.number_of(rng, (0.62, 0.25, 0.09, 0.04), len(t))
    return Purchases(
        chunk,
        who,
        t,
        fraud,
        np.where(fraud == HONEST, channel, channel % 2),
        order,
        np.arange(len(order)) - begins[order] + 1,
        product,
        quantity,
        np.round(shop.price[product] * offer, 2),
    )


def _unless_owned(rng: np.random.Generator, shop: Catalogue, them: People, lines: tuple[Ints, Ints, Ints]) -> Ints:
    """The products, but where a customer already has one of a kind that is not used up, another pick instead, once."""
    who, t, product = lines
    key = who * shop.products + product
    by_time = np.lexsort((t, key))
    owned = np.zeros(len(key), bool)
    owned[by_time[1:]] = key[by_time][1:] == key[by_time][:-1]
    again = np.flatnonzero(owned & (shop.categories.repeat_days[shop.category[product]] == 0))
    product = product.copy()
    product[again] = pick(rng, shop, them.cluster[who[again]], them.weight[who[again]], t[again])
    return product


def repeat_table(them: People, series: Repeats) -> Rows:
    """``demo_truth.repeat_purchase``."""
    return col.rows(
        REPEAT,
        customer_id=customer_ids(them.number[series.who]),
        product_id=product_ids(series.product),
        started_at=col.times(series.started),
        interval_days=series.interval_days,
    )

"""Products, their categories, and what is planted in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.contract.tables import PRODUCT
from ml.core.units import DAY_S
from ml.shop.sources.demo import columns as col
from ml.shop.sources.demo.columns import Bools, Floats, Ints, Rows, words
from ml.shop.sources.demo.options import Options
from ml.shop.sources.demo.truth import CATEGORY_TRAIT, COMPLEMENT, PRODUCT_TASTE, PRODUCT_TRAIT

ASPECTS = ("delivery", "size", "quality", "price", "service", "packaging")
REPEAT_PROBABILITY = 0.62
NOVELTY_FLOOR = 0.25


@dataclass(frozen=True)
class Categories:
    """Per category; ``complements`` are triples (category, complement, probability)."""

    names: list[str]
    repeat_days: Floats
    repeat_probability: Floats
    peak: Floats
    strength: Floats
    sized: Bools
    price: Floats
    season: Floats
    """(categories, 366): the factor of each day of the year, at most 1."""
    complements: list[tuple[int, int, float]]


@dataclass(frozen=True)
class Catalogue:
    """Per product, unless said otherwise."""

    categories: Categories
    category: Ints
    brand: Ints
    noun: Ints
    adjective: Ints
    price: Floats
    appeal: Floats
    sold_from: Ints
    sold_until: Ints
    half_life_days: Floats
    quality: Floats
    return_probability: Floats
    weak_aspect: Ints
    taste: Floats
    """φ, (clusters, products), rows sum to 1."""
    flat: Floats
    """Row k holds k + the running sum of ``taste[k]``, all rows after each other: one sorted array to search in."""

    @property
    def products(self) -> int:
        """Number of products."""
        return len(self.category)

    @property
    def clusters(self) -> int:
        """Number of taste clusters."""
        return len(self.taste)

    def available(self, product: Ints, t: Ints) -> Floats:
        """a(p, t) in [0, 1]: sold at all · season of the category · novelty."""
        sold = (self.sold_from[product] <= t) & (t < self.sold_until[product])
        day = ((t / DAY_S) % 365.25).astype(np.int64)
        age = np.maximum(t - self.sold_from[product], 0) / DAY_S
        wear = np.where(self.half_life_days[product] > 0, age / np.maximum(self.half_life_days[product], 1), 0)
        novelty = NOVELTY_FLOOR + (1 - NOVELTY_FLOOR) * np.exp2(-wear)
        return np.asarray(sold * self.categories.season[self.category[product], day] * novelty)


def categories() -> Categories:
    """The categories of the vocabulary."""
    listed = words("catalogue")["categories"]
    names = [c["name"] for c in listed]
    peak = np.array([float(c.get("peak", 0)) for c in listed])
    strength = np.array([float(c.get("strength", 0)) for c in listed])
    wave = (0.5 + 0.5 * np.cos(2 * np.pi * (np.arange(366) - peak[:, None]) / 365.25)) ** 2
    repeat = np.array([float(c.get("repeat_days", 0)) for c in listed])
    return Categories(
        names,
        repeat,
        np.where(repeat > 0, REPEAT_PROBABILITY, 0.0),
        peak,
        strength,
        np.array([bool(c.get("size")) for c in listed]),
        np.array([float(c["price"]) for c in listed]),
        1 - strength[:, None] + strength[:, None] * wave,
        [(i, names.index(to), p) for i, c in enumerate(listed) for to, p in c.get("complements", {}).items()],
    )


def catalogue(options: Options) -> Catalogue:
    """Make the products. Their number grows with the customers: 400 for 2,000, about 50,000 for 1,000,000."""
    rng, kinds = options.rng("catalogue"), categories()
    size = options.customers / 2000
    n, clusters = max(120, round(400 * size**0.78)), int(np.clip(round(12 * size ** (1 / 3)), 8, 64))
    category = rng.permutation(np.arange(n) % len(kinds.names))
    vocabulary = words("catalogue")
    brand = _brands(rng, category, len(vocabulary["brands"]))
    level = rng.normal(0, 0.45, n)
    appeal = (1.0 + rng.permutation(n)) ** -0.8
    sold_from = np.where(
        rng.random(n) < 0.6,
        options.start - rng.integers(1, 3 * 365 * DAY_S, n),
        options.start + rng.integers(0, options.days * DAY_S, n),
    )
    discontinued = (rng.random(n) < 0.12) & (sold_from < options.stop - 60 * DAY_S)
    earliest = np.maximum(sold_from, options.start) + 30 * DAY_S
    until = earliest + (rng.random(n) * np.maximum(options.stop - earliest, 1)).astype(np.int64)
    wears = (rng.random(n) < 0.4) & (kinds.repeat_days[category] == 0)
    sized = kinds.sized[category]
    quality = rng.normal(0.9, 0.7, n)
    weak = np.where(sized & (rng.random(n) < 0.5), ASPECTS.index("size"), rng.integers(0, len(ASPECTS), n))
    weak = np.where(rng.random(n) < 0.35, weak, -1)
    taste = _taste(rng, category, brand, level, appeal, clusters)
    running = np.cumsum(taste, axis=1)
    return Catalogue(
        kinds,
        category,
        brand,
        rng.integers(0, 4, n),
        rng.integers(0, len(vocabulary["adjectives"]), n),
        np.maximum(np.round(kinds.price[category] * np.exp(level)), 2) - 0.05,
        appeal,
        sold_from,
        np.where(discontinued, until, options.stop + 3650 * DAY_S),
        np.where(wears, rng.uniform(60, 240, n), 0.0),
        quality,
        np.clip(0.02 + 0.08 * sized + 0.04 * (weak == 1) - 0.03 * np.minimum(quality, 0), 0.01, 0.4),
        weak,
        taste,
        (running / running[:, -1:] + np.arange(clusters)[:, None]).ravel(),
    )


def _brands(rng: np.random.Generator, category: Ints, brands: int) -> Ints:
    """Each category has twelve brands, the first of them on more products."""
    offered = np.stack([rng.permutation(brands)[:12] for _ in range(int(category.max()) + 1)])
    return np.asarray(offered[category, np.minimum(rng.geometric(0.18, len(category)) - 1, 11)])


def _taste(
    rng: np.random.Generator, category: Ints, brand: Ints, level: Floats, appeal: Floats, clusters: int
) -> Floats:
    """φ_kp = share of the category in k · appeal · brand · price level · style, the last known from behaviour only."""
    n, kinds = len(category), int(category.max()) + 1
    share = rng.dirichlet(np.full(kinds, 0.12), clusters) + 0.001
    share /= np.sqrt(share.mean(axis=0))  # or one category in which few clusters meet makes a sixth of the sales
    style = rng.normal(0, 0.9, (clusters, n))
    liked = rng.normal(0, 0.7, (clusters, int(brand.max()) + 1))[:, brand]
    away = ((level - rng.normal(0, 0.4, clusters)[:, None]) / 0.6) ** 2 / 2
    within = appeal * np.exp(style + liked - away)
    totals = np.stack([np.bincount(category, row, kinds) for row in within])
    taste = share[:, category] * within / totals[:, category]
    return np.asarray(taste / taste.sum(axis=1, keepdims=True))


def product_ids(product: Ints, where: Bools | None = None) -> pa.Array:
    """``P`` and a number."""
    return col.ids("P", product, where)


def titles(shop: Catalogue) -> pa.Array:
    """Adjective, brand and noun; a number after it where another product has the same."""
    listed = words("catalogue")
    nouns = [noun for c in listed["categories"] for noun in c["nouns"]]
    code = ((shop.category * 4 + shop.noun) * 64 + shop.brand) * 64 + shop.adjective
    order = np.argsort(code, kind="stable")
    first = np.r_[True, code[order][1:] != code[order][:-1]]
    repeat = np.empty(len(code), np.int64)
    repeat[order] = np.arange(len(code)) - np.maximum.accumulate(np.where(first, np.arange(len(code)), 0))
    suffix = pc.if_else(
        pa.array(repeat > 0), pc.binary_join_element_wise("", pa.array(repeat + 1).cast(pa.string()), " "), ""
    )
    named = col.join(
        col.pick(listed["adjectives"], shop.adjective),
        col.pick(listed["brands"], shop.brand),
        col.pick(nouns, shop.category * 4 + shop.noun),
        by=" ",
    )
    return col.join(named, suffix)


def product_table(shop: Catalogue, options: Options) -> Rows:
    """The contract table ``product``."""
    rng, every = options.rng("product"), np.arange(shop.products)
    listed = words("catalogue")
    text = col.pick(listed["descriptions"], rng.integers(0, len(listed["descriptions"]), shop.products))
    kind = col.pick(shop.categories.names, shop.category)
    brand = col.pick(listed["brands"], shop.brand)
    return col.rows(
        PRODUCT,
        product_id=product_ids(every),
        title=titles(shop),
        description=col.join(text, col.join("From the range of", brand, by=" "), col.join("for", kind, by=" "), by=" "),
        category=kind,
        brand=col.pick(listed["brands"], shop.brand, rng.random(shop.products) > 0.01),
        price=shop.price,
        active=shop.sold_until > options.stop,
        listed_at=col.times(shop.sold_from),
    )


def truth_tables(shop: Catalogue) -> Iterator[Rows]:
    """What is planted in the products and categories."""
    cluster, product = np.divmod(np.arange(shop.taste.size), shop.products)
    yield col.rows(PRODUCT_TASTE, cluster=cluster, product_id=product_ids(product), weight=shop.taste.ravel())
    yield col.rows(
        PRODUCT_TRAIT,
        product_id=product_ids(np.arange(shop.products)),
        appeal=shop.appeal,
        sold_from=col.times(shop.sold_from),
        sold_until=col.times(shop.sold_until),
        half_life_days=shop.half_life_days,
        quality=shop.quality,
        return_probability=shop.return_probability,
        weak_aspect=col.pick(["", *ASPECTS], shop.weak_aspect + 1),
    )
    kinds = shop.categories
    yield col.rows(
        CATEGORY_TRAIT,
        category=kinds.names,
        repeat_days=kinds.repeat_days,
        repeat_probability=kinds.repeat_probability,
        season_peak_day=kinds.peak,
        season_strength=kinds.strength,
    )
    first, along, probability = zip(*kinds.complements, strict=True)
    yield col.rows(
        COMPLEMENT,
        category=col.pick(kinds.names, np.array(first)),
        complement=col.pick(kinds.names, np.array(along)),
        probability=np.array(probability),
    )

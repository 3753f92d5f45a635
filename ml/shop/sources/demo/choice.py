"""How a customer picks a product: the one place where taste becomes behaviour.

A pick of customer u at time t is drawn from::

    P(p | u, t) = A(u, p) a(p, t) / Σ_q A(u, q) a(q, t),     A(u, p) = Σ_k θ_uk φ_kp

with θ in ``demo_truth.customer_taste``, φ in ``demo_truth.product_taste`` and a(p, t) = sold · season · novelty from
``demo_truth.product_trait`` and ``category_trait``::

    sold    = 1 if sold_from <= t < sold_until else 0
    season  = 1 - s + s (1/2 + 1/2 cos(2π (day of year - peak) / 365.25))²,   s = season_strength
    novelty = 1/4 + 3/4 · 2^(-age in days / half_life_days), or 1 where half_life_days is 0

where day of year = ⌊days since 1970 mod 365.25⌋. Drawn by rejection: p from A, kept with probability a(p, t).

An order starts with a pick, or with a repeat purchase (``demo_truth.repeat_purchase``: the next one after a lognormal
time with median ``interval_days`` and σ = 0.2, with probability ``repeat_probability`` after each). Further picks join it; one that the customer already bought is
drawn again, once, unless its category has repeats. Then come the complements of what is in the order.
"""

from __future__ import annotations

import numpy as np

from ml.shop.sources.demo.catalogue import Catalogue
from ml.shop.sources.demo.columns import Floats, Ints


def pick(rng: np.random.Generator, shop: Catalogue, cluster: Ints, weight: Floats, t: Ints) -> Ints:
    """Draw a product for each row.

    Parameters
    ----------
    cluster, weight : (rows, 3)
        The customer's taste θ: its clusters and their weights.
    t : (rows,)
        When, in seconds.
    """
    product = np.zeros(len(t), np.int64)
    left = np.arange(len(t))
    edge = np.cumsum(weight, axis=1)
    while left.size:
        which = (rng.random(left.size)[:, None] >= edge[left, :2]).sum(axis=1)
        drawn = cluster[left, which]
        found = np.searchsorted(shop.flat, drawn + rng.random(left.size), side="right") - drawn * shop.products
        found = np.clip(found, 0, shop.products - 1)
        kept = rng.random(left.size) < shop.available(found, t[left])
        product[left[kept]] = found[kept]
        left = left[~kept]
    return product


def complements(rng: np.random.Generator, shop: Catalogue, first: Ints, t: Ints) -> tuple[Ints, Ints]:
    """Draw what is bought along with ``first``: rows and products, by the planted probabilities.

    Within the complement's category the product is drawn by appeal; one that is not for sale at the time is not
    bought.
    """
    rows, products = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for category, along, probability in shop.categories.complements:
        row = np.flatnonzero((shop.category[first] == category) & (rng.random(len(first)) < probability))
        offered = np.flatnonzero(shop.category == along)
        if row.size == 0:
            continue
        running = np.cumsum(shop.appeal[offered])
        drawn = offered[np.searchsorted(running / running[-1], rng.random(row.size), side="right")]
        kept = shop.available(drawn, t[row]) > 0
        rows.append(row[kept])
        products.append(drawn[kept])
    return np.concatenate(rows), np.concatenate(products)

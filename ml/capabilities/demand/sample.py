"""A small shop with weekdays, a season that returns, trends, a new product, days without stock and two surprises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from ml.core.sample import Sample

AS_OF = datetime(2025, 6, 2, tzinfo=UTC)
PRODUCTS, HISTORY = 36, 440
CATEGORIES = ("garden", "kitchen", "toys")
WEEKDAY = np.array([0.6, 0.7, 0.8, 1.0, 1.3, 1.7, 0.9])
"""Monday to Sunday."""
ABOVE, BELOW, NEW, EMPTY = 5, 7, 10, 13
"""Products that sell ten times as much in the last week, nothing in it, are 12 days old, and were out of stock."""


def sample(seed: int) -> Sample:
    """Sales of 36 products: the garden's season rises towards July, half of the kitchen grows, the toys fade."""
    rng = np.random.default_rng(seed)
    day = np.arange(HISTORY)
    date = [AS_OF - timedelta(days=HISTORY - int(d)) for d in day]
    weekday = WEEKDAY[[d.weekday() for d in date]]
    season = 1 + 0.9 * np.cos(2 * np.pi * (np.array([d.timetuple().tm_yday for d in date]) - 205) / 365.25)
    kind = np.arange(PRODUCTS) % 3
    rate = rng.uniform(3, 12, PRODUCTS)[:, None] * weekday
    rate[kind == 0] *= season
    rate[kind == 1] *= 1 + 1.5 * day / HISTORY
    rate[kind == 2] *= np.exp(-1.5 * day / HISTORY)
    rate[ABOVE, -7:] *= 10
    rate[BELOW, -7:] = 0
    rate[NEW, :-12] = 0
    rate[EMPTY, -60:-46] = 0
    pieces = rng.poisson(rate)
    product, when = np.nonzero(pieces)
    ids = np.array([f"p{p:02d}" for p in range(PRODUCTS)])
    orders = [f"o{i:06d}" for i in range(len(product))]
    moments = [date[d] + timedelta(hours=12) for d in when]
    price = 5.0 + np.arange(PRODUCTS)
    listed = [None if p != NEW else AS_OF - timedelta(days=12) for p in range(PRODUCTS)]
    counted = [AS_OF - timedelta(days=d, hours=1) for d in (200, 60, 46)]
    stamp = pa.timestamp("us", "UTC")
    return Sample(
        {
            "product": pa.table({
                "product_id": ids, "title": [f"{CATEGORIES[k]} no {p}" for p, k in enumerate(kind)],
                "category": [CATEGORIES[k] for k in kind], "price": price, "listed_at": pa.array(listed, stamp),
            }),
            "order": pa.table({
                "order_id": orders, "ordered_at": pa.array(moments, stamp),
                "status": ["cancelled" if i % 200 == 0 else "paid" for i in range(len(orders))],
            }),
            "order_item": pa.table({
                "order_id": orders, "line_no": [1] * len(orders), "product_id": ids[product],
                "quantity": pieces[product, when].astype(float), "unit_price": price[product],
            }),
            "stock": pa.table({
                "product_id": [ids[EMPTY]] * 3, "counted_at": pa.array(counted, stamp), "quantity": [50.0, 0.0, 80.0],
            }),
        },
        AS_OF,
    )  # fmt: skip

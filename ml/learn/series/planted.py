"""Sales with a known truth, for the samples of capabilities that forecast: weekdays, a season that returns, trends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

CATEGORIES = ("garden", "kitchen", "toys")
WEEKDAY = np.array([0.6, 0.7, 0.8, 1.0, 1.3, 1.7, 0.9])
"""Monday to Sunday."""
STAMP = pa.timestamp("us", "UTC")
Floats = npt.NDArray[np.float64]


def shop(
    rng: np.random.Generator, as_of: datetime, products: int, days: int, plant: Callable[[Floats], None]
) -> dict[str, pa.Table]:
    """The tables ``product``, ``order`` and ``order_item`` of the ``days`` before ``as_of``.

    The garden's season rises towards July, the kitchen grows, the toys fade; ``plant`` may change the expected pieces by
    product and day, (products, days), before they are drawn.
    """
    day = np.arange(days)
    date = [as_of - timedelta(days=days - int(d)) for d in day]
    season = 1 + 0.9 * np.cos(2 * np.pi * (np.array([d.timetuple().tm_yday for d in date]) - 205) / 365.25)
    kind = np.arange(products) % 3
    rate = rng.uniform(3, 12, products)[:, None] * WEEKDAY[[d.weekday() for d in date]]
    rate[kind == 0] *= season
    rate[kind == 1] *= 1 + 1.5 * day / days
    rate[kind == 2] *= np.exp(-1.5 * day / days)
    plant(rate)
    pieces = rng.poisson(rate)
    product, when = np.nonzero(pieces)
    ids = np.array([f"p{p:02d}" for p in range(products)])
    orders = [f"o{i:06d}" for i in range(len(product))]
    price = 5.0 + np.arange(products)
    return {
        "product": pa.table(
            {
                "product_id": ids,
                "title": [f"{CATEGORIES[k]} no {p}" for p, k in enumerate(kind)],
                "category": [CATEGORIES[k] for k in kind],
                "price": price,
            }
        ),
        "order": pa.table(
            {
                "order_id": orders,
                "ordered_at": pa.array([date[d] + timedelta(hours=12) for d in when], STAMP),
                "status": ["cancelled" if i % 200 == 0 else "paid" for i in range(len(orders))],
            }
        ),
        "order_item": pa.table(
            {
                "order_id": orders,
                "line_no": [1] * len(orders),
                "product_id": ids[product],
                "quantity": pieces[product, when].astype(float),
                "unit_price": price[product],
            }
        ),
    }

"""Logs of a few lines, written as they are thought of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ml.learn.purchases import Log, log

DAY = 86_400
NOW = 20_000 * DAY

Line = tuple[int, int, int, float]
"""Customer, product, order, days before the night."""


def small_log(
    lines: Sequence[Line],
    titles: Sequence[str],
    *,
    customers: int | None = None,
    category: Sequence[str] | None = None,
    brand: Sequence[str] | None = None,
    price: Sequence[float | None] | None = None,
    listed_days_ago: Sequence[float | None] | None = None,
    ids: Sequence[str] | None = None,
) -> Log:
    """Make a log that is known at ``NOW``."""
    m = len(titles)
    who, what, order, ago = (np.array(c) for c in zip(*lines, strict=True)) if lines else (np.empty(0, np.int64),) * 4
    n = customers if customers is not None else int(who.max(initial=-1)) + 1
    listed = [None if d is None else NOW - round(d * DAY) for d in listed_days_ago or [None] * m]
    features = {
        "customer": pa.table({"customer_no": pa.array(range(n), pa.int32()), "segment": [""] * n}),
        "product": pa.table(
            {
                "product_no": pa.array(range(m), pa.int32()),
                "product_id": list(ids or [f"p{i:03d}" for i in range(m)]),
                "title": list(titles),
                "category": list(category or [""] * m),
                "brand": list(brand or [""] * m),
                "description": [""] * m,
                "price": pa.array(price or [None] * m, pa.float32()),
                "listed_at": pa.array(listed, pa.int64()),
            }
        ),
        "purchase": pa.table(
            {
                "customer_no": who.astype(np.int32),
                "product_no": what.astype(np.int32),
                "order_no": order.astype(np.int32),
                "at": (NOW - np.asarray(ago, float) * DAY).astype(np.int64),
                "quantity": np.ones(len(who), np.float32),
                "price": np.ones(len(who), np.float32),
            }
        ),
    }
    return log(features, NOW)


def random_log(seed: int, customers: int, products: int, lines: int) -> Log:
    """Words, categories, brands, prices and lines by lot; some of each are missing."""
    rng = np.random.default_rng(seed)
    words = np.array(["red", "blue", "tea", "cup", "lamp", "oak", "small", "old", "garden", "set"])
    titles = [" ".join(rng.choice(words, rng.integers(0, 4))) for _ in range(products)]
    drawn = [
        (int(rng.integers(customers)), int(rng.integers(products)), i // 2, float(rng.integers(1, 200)))
        for i in range(lines)
    ]
    return small_log(
        drawn,
        titles,
        customers=customers,
        category=[str(rng.choice(["", "a", "b"])) for _ in titles],
        brand=[str(rng.choice(["", "x", "y"])) for _ in titles],
        price=[None if rng.random() < 0.2 else float(rng.lognormal(1, 1)) for _ in titles],
        listed_days_ago=[None if rng.random() < 0.5 else float(rng.integers(0, 60)) for _ in titles],
    )

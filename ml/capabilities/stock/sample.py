"""A small shop whose demand changes with the season, with stock, suppliers and orders on their way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from ml.core.sample import Sample
from ml.learn.series.planted import STAMP, shop

AS_OF = datetime(2025, 6, 2, tzinfo=UTC)
PRODUCTS, HISTORY = 30, 300
EMPTY, FULL, LATE, NEGATIVE = 0, 1, 2, 3
"""Products with nothing in stock, with far too much, with an order that is weeks late, and with a count below nothing."""
SLOW = "Slowly Ltd"
"""The supplier whose orders took 20 days of late, not the 7 that it states: of every fifth product."""


def sample(seed: int) -> Sample:
    """Sales of 30 products; counts and purchase orders as the shop knew them at each time."""
    rng = np.random.default_rng(seed)
    tables = shop(rng, AS_OF, PRODUCTS, HISTORY, lambda _: None)
    ids = tables["product"]["product_id"].to_pylist()
    quantity = rng.integers(20, 120, PRODUCTS).astype(float)
    quantity[[EMPTY, FULL, NEGATIVE]] = 0, 9_000, -5
    counted = [AS_OF - timedelta(days=d) for d in (40, 1)]
    supplier = [SLOW if p % 5 == 4 else "Promptly Inc" for p in range(PRODUCTS)]
    ages = [(p, d) for p in range(PRODUCTS) for d in (90, 60, 44, 42, 40, 38)]
    took = [20.0 if supplier[p] == SLOW and d < 50 else 7.0 for p, d in ages]
    placed = [AS_OF - timedelta(days=d) for _, d in ages]
    return Sample(
        tables
        | {
            "stock": pa.table(
                {
                    "product_id": ids * 2,
                    "counted_at": pa.array(np.repeat(np.array(counted, object), PRODUCTS).tolist(), STAMP),
                    "quantity": np.tile(quantity, 2),
                }
            ),
            "supply": pa.table(
                {
                    "product_id": ids,
                    "supplier": supplier,
                    "lead_days": [400.0 if p == 6 else 7.0 for p in range(PRODUCTS)],
                    "lead_spread_days": [1.0] * PRODUCTS,
                    "pack_size": [6.0] * PRODUCTS,
                    "cost": (tables["product"]["price"].to_numpy() * 0.6).tolist(),
                    "shelf_life_days": [30.0 if p % 7 == 0 else None for p in range(PRODUCTS)],
                }
            ),
            "purchase_order": pa.table(
                {
                    "purchase_order_id": [f"b{i:03d}" for i in range(len(ages))] + ["late"],
                    "product_id": [ids[p] for p, _ in ages] + [ids[LATE]],
                    "supplier": [supplier[p] for p, _ in ages] + [supplier[LATE]],
                    "quantity": [30.0] * len(ages) + [500.0],
                    "placed_at": pa.array([*placed, AS_OF - timedelta(days=80)], STAMP),
                    "expected_at": pa.array(
                        [at + timedelta(days=7) for at in placed] + [AS_OF - timedelta(days=73)], STAMP
                    ),
                    "arrived_at": pa.array(
                        [at + timedelta(days=t) for at, t in zip(placed, took, strict=True)] + [None], STAMP
                    ),
                }
            ),
        },
        AS_OF,
    )

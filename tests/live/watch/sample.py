"""A small shop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from ml.core.sample import Sample

AS_OF = datetime(2025, 3, 1, tzinfo=UTC)


def sample(seed):
    """300 orders of 20 customers and some guests, in bursts."""
    rng, n = np.random.default_rng(seed), 300
    days = rng.integers(0, 60, n) + rng.integers(0, 24, n) / 24
    orders = [f"o{number}" for number in range(n)]
    buyers = [None if number < 0 else f"c{number}" for number in rng.integers(-1, 20, n)]
    lines = [(order, line) for order in orders for line in range(int(rng.integers(1, 4)))]
    return Sample(
        {
            "customer": pa.table({"customer_id": [f"c{number}" for number in range(20)]}),
            "product": pa.table({"product_id": ["p1"]}),
            "order": pa.table(
                {
                    "order_id": orders,
                    "customer_id": pa.array(buyers, pa.string()),
                    "ordered_at": pa.array([AS_OF - timedelta(days=float(60.5 - d)) for d in days]).cast(
                        pa.timestamp("us", "UTC")
                    ),
                    "status": ["cancelled" if number % 9 == 0 else "paid" for number in range(n)],
                }
            ),
            "order_item": pa.table(
                {
                    "order_id": [order for order, _ in lines],
                    "line_no": [line for _, line in lines],
                    "product_id": ["p1"] * len(lines),
                    "quantity": rng.integers(1, 5, len(lines)).astype(float),
                    "unit_price": [2.0] * len(lines),
                }
            ),
            "payment": pa.table(
                {"payment_id": orders, "order_id": orders, "method": ["card"] * n, "amount": rng.random(n)}
            ),
        },
        AS_OF,
    )

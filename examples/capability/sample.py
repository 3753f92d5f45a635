"""A small shop in which some customers order every week and the others have long stopped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from ml.core.sample import Sample

AS_OF = datetime(2025, 3, 1, tzinfo=UTC)
REGULARS, LAPSED = 40, 60
WEEKS = 20


def sample(seed: int) -> Sample:
    """Orders of 40 regular customers, one a week, and of 60 who ordered twice, long ago."""
    rng = np.random.default_rng(seed)
    ages = [
        (f"r{customer:02d}", 7.0 * week + rng.uniform(0.2, 6.8))
        for customer in range(REGULARS)
        for week in range(WEEKS)
    ]
    ages += [(f"l{customer:02d}", rng.uniform(90, 140)) for customer in range(LAPSED) for _ in range(2)]
    orders = [f"o{number:04d}" for number in range(len(ages))]
    placed = pa.array([AS_OF - timedelta(days=float(age)) for _, age in ages], pa.timestamp("us", "UTC"))
    customers = sorted({customer for customer, _ in ages})
    return Sample(
        {
            "customer": pa.table({"customer_id": customers}),
            "product": pa.table({"product_id": ["p1"]}),
            "order": pa.table(
                {
                    "order_id": orders,
                    "customer_id": [customer for customer, _ in ages],
                    "ordered_at": placed,
                    "status": ["cancelled" if number % 50 == 0 else "paid" for number in range(len(orders))],
                }
            ),
            "order_item": pa.table(
                {
                    "order_id": orders,
                    "line_no": [1] * len(orders),
                    "product_id": ["p1"] * len(orders),
                    "quantity": [1.0] * len(orders),
                    "unit_price": [10.0] * len(orders),
                }
            ),
        },
        AS_OF,
    )

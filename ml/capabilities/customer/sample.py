"""A small shop whose customers order now and then, and look at products as long as they are there: who has left looks at none."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from ml.core.sample import Sample
from ml.core.units import DAY_S

AS_OF = datetime(2025, 6, 1, tzinfo=UTC)
CUSTOMERS = 360
DAYS = 560
EVERY = (25.0, 100.0)
"""Days between two orders of a customer, on average: from, to."""
STAYS = 260.0
"""Days after which a customer leaves, on average."""
LOOKS = 9.0
"""Days between two products looked at."""
CATEGORIES = ("lamps", "chairs", "tables", "rugs")


def sample(seed: int) -> Sample:
    """Orders and views of customers who come over the first 400 days and leave after a time that only their views tell."""
    rng = np.random.default_rng(seed)
    comes = rng.uniform(0, 400, CUSTOMERS)
    leaves = np.minimum(comes + rng.exponential(STAYS, CUSTOMERS), DAYS)
    every = rng.uniform(*EVERY, CUSTOMERS)
    ordered = [_times(rng, comes[c], leaves[c], every[c]) for c in range(CUSTOMERS)]
    looked = [_times(rng, comes[c], leaves[c], LOOKS) for c in range(CUSTOMERS)]
    who = np.repeat(np.arange(CUSTOMERS), [len(times) for times in ordered])
    at = np.concatenate(ordered)
    n = len(at)
    product = rng.integers(0, 12, n)
    price = np.round(10 + 5 * (product % 4) * rng.lognormal(0, 0.3, n) + 4 * (who % 5), 2)
    looker = np.repeat(np.arange(CUSTOMERS), [len(times) for times in looked])
    seen = np.concatenate(looked)
    order_id = [f"o{number:05d}" for number in range(n)]
    return Sample(
        {
            "customer": pa.table(
                {
                    "customer_id": _names(np.arange(CUSTOMERS)),
                    "registered_at": _when(comes),
                    "country": [("DE", "FR")[c % 2] for c in range(CUSTOMERS)],
                }
            ),
            "product": pa.table(
                {
                    "product_id": [f"p{p}" for p in range(12)],
                    "category": [CATEGORIES[p % 4] for p in range(12)],
                }
            ),
            "order": pa.table(
                {
                    "order_id": order_id,
                    "customer_id": _names(who),
                    "ordered_at": _when(at),
                    "status": ["cancelled" if number % 60 == 0 else "paid" for number in range(n)],
                    "channel": [("web", "app", "store")[c % 3] for c in who],
                }
            ),
            "order_item": pa.table(
                {
                    "order_id": order_id,
                    "line_no": [1] * n,
                    "product_id": [f"p{p}" for p in product],
                    "quantity": [1.0] * n,
                    "unit_price": price,
                }
            ),
            "event": pa.table(
                {
                    "event_id": [f"e{number:05d}" for number in range(len(seen))],
                    "customer_id": _names(looker),
                    "product_id": ["p1"] * len(seen),
                    "kind": ["view"] * len(seen),
                    "occurred_at": _when(seen),
                }
            ),
        },
        AS_OF,
    )


def _times(rng: np.random.Generator, start: float, end: float, every: float) -> np.ndarray:
    """``start``, and further days until ``end``."""
    steps = start + np.cumsum(rng.exponential(every, int(4 * DAYS / every) + 4))
    return np.append(start, steps[steps < end])


def _names(numbers: np.ndarray) -> list[str]:
    return [f"c{number:04d}" for number in numbers]


def _when(days: np.ndarray) -> pa.Array:
    """Days after the shop opened."""
    start = AS_OF.timestamp() - DAYS * DAY_S
    return pa.array(((start + days * DAY_S) * 1_000_000).astype(np.int64)).cast(pa.timestamp("us", "UTC"))

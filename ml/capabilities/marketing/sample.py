"""A small shop with six campaigns: the message moves who bought once, drives away who buys much, and leaves the rest as they are."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from ml.core.sample import Sample
from ml.core.units import DAY_S

AS_OF = datetime(2025, 6, 1, tzinfo=UTC)
CUSTOMERS = 500
DAYS = 760
CAMPAIGNS = (700, 560, 420, 280, 150, 90, 40)
"""Days ago at which each was sent."""
MOVED, ANNOYED = 0.45, -0.2
ANYWAY = 0.3


def sample(seed: int) -> Sample:
    """Orders of customers who buy once, now and then, or often; campaigns to half of them, and what the message does."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, CUSTOMERS)
    often = np.array([1, 4, 16])[kind]
    who = np.repeat(np.arange(CUSTOMERS), often)
    age = rng.uniform(710, 755, len(who))
    later = np.arange(len(who)) % 2 == 1
    age[later & (kind[who] > 0)] = rng.uniform(1, 700, int((later & (kind[who] > 0)).sum()))
    mails = [_campaign(rng, number, days, kind) for number, days in enumerate(CAMPAIGNS, 1)]
    mail = {name: np.concatenate([each[name] for each in mails]) for name in mails[0]}
    came = mail["age"] - 1.0
    ordered = mail["visited"] & (rng.random(len(came)) < 0.5)
    who, age = np.r_[who, mail["who"][ordered]], np.r_[age, came[ordered] - 0.1]
    n = len(who)
    order_id = [f"o{number:05d}" for number in range(n)]
    visited = pa.array(_stamps(came), pa.timestamp("us", "UTC"), mask=~mail["visited"])
    used = np.flatnonzero(rng.random(n) < 0.1)
    return Sample(
        {
            "customer": pa.table(
                {
                    "customer_id": _names(np.arange(CUSTOMERS)),
                    "registered_at": _when(np.full(CUSTOMERS, DAYS - 1.0)),
                    "country": [("DE", "FR")[c % 2] for c in range(CUSTOMERS)],
                    "accepts_marketing": [c % 5 > 0 for c in range(CUSTOMERS)],
                }
            ),
            "product": pa.table({"product_id": ["p1", "p2"], "category": ["lamps", "rugs"]}),
            "order": pa.table(
                {
                    "order_id": order_id,
                    "customer_id": _names(who),
                    "ordered_at": _when(age),
                    "status": ["paid"] * n,
                }
            ),
            "order_item": pa.table(
                {
                    "order_id": order_id,
                    "line_no": [1] * n,
                    "product_id": [("p1", "p2")[c % 2] for c in who],
                    "quantity": [1.0] * n,
                    "unit_price": np.round(20 + 10 * rng.random(n), 2),
                }
            ),
            "campaign": pa.table(
                {
                    "campaign_id": [f"m{number}" for number in mail["number"]],
                    "customer_id": _names(mail["who"]),
                    "arm": [("control", "email")[int(t)] for t in mail["treated"]],
                    "sent_at": _when(mail["age"]),
                    "visited_at": visited,
                }
            ),
            "coupon": pa.table(
                {
                    "coupon_id": [f"k{number}" for number in used],
                    "order_id": [order_id[number] for number in used],
                    "code": ["TEN"] * len(used),
                    "discount": [2.0] * len(used),
                }
            ),
        },
        AS_OF,
    )


def _campaign(rng: np.random.Generator, number: int, days: float, kind: np.ndarray) -> dict[str, np.ndarray]:
    who = np.flatnonzero(rng.random(len(kind)) < 0.6)
    treated = rng.random(len(who)) < 0.5
    change = np.array([MOVED, 0.0, ANNOYED])[kind[who]]
    visited = rng.random(len(who)) < ANYWAY + treated * change
    full = np.full(len(who), float(days))
    return {"who": who, "treated": treated, "visited": visited, "age": full, "number": np.full(len(who), number)}


def _names(numbers: np.ndarray) -> list[str]:
    return [f"c{number:04d}" for number in numbers]


def _stamps(age: np.ndarray) -> np.ndarray:
    return ((AS_OF.timestamp() - age * DAY_S) * 1_000_000).astype(np.int64)


def _when(age: np.ndarray) -> pa.Array:
    """Days ago as timestamps."""
    return pa.array(_stamps(age)).cast(pa.timestamp("us", "UTC"))

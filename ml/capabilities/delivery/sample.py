"""Parcels of three carriers, one of which slows down, to near and far."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from ml.core.sample import Sample

AS_OF = datetime(2025, 6, 2, tzinfo=UTC)
ORDERS, DAYS = 2_400, 200
CARRIERS, PLACES = ("Swift", "Parcelway", "Northpost"), ("near", "far")
SLOWS_DAYS = 70
"""Swift takes four days longer from so long before the end on."""
_STAMP = pa.timestamp("us", "UTC")


def sample(seed: int) -> Sample:
    """Orders of 200 days: two to nine days, more on Fridays; the times that lie after the end are not known."""
    rng = np.random.default_rng(seed)
    age = np.sort(rng.uniform(0.2, DAYS, ORDERS))[::-1]
    placed = [AS_OF - timedelta(days=float(a)) for a in age]
    carrier, place = rng.integers(0, 3, ORDERS), rng.integers(0, 2, ORDERS)
    friday = np.array([at.weekday() >= 4 for at in placed])
    took = 2 + carrier * 1.2 + place * 2.5 + friday * 1.5 + rng.gamma(2, 0.4, ORDERS)
    took += np.where((carrier == 0) & (age < SLOWS_DAYS), 4, 0)
    delivered = [at + timedelta(days=float(t)) for at, t in zip(placed, took, strict=True)]
    ids = [f"o{i:05d}" for i in range(ORDERS)]
    people = [f"c{i % 60:02d}" for i in range(ORDERS)]
    there = [at if at < AS_OF else None for at in delivered]
    return Sample(
        {
            "order": pa.table(
                {
                    "order_id": ids,
                    "customer_id": people,
                    "ordered_at": pa.array(placed, _STAMP),
                    "status": ["paid"] * ORDERS,
                    "total": rng.uniform(10, 90, ORDERS),
                    "shipping": [4.9] * ORDERS,
                }
            ),
            "shipment": pa.table(
                {
                    "shipment_id": ids,
                    "order_id": ids,
                    "carrier": [CARRIERS[c] for c in carrier],
                    "promised_at": pa.array(
                        [at + timedelta(days=7) if i % 20 else None for i, at in enumerate(placed)], _STAMP
                    ),
                    "delivered_at": pa.array(there, _STAMP),
                    "origin": ["north"] * ORDERS,
                    "destination": [PLACES[p] for p in place],
                }
            ),
            "customer": pa.table({"customer_id": sorted(set(people))}),
            "product": pa.table({"product_id": ["p1", "p2"]}),
            "order_item": pa.table(
                {
                    "order_id": [*ids, ids[-1]],
                    "line_no": [1] * ORDERS + [2],
                    "product_id": ["p1"] * ORDERS + ["p2"],
                    "quantity": [1.0] * (ORDERS + 1),
                    "unit_price": [10.0] * (ORDERS + 1),
                }
            ),
            "stock": pa.table(
                {
                    "product_id": ["p1", "p2"],
                    "counted_at": pa.array([AS_OF - timedelta(days=1)] * 2, _STAMP),
                    "quantity": [50.0, 0.0],
                }
            ),
        },
        AS_OF,
    )

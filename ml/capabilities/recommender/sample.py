"""A small shop in which each customer has one of four tastes, each taste its own products, and some are bought again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.core.sample import Sample

AS_OF = datetime(2025, 6, 1, tzinfo=UTC)
DAYS, TASTES, CUSTOMERS, PRODUCTS, ORDERS = 150, 4, 120, 80, 1200
STAPLES = 4
"""The first products of each taste are bought again and again, the others once."""
TRENDING, TREND_DAYS = 42, 14
"""A product that most orders of its taste hold in the last days, and few before."""

_MOMENT = pa.timestamp("us", "UTC")


def sample(seed: int) -> Sample:
    """Make the shop: customer i and product i have taste ``i % 4``; nine of ten purchases follow the taste.

    Among the rows are a guest's order, a cancelled one, one that became known late, a product that is not for sale, one
    out of stock, one that nobody bought, and a customer who never came back.
    """
    rng = np.random.default_rng(seed)
    customers = np.array([f"c{i:03d}" for i in range(CUSTOMERS)])
    products = np.array([f"p{i:03d}" for i in range(PRODUCTS)])
    who = rng.integers(0, CUSTOMERS - 1, ORDERS)
    day = np.sort(rng.uniform(0, DAYS, ORDERS))
    order_ids = np.array([f"o{i:04d}" for i in range(ORDERS)])
    lines, what = _baskets(rng, who, day)
    looks = rng.integers(0, len(lines), 2 * ORDERS)
    return Sample(
        {
            "customer": pa.table(
                {
                    "customer_id": customers,
                    "registered_at": _at(rng.uniform(-30, 60, CUSTOMERS)),
                    "segment": np.where(np.arange(CUSTOMERS) % 5 == 0, "wholesale", "retail"),
                }
            ),
            "product": pa.table(
                {
                    "product_id": products,
                    "title": [f"Product {i}" if i else None for i in range(PRODUCTS)],
                    "category": [f"taste {i % TASTES}" for i in range(PRODUCTS)],
                    "active": [i != 17 for i in range(PRODUCTS)],
                    "listed_at": pa.nulls(PRODUCTS, _MOMENT),
                }
            ),
            "order": pa.table(
                {
                    "order_id": order_ids,
                    "customer_id": pa.array(customers[who], mask=np.arange(ORDERS) == 5),
                    "ordered_at": _at(day),
                    "status": np.where(np.arange(ORDERS) % 97 == 3, "cancelled", "delivered"),
                    "known_at": pa.array(_at(day + 3), mask=np.arange(ORDERS) % 50 != 7),
                }
            ),
            "order_item": pa.table(
                {
                    "order_id": order_ids[lines],
                    "line_no": np.arange(len(lines)) - np.searchsorted(lines, lines) + 1,
                    "product_id": products[what],
                    "quantity": np.ones(len(lines)),
                    "unit_price": 5.0 + what,
                }
            ),
            "event": pa.table(
                {
                    "event_id": [f"e{i:05d}" for i in range(len(looks))],
                    "customer_id": customers[who[lines[looks]]],
                    "product_id": products[what[looks]],
                    "kind": np.where(np.arange(len(looks)) % 4 == 0, "cart", "view"),
                    "occurred_at": _at(day[lines[looks]] - 0.01),
                    "known_at": pa.nulls(len(looks), _MOMENT),
                }
            ),
            "stock": pa.table(
                {
                    "product_id": products,
                    "counted_at": _at(np.full(PRODUCTS, 1.0)),
                    "quantity": np.where(np.arange(PRODUCTS) == 22, 0.0, 9.0),
                    "known_at": pa.nulls(PRODUCTS, _MOMENT),
                }
            ),
        },
        AS_OF,
    )


def _baskets(
    rng: np.random.Generator, who: npt.NDArray[np.int64], day: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Order number and product number of each line: two of the taste's staples, two of its other products or any."""
    n, per_taste = len(who), PRODUCTS // TASTES
    rank = np.concatenate([rng.integers(0, STAPLES, (n, 2)), rng.integers(STAPLES, per_taste - 1, (n, 2))], axis=1)
    what = rank * TASTES + (who % TASTES)[:, None]
    strayed = rng.random(what.shape) < 0.1
    what[strayed] = rng.integers(0, PRODUCTS - TASTES, int(strayed.sum()))
    late = np.flatnonzero((day >= DAYS - TREND_DAYS) & (who % TASTES == TRENDING % TASTES) & (rng.random(n) < 0.8))
    lines = np.concatenate([np.repeat(np.arange(n), what.shape[1]), late])
    what = np.concatenate([what.ravel(), np.full(len(late), TRENDING)])
    pairs = np.unique(np.stack([lines, what], axis=1), axis=0)
    return pairs[:, 0], pairs[:, 1]


def _at(days: npt.NDArray[np.float64]) -> pa.Array:
    """Moments ``days`` after the shop opened."""
    opened = np.datetime64((AS_OF - timedelta(days=DAYS)).replace(tzinfo=None), "us")
    return pa.array(opened + (days * 86_400e6).astype("timedelta64[us]"), pa.timestamp("us")).cast(_MOMENT)

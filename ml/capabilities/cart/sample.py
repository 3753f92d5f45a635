"""A small shop: pairs of products that go together, and to each customer a staple of the own in every order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from ml.core.sample import Sample

AS_OF = datetime(2025, 6, 1, tzinfo=UTC)
CUSTOMERS, PAIRS, STAPLES = 60, 12, 20
ORDERS, DAYS = 12, 150


def sample(seed: int) -> Sample:
    """Orders of a pair and the customer's staple; carts of which those with a staple are bought."""
    rng = np.random.default_rng(seed)
    products = [f"{side}{i:02d}" for side in "ab" for i in range(PAIRS)] + [f"s{i:02d}" for i in range(STAPLES)]
    orders, lines = [], []
    carts: list[tuple[str, str, str, datetime, str | None]] = []
    for who in range(CUSTOMERS):
        staple = f"s{rng.integers(STAPLES):02d}"
        for number in range(ORDERS):
            order, at = f"o{who:02d}{number:02d}", AS_OF - timedelta(days=float(rng.uniform(0.1, DAYS)))
            pair = int(rng.integers(PAIRS))
            orders.append((order, f"c{who:02d}", at, "cancelled" if number == 3 and who % 9 == 0 else "paid"))
            lines += [(order, n, product) for n, product in enumerate((f"a{pair:02d}", f"b{pair:02d}", staple), 1)]
            carts += [
                (f"k{order}", product, f"c{who:02d}", at - timedelta(minutes=30), order)
                for product in (f"a{pair:02d}", staple)
            ]
            left = at + timedelta(hours=float(rng.uniform(1, 200)))
            if left < AS_OF:
                carts.append((f"l{order}", f"b{int(rng.integers(PAIRS)):02d}", f"c{who:02d}", left, None))
    stamp = pa.timestamp("us", "UTC")
    events = _events(np.random.default_rng(seed + 1), [(row[1], row[2]) for row in orders])
    return Sample(
        {
            "customer": pa.table({"customer_id": [f"c{who:02d}" for who in range(CUSTOMERS)]}),
            "product": pa.table(
                {
                    "product_id": products,
                    "title": [f"Thing {product}" for product in products],
                    "category": [product[0] for product in products],
                    "price": [5.0 + i for i in range(len(products))],
                    "active": [product != "b11" for product in products],
                }
            ),
            "order": pa.table(
                {
                    "order_id": [row[0] for row in orders],
                    "customer_id": [row[1] for row in orders],
                    "ordered_at": pa.array([row[2] for row in orders], stamp),
                    "status": [row[3] for row in orders],
                }
            ),
            "order_item": pa.table(
                {
                    "order_id": [row[0] for row in lines],
                    "line_no": [row[1] for row in lines],
                    "product_id": [row[2] for row in lines],
                    "quantity": [1.0] * len(lines),
                    "unit_price": [5.0 + products.index(row[2]) for row in lines],
                }
            ),
            "cart": pa.table(
                {
                    "cart_id": [row[0] for row in carts],
                    "product_id": [row[1] for row in carts],
                    "customer_id": [row[2] for row in carts],
                    "quantity": [1.0] * len(carts),
                    "added_at": pa.array([row[3] for row in carts], stamp),
                    "order_id": pa.array([row[4] for row in carts], pa.string()),
                }
            ),
            "event": pa.table(
                {
                    "event_id": [f"e{i:05d}" for i in range(len(events))],
                    "customer_id": [row[0] for row in events],
                    "session_id": [row[1] for row in events],
                    "product_id": [row[2] for row in events],
                    "kind": [row[3] for row in events],
                    "occurred_at": pa.array([row[4] for row in events], stamp),
                }
            ),
            "stock": pa.table(
                {
                    "product_id": products,
                    "counted_at": pa.array([AS_OF - timedelta(days=2)] * len(products), stamp),
                    "quantity": [0.0 if product == "b10" else 20.0 for product in products],
                }
            ),
        },
        AS_OF,
    )


def _events(rng: np.random.Generator, orders: list[tuple[str, datetime]]) -> list[tuple[str, str, str, str, datetime]]:
    """Of each order a visit that led to it, and another, days before, that led to none.

    Whoever buys looks at one product twice and puts it in the cart; whoever does not puts one of many in it, seldom.
    """
    events = []
    for number, (who, at) in enumerate(orders):
        for buys, start in ((True, at - timedelta(minutes=20)), (False, at - timedelta(days=float(rng.uniform(1, 9))))):
            looks = (
                [int(rng.integers(PAIRS))] * 2 if buys else rng.integers(PAIRS, size=int(rng.integers(1, 6))).tolist()
            )
            kinds = ["view"] * len(looks) + ["cart"] * (buys or rng.random() < 0.1)
            things = [f"a{each:02d}" for each in [*looks, looks[-1]]]
            for step, (kind, thing) in enumerate(zip(kinds, things, strict=False)):
                events.append((who, f"v{number:04d}{int(buys)}", thing, kind, start + timedelta(minutes=3 * step)))
    return events

"""Small shops as feature tables, written as lists of orders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ml.capabilities.recommender import score
from ml.capabilities.recommender.spec import Params
from ml.capabilities.recommender.tables.tonight import Tonight
from ml.core.batches import batches
from ml.core.units import DAY_S

NIGHT = 20_000 * DAY_S
Order = tuple[str | None, float, Sequence[str]]
"""Customer or None for a guest, days before the night, products."""


def features(
    products: Sequence[str] | Mapping[str, Mapping[str, Any]],
    orders: Iterable[Order] = (),
    *,
    looks: Iterable[tuple[str, str]] = (),
    segments: Mapping[str, str] | None = None,
    customers: Sequence[str] = (),
) -> dict[str, pa.Table]:
    """Feature tables of a shop; products may have title, category, brand, price, listed (days ago), available."""
    facts = products if isinstance(products, Mapping) else {name: {} for name in products}
    names, orders, looks = list(facts), list(orders), list(looks)
    people = sorted(
        {who for who, *_ in orders if who} | {who for who, _ in looks} | set(customers) | set(segments or {})
    )
    number = {name: i for i, name in enumerate(names)} | {None: -1}
    person = {name: i for i, name in enumerate(people)} | {None: -1}
    lines = [(who, n, ago, what) for n, (who, ago, basket) in enumerate(orders) for what in basket]

    def of(name: str, default: Any) -> list[Any]:
        return [fact.get(name, default) for fact in facts.values()]

    listed = [None if ago is None else NIGHT - int(ago * DAY_S) for ago in of("listed", None)]
    return {
        "moment": pa.table({"as_of": pa.array([NIGHT], pa.int64())}),
        "customer": pa.table(
            {
                "customer_no": pa.array(range(len(people)), pa.int32()),
                "customer_id": pa.array(people, pa.string()),
                "segment": pa.array([(segments or {}).get(who, "") for who in people], pa.string()),
            }
        ),
        "product": pa.table(
            {
                "product_no": pa.array(range(len(names)), pa.int32()),
                "product_id": pa.array(names, pa.string()),
                "title": pa.array([fact.get("title", name) for name, fact in facts.items()], pa.string()),
                "category": pa.array(of("category", ""), pa.string()),
                "brand": pa.array(of("brand", ""), pa.string()),
                "description": pa.array([""] * len(names), pa.string()),
                "price": pa.array(of("price", 10.0), pa.float32()),
                "listed_at": pa.array(listed, pa.int64()),
                "available": pa.array(of("available", True), pa.bool_()),
            }
        ),
        "purchase": pa.table(
            {
                "customer_no": pa.array([person[who] for who, *_ in lines], pa.int32()),
                "product_no": pa.array([number[what] for *_, what in lines], pa.int32()),
                "order_no": pa.array([n for _, n, _, _ in lines], pa.int32()),
                "at": pa.array([NIGHT - int(ago * DAY_S) for _, _, ago, _ in lines], pa.int64()),
                "quantity": pa.array([1.0] * len(lines), pa.float32()),
                "price": pa.array([10.0] * len(lines), pa.float32()),
            }
        ),
        "look": pa.table(
            {
                "customer_no": pa.array([person[who] for who, _ in looks], pa.int32()),
                "product_no": pa.array([number[what] for _, what in looks], pa.int32()),
                "at": pa.array([NIGHT - DAY_S] * len(looks), pa.int64()),
                "weight": pa.array([0.1] * len(looks), pa.float32()),
            }
        ),
    }


def tonight(*args: Any, **options: Any) -> Tonight:
    """The shop of :func:`features` as the products see it."""
    return Tonight.of(features(*args, **options))


def table(name: str, known: Mapping[str, pa.Table], params: Params | None = None) -> list[dict[str, Any]]:
    """Rows of one published table that needs no model."""
    shop = score._Shop(known, (0, known["customer"].num_rows), params or Params())
    blocks = score._buy_again(shop) if name == "buy_again" else score._for_all(shop, name)
    published = next(table for table in score.SPEC.publishes if table.name == name)
    return pa.Table.from_batches(list(batches(published, blocks))).to_pylist()


def lists(rows: Iterable[Mapping[str, Any]], key: str, value: str) -> dict[str, list[Any]]:
    """``value`` of the rows by ``key``, in the order of rank."""
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row[key], []).append(row[value])
        assert row["rank"] == len(found[row[key]])
    return found


def random_orders(rng: np.random.Generator, products: Sequence[str], n: int) -> list[Order]:
    """``n`` orders of up to five products by ten customers and guests over a year."""
    return [
        (
            None if rng.random() < 0.2 else f"c{rng.integers(10)}",
            float(rng.uniform(0.1, 365)),
            list(rng.choice(products, rng.integers(1, 6))),
        )
        for _ in range(n)
    ]

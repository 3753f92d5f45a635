"""The table that is published: each customer's chance, and what it comes from."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from examples.capability.model import OrderSoon
from examples.capability.spec import ORDER_SOON, Params
from ml.core.batches import batches
from ml.core.capability import Rows


def units(features: Rows) -> int:
    """How many customers get a chance: all who have ordered."""
    return int(features["customer"].num_rows)


def expected(features: Rows) -> dict[str, int]:
    """How many customers should be in the table, for the audit's coverage."""
    return {ORDER_SOON.name: units(features)}


def score(
    model: OrderSoon,
    features: Rows,
    shard: int,
    shards: int,
    params: Params,  # noqa: ARG001
) -> dict[str, Iterator[pa.RecordBatch]]:
    """Make the rows of customers ``[n shard / shards, n (shard + 1) / shards)``."""
    n = units(features)
    start, end = n * shard // shards, n * (shard + 1) // shards
    customers = features["customer"].sort_by("customer_id").slice(start, end - start)
    words = [
        f"{orders} orders, the last {days:.0f} days ago"
        for orders, days in zip(customers["orders"].to_pylist(), customers["days_since"].to_pylist(), strict=True)
    ]
    rows = {name: customers[name] for name in ("customer_id", "orders", "days_since")}
    columns = rows | {"chance": pa.array(model.chance(customers)), "reason": pa.array(words, pa.string())}
    return {ORDER_SOON.name: batches(ORDER_SOON, [columns])}

"""A row for each order."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from tests.live.watch.spec import ORDER_WATCH

TYPES = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "timestamp": pa.timestamp("us", "UTC")}
SCHEMA = pa.schema([pa.field(c.name, TYPES[c.kind], nullable=c.nullable) for c in ORDER_WATCH.columns])


def units(features):
    """Orders."""
    return len(features["order"])


def expected(features):
    """Orders that should be in the table."""
    return {"order_watch": units(features)}


def score(model, features, shard, shards, params):
    """Score the orders of a shard."""
    orders = features["order"].sort_by("order_id")
    n = len(orders)
    orders = orders.slice(n * shard // shards, n * (shard + 1) // shards - n * shard // shards)
    score = pc.multiply(pc.divide(orders["items"], model.mean_), pc.cast(orders["orders"], pa.float64()))
    words = pc.binary_join_element_wise(pc.cast(orders["orders"], pa.string()), "orders", " ")
    scored = orders.append_column("score", score).append_column("reason", words)
    return {"order_watch": iter(scored.select(SCHEMA.names).cast(SCHEMA).to_batches())}

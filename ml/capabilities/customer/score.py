"""The tables that are published: value, segment and habits of each customer, who changed segment, who buys alike."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.customer import blend, segments
from ml.capabilities.customer.columns import HORIZONS
from ml.capabilities.customer.model import CustomerValue, Value
from ml.capabilities.customer.reasons import reasons
from ml.capabilities.customer.spec import CUSTOMER_LIKE, CUSTOMER_SEGMENT_CHANGE, CUSTOMER_VALUE, Params
from ml.capabilities.customer.twins import twins
from ml.core.batches import Columns, batches
from ml.core.capability import Rows

Floats = npt.NDArray[np.float64]
BLOCK = 50_000
DEAR = 0.15
"""Mean log ratio to the category's usual price from which a customer buys dear, or cheap below its negative."""
YEAR = 365.0


def units(features: Rows) -> int:
    """How many customers have ordered."""
    return int(features["customer"].num_rows)


def expected(features: Rows) -> dict[str, int]:
    """How many customers should be in each table, for the audit's coverage."""
    n = units(features)
    return {CUSTOMER_VALUE.name: n, CUSTOMER_SEGMENT_CHANGE.name: 0, CUSTOMER_LIKE.name: n if n > 1 else 0}


def score(
    model: CustomerValue,
    features: Rows,
    shard: int,
    shards: int,
    params: Params,  # noqa: ARG001
) -> dict[str, Iterator[pa.RecordBatch]]:
    """Make the rows of customers ``[n shard / shards, n (shard + 1) / shards)``."""
    n = units(features)
    start, end = n * shard // shards, n * (shard + 1) // shards
    every = features["customer"]
    shard_rows = every.sort_by("customer_id").slice(start, end - start)
    given = segments.rules(features)
    now = segments.placed(shard_rows, every, given)
    values = [model.value(shard_rows.slice(at, BLOCK)) for at in range(0, len(shard_rows), BLOCK)]
    blocks = (
        _rows(model, shard_rows.slice(at, BLOCK), value, now.slice(at, BLOCK))
        for at, value in zip(range(0, len(shard_rows), BLOCK), values, strict=True)
    )
    spend = np.concatenate([np.zeros(0), *(value.spend for value in values)])
    return {
        CUSTOMER_VALUE.name: batches(CUSTOMER_VALUE, blocks),
        CUSTOMER_SEGMENT_CHANGE.name: batches(
            CUSTOMER_SEGMENT_CHANGE, [_changes(features, shard_rows, now, spend, given)]
        ),
    }


def score_all(
    model: CustomerValue,  # noqa: ARG001
    features: Rows,
    rows: Rows,  # noqa: ARG001
    params: Params,
) -> dict[str, Iterator[pa.RecordBatch]]:
    """Make ``customer_like``."""
    return {CUSTOMER_LIKE.name: batches(CUSTOMER_LIKE, twins(features["customer"], params))}


def _rows(model: CustomerValue, customers: pa.Table, value: Value, segment: pa.Array) -> Columns:
    chance = value.chances[:, -1]
    money = blend.interval(value.spend, chance, model.blend_.rest)
    year = blend.interval(value.year_spend, value.year_chance, model.blend_.rest)
    counts = blend.count_interval(value.orders, chance)
    year_counts = blend.count_interval(value.year_orders, value.year_chance)
    days = days_to_next(value)
    level = np.nan_to_num(customers["price_level"].cast(pa.float64()).to_numpy())
    columns = {f"chance_{h}": value.chances[:, j] for j, h in enumerate(HORIZONS)}
    for name, middle, (low, high) in (
        ("orders_90", value.orders, counts),
        ("orders_365", value.year_orders, year_counts),
        ("spend_90", value.spend, money),
        ("spend_365", value.year_spend, year),
    ):
        columns |= {name: middle, f"{name}_low": low, f"{name}_high": high}
    return {
        **{name: pa.array(values) for name, values in columns.items()},
        "chance_left": pa.array(value.left),
        "days_to_next": pa.array(days, mask=days > YEAR),
        "segment": segment,
        "price_level": pa.array(["low", "middle", "high"]).take(
            pa.array(1 + (level > DEAR).astype(np.int64) - (level < -DEAR))
        ),
        **{name: customers[name] for name in ("customer_id", "preferred", "channel", "hour")},
        "reason": reasons(model, customers, model.frame(customers)),
    }


def days_to_next(value: Value) -> Floats:
    """Days by which an order is as likely as not, along the line of -log(1 - chance) through the horizons; beyond a year: inf."""
    ends = np.array([0.0, *HORIZONS, YEAR])
    chances = np.column_stack(
        [np.zeros(len(value.left)), value.chances, np.maximum(value.year_chance, value.chances[:, -1])]
    )
    risk = -np.log1p(-np.minimum(chances, 1 - 1e-9))
    wanted, days = np.log(2.0), np.full(len(risk), np.inf)
    for j in range(len(ends) - 2, -1, -1):
        here = (risk[:, j] <= wanted) & (risk[:, j + 1] >= wanted)
        step = np.maximum(risk[:, j + 1] - risk[:, j], 1e-12)
        days = np.where(here, ends[j] + (wanted - risk[:, j]) / step * (ends[j + 1] - ends[j]), days)
    return days


def _changes(features: Rows, customers: pa.Table, now: pa.Array, spend: Floats, given: segments.Rules) -> Columns:
    ago, every = features["month_ago"].sort_by("customer_id"), features["customer"]
    then = segments.placed(ago, ago, given)
    before = then.take(pc.index_in(customers["customer_id"].combine_chunks(), ago["customer_id"].combine_chunks()))
    before = pc.fill_null(before, "none")
    moved = pc.not_equal(before, now)
    found = segments.facts(customers, segments.usual_gap(every), np.sort(every["spend"].cast(pa.float64()).to_numpy()))
    why = pc.binary_join_element_wise(before, now, " to ")
    table = pa.table(
        {
            "customer_id": customers["customer_id"],
            "before": before,
            "after": now,
            "spend_90": spend,
            "reason": pc.binary_join_element_wise(why, segments.because(found), ": "),
        }
    )
    kept = table.filter(moved)
    return {name: kept[name] for name in kept.column_names}

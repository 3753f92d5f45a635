"""The tables of carts: add-ons, own purchases, products, lines with their chance, reminders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.cart.model import Cart
from ml.capabilities.cart.spec import ADDON, AGAIN, LINE, PRODUCT, REMINDER, VISIT, VISIT_COLUMNS, Params
from ml.core.batches import Columns, batches
from ml.core.capability import Rows

LOT = 200
"""Customers in each arm of past reminders below which their effect is not known."""
Floats = npt.NDArray[np.float64]


def units(features: Rows) -> int:
    """The shards are cut from the customers' own purchases and the lines of open carts, whichever is more."""
    return int(max(features["again"].num_rows, features["line"].num_rows))


def expected(features: Rows) -> dict[str, int]:
    """How many different first keys each table should have."""
    return {
        ADDON.name: 0,
        AGAIN.name: 0,
        PRODUCT.name: int(features["product"].num_rows),
        LINE.name: len(pc.unique(features["line"]["cart_id"])),
        REMINDER.name: 0,
        VISIT.name: 0,
    }


def score(
    model: Cart,
    features: Rows,
    shard: int,
    shards: int,
    params: Params,  # noqa: ARG001
) -> dict[str, Iterator[pa.RecordBatch]]:
    """Make a shard's part of the customers' own purchases and of the open carts' lines."""
    again = _part(features["again"], ("customer_id", "product_id"), shard, shards)
    beta = model.weights_.beta
    own = (
        [
            {
                "customer_id": again["customer_id"],
                "product_id": again["product_id"],
                "score": pa.array(beta * np.log1p(4 * again["weight"].to_numpy())),
            }
        ]
        if beta and len(again)
        else []
    )
    lines = _part(features["line"], ("cart_id", "product_id"), shard, shards)
    chance = model.chance(lines)
    rows = {name: lines[name] for name in ("cart_id", "product_id", "customer_id", "quantity", "added_at")}
    scored = rows | {"chance": pa.array(chance), "reason": pa.array(_reasons(lines, chance), pa.string())}
    return {AGAIN.name: batches(AGAIN, own), LINE.name: batches(LINE, [scored])}


def score_all(
    model: Cart,
    features: Rows,
    rows: Rows,
    params: Params,
) -> dict[str, Iterator[pa.RecordBatch]]:
    """Make what belongs to no shard."""
    products = features["product"].sort_by("product_id")
    return {
        ADDON.name: batches(ADDON, _addons(model, products, params)),
        PRODUCT.name: batches(PRODUCT, [{name: products[name] for name in PRODUCT.column_names}]),
        REMINDER.name: batches(REMINDER, _reminders(features, rows[LINE.name], products, params)),
        VISIT.name: batches(VISIT, _visit_boxes(model) if len(products) else []),
    }


def _visit_boxes(model: Cart) -> list[Columns]:
    box = model.visit_
    columns: dict[str, pa.Array] = {"box": pa.array(np.arange(len(box.points)))}
    for j, name in enumerate(VISIT_COLUMNS):
        columns |= {f"{name}_above": pa.array(box.low[:, j]), f"{name}_to": pa.array(box.high[:, j])}
    return [columns | {"points": pa.array(box.points)}]


def _part(table: pa.Table, keys: tuple[str, ...], shard: int, shards: int) -> pa.Table:
    n = table.num_rows
    start, end = n * shard // shards, n * (shard + 1) // shards
    return table.sort_by([(key, "ascending") for key in keys]).slice(start, end - start)


SELDOM = 0.02
"""A chance below this is said in words."""


def _reasons(lines: pa.Table, chance: Floats) -> list[str]:
    """What the chance comes from: how long it lies there, whether it was bought before, how often others buy it."""
    words = []
    columns = (lines[name].to_pylist() for name in ("age_hours", "owned", "rate"))
    for age, owned, rate, p in zip(*columns, chance, strict=True):
        parts = [f"in the cart for {_span(age)}"]
        if p < SELDOM:
            parts.append("seldom bought after so long" if age >= 1 else "seldom bought")
        if owned:
            parts.append("bought before" if owned == 1 else f"bought {owned:.0f} times before")
        if rate is not None and age < 1:
            parts.append(f"{rate:.0%} of carts with it are bought")
        words.append(", ".join(parts))
    return words


def _span(hours: float) -> str:
    if hours < 1:
        return "less than an hour"
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"


def _addons(model: Cart, products: pa.Table, params: Params) -> Iterator[Columns]:
    """The largest weights of each product, of add-ons that are on sale."""
    weights = model.addon_weights()
    sold = products.filter(products["available"])["product_id"].combine_chunks()
    on_sale = pc.is_in(model.products_, sold).to_numpy(zero_copy_only=False)
    known = pc.is_in(model.products_, products["product_id"].combine_chunks()).to_numpy(zero_copy_only=False)
    row = np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))
    kept = on_sale[weights.indices] & known[row] & (weights.data > 0) if len(row) else np.zeros(0, bool)
    row, column, value = row[kept], weights.indices[kept], weights.data[kept].astype(np.float64)
    order = np.lexsort((column, -value, row))
    row, column, value = row[order], column[order], value[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row) + 1
    chosen = rank <= params.neighbours
    row, column, value, rank = row[chosen], column[chosen], value[chosen], rank[chosen]
    if not len(row):
        return
    bought = model.together_[row, column] if len(row) else np.zeros(0)
    bought = np.asarray(bought).ravel() > 0
    yield {
        "product_id": model.products_.take(pa.array(row)),
        "addon_id": model.products_.take(pa.array(column)),
        "rank": pa.array(rank),
        "score": pa.array(value),
        "reason": pa.array(np.where(bought, "Often bought together.", "Like what is in the basket."), pa.string()),
    }


def _reminders(features: Rows, lines: pa.Table, products: pa.Table, params: Params) -> list[Columns]:
    """Carts of known customers in which something on sale waits and nothing happened for a while."""
    setting = {"few_left": 3, "remind_after_hours": 4.0, "least_value": 0.0} | (
        features["setting"].to_pylist() or [{}]
    )[0]
    age = {
        (r["cart_id"], r["product_id"]): r["age_hours"]
        for r in features["line"].select(["cart_id", "product_id", "age_hours"]).to_pylist()
    }
    price = dict(zip(products["product_id"].to_pylist(), products["price"].to_pylist(), strict=True))
    sold = set(products.filter(products["available"])["product_id"].to_pylist())
    carts: dict[str, list[dict[str, Any]]] = {}
    for line in lines.filter(pc.is_valid(lines["customer_id"])).to_pylist():
        if line["product_id"] in sold:
            carts.setdefault(line["cart_id"], []).append(line)
    lift = _lift(features["reminded"])
    found = []
    for cart, items in sorted(carts.items()):
        rest = min(age[(cart, item["product_id"])] for item in items)
        worth = {item["product_id"]: (price[item["product_id"]] or 0.0) * item["quantity"] for item in items}
        value = sum(worth.values())
        if rest < params.abandoned_hours or value < setting["least_value"]:
            continue
        without = 1 - float(np.prod([1 - item["chance"] for item in items]))
        lead = max(items, key=lambda item: (worth[item["product_id"]] * item["chance"], item["product_id"]))
        last = max(item["added_at"] for item in items)
        found.append(
            {
                "cart_id": cart,
                "customer_id": items[0]["customer_id"],
                "remind_at": last + timedelta(hours=setting["remind_after_hours"]),
                "product_id": lead["product_id"],
                "value": value,
                "chance_without": without,
                "chance_with": None if lift is None else min(1.0, max(0.0, without + lift)),
                "reason": f"{len(items)} product{'s' * (len(items) > 1)} left {_span(rest)} ago"
                + (
                    "; what a reminder changes is not known: none was sent by lot yet"
                    if lift is None
                    else f"; reminders by lot changed the chance by {lift:+.1%}"
                ),
            }
        )
    return [{name: pa.array([row[name] for row in found], kind) for name, kind in _KINDS.items()}] if found else []


_KINDS = {
    "cart_id": pa.string(),
    "customer_id": pa.string(),
    "remind_at": pa.timestamp("us", "UTC"),
    "product_id": pa.string(),
    "value": pa.float64(),
    "chance_without": pa.float64(),
    "chance_with": pa.float64(),
    "reason": pa.string(),
}


def _lift(reminded: pa.Table) -> float | None:
    """How much a reminder changed the share of customers who ordered, from those sent by lot; None: too few to know."""
    arms: Mapping[str, Mapping[str, int]] = {row["arm"]: row for row in reminded.to_pylist()}
    if not {"control", "reminded"} <= set(arms) or min(row["n"] for row in arms.values()) < LOT:
        return None
    shares = {arm: row["bought"] / row["n"] for arm, row in arms.items()}
    return shares["reminded"] - shares["control"]

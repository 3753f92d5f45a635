"""The tables that are published: the plan of each product, and what is ordered today under the budget."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.stock import suppliers
from ml.capabilities.stock.model import Demand, Stock
from ml.capabilities.stock.position import Position, limits, position
from ml.capabilities.stock.reasons import words
from ml.capabilities.stock.spec import LEVELS, STOCK_ORDER, STOCK_PLAN, WIDTHS, Params
from ml.core.batches import Columns, batches
from ml.core.capability import Rows
from ml.core.units import DAY_US
from ml.learn.series.columns import Past
from ml.learn.series.sales import Shelf, shelf

BLOCK = 2_000
Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]


def units(features: Rows) -> int:
    """How many products are planned: those for sale whose stock was ever counted."""
    return len(_planned(features))


def expected(features: Rows) -> dict[str, int]:
    """How many different first keys should be in each table; 0: any number may be right."""
    return {STOCK_PLAN.name: units(features), STOCK_ORDER.name: 0}


def score(model: Stock, features: Rows, shard: int, shards: int, params: Params) -> dict[str, Iterator[pa.RecordBatch]]:
    """Make the rows of products ``[n shard / shards, n (shard + 1) / shards)``."""
    rows = _planned(features)
    n = len(rows)
    shop = shelf(features, params.history_days, WIDTHS[-1])
    where = position(features, shop, params)
    mine = rows[n * shard // shards : n * (shard + 1) // shards]
    blocks = [mine[at : at + BLOCK] for at in range(0, len(mine), BLOCK)]
    return {STOCK_PLAN.name: batches(STOCK_PLAN, (_plan(model, features, shop, where, each) for each in blocks))}


def score_all(model: Stock, features: Rows, rows: Rows, params: Params) -> dict[str, Iterator[pa.RecordBatch]]:  # noqa: ARG001
    """Allocate the budget and the room: the most margin saved for the money first."""
    plan = rows[STOCK_PLAN.name].select(["product_id", "order_now", "order_pieces", "order_cost", "lost_money"])
    plan = plan.filter(plan["order_now"]).sort_by("product_id").combine_chunks()
    cost, pieces = (plan[name].to_numpy() for name in ("order_cost", "order_pieces"))
    worth = plan["lost_money"].to_numpy() / np.maximum(cost, 1e-9)
    order = np.lexsort((np.arange(len(plan)), -worth))
    money, room = limits(features)
    taken = _within(cost[order], pieces[order], money, room)
    texts = ["within the budget" if fits else "waits: the budget or the room of tonight is used up" for fits in taken]
    made = {
        "product_id": plan["product_id"].take(pa.array(order)),
        "rank": pa.array(np.arange(len(plan)) + 1),
        "pieces": pa.array(pieces[order]),
        "cost": pa.array(cost[order]),
        "ordered": pa.array(taken),
        "reason": pa.array(texts, pa.string()),
    }
    return {STOCK_ORDER.name: batches(STOCK_ORDER, [made])}


def _within(cost: Floats, pieces: Floats, money: float, room: float) -> npt.NDArray[np.bool_]:
    """In their order, each that still fits."""
    taken = np.zeros(len(cost), bool)
    for i in range(len(cost)):
        taken[i] = cost[i] <= money and pieces[i] <= room
        money, room = (money - cost[i], room - pieces[i]) if taken[i] else (money, room)
    return taken


def _planned(features: Rows) -> Longs:
    """Rows of the shelf that are for sale and have a count."""
    product = features["product"].sort_by("product_id")
    counted = pc.is_in(product["product_id"], features["count"]["product_id"].combine_chunks())
    return np.flatnonzero(pc.and_(product["active"], counted).to_numpy()).astype(np.int64)


def _plan(model: Stock, features: Rows, shop: Shelf, everything: Position, rows: Longs) -> Columns:
    where, past = everything.rows(rows), Past(shop.panel.rows(rows))
    ids = shop.product["product_id"].combine_chunks().take(pa.array(rows))
    demand = model.demand(shop, past, rows, past.panel.length)
    levels = model.levels(demand, past, where, past.panel.length)
    points, targets = levels.point[:, 0], levels.target[:, 0]
    there = where.on_hand + where.on_order
    order = np.where(there <= points, _packed(targets - there, where), 0.0)
    quantiles = demand.at(where.lead_days)
    chance, lost = shortage(there, quantiles)
    last = demand.quantiles[:, -1]
    over = np.maximum(there - last[:, LEVELS.index(0.95)], 0)
    daily = np.maximum(demand.mean[:, -1] / WIDTHS[-1], 1e-9)
    markdown = _markdown(there, last[:, LEVELS.index(0.5)], over, model.params)
    out, known = _sold_out(there, demand), int(features["moment"]["as_of"][0].as_py())
    gone = np.isfinite(out)
    stamp = known * 1_000_000 + (np.where(gone, out, 0) * DAY_US).astype(np.int64)
    money = order * where.holding * np.minimum((there + order / 2) / daily, 365)
    return {
        "product_id": ids,
        "on_hand": pa.array(where.on_hand),
        "on_order": pa.array(where.on_order),
        "supplier": suppliers.names(features, ids),
        "lead_days": pa.array(where.lead_days),
        "order_now": pa.array(order > 0),
        "order_pieces": pa.array(order),
        "target": pa.array(targets),
        "order_at": pa.array(points),
        "sold_out_at": pa.array(stamp, mask=~gone).cast(pa.timestamp("us", "UTC")),
        "sold_out_chance": pa.array(chance),
        "expected_lost": pa.array(lost),
        "lost_money": pa.array(lost * where.penalty),
        "holding_money": pa.array(money),
        "overstock": pa.array(over),
        "markdown": pa.array(markdown),
        "order_cost": pa.array(order * where.cost + np.where(order > 0, where.placing, 0)),
        "reason": pa.array(
            words(where, order, chance, out, over, quantiles[:, LEVELS.index(0.5)], levels), pa.string()
        ),
    }


def _packed(missing: Floats, where: Position) -> Floats:
    """Whole packs of at least the minimum; nothing where nothing is missing."""
    wanted = np.maximum(missing, np.where(missing > 0, where.minimum_order, 0))
    packs = np.ceil(np.round(wanted / where.pack_size, 6)) * where.pack_size
    return np.where(missing > 0.5, packs, 0.0)


def shortage(there: Floats, quantiles: Floats) -> tuple[Floats, Floats]:
    """Chance that demand is above ``there``, and how much of it on average, by the quantiles (n, n_levels).

    E max(D - s, 0) as the mean over equal parts of the distribution, straight lines between the quantiles; beyond the outermost
    it goes on as steeply as before.
    """
    parts = (np.arange(100) + 0.5) / 100
    levels = np.asarray(LEVELS)
    place = np.clip(np.searchsorted(levels, parts) - 1, 0, len(levels) - 2)
    slope = (parts - levels[place]) / (levels[place + 1] - levels[place])
    drawn = np.maximum(quantiles[:, place] + slope * (quantiles[:, place + 1] - quantiles[:, place]), 0)
    # Picked columns lie in another order for one row than for many, and sums would differ in their last digit.
    above = np.ascontiguousarray(drawn - there[:, None])
    return (above > 0).mean(axis=1), np.maximum(above, 0).mean(axis=1)


def _sold_out(there: Floats, demand: Demand) -> Floats:
    """Days until the median demand has used up what is there; inf: not within 91."""
    middle = demand.quantiles[:, :, LEVELS.index(0.5)]
    widths = np.asarray(WIDTHS, np.float64)
    out = np.full(len(there), np.inf)
    for i, (stock, line) in enumerate(zip(there, middle, strict=True)):
        if stock <= line[-1] and line[-1] > 0:
            out[i] = np.interp(stock, np.append(0.0, line), np.append(0.0, widths))
    return out


def _markdown(there: Floats, middle: Floats, over: Floats, params: Params) -> Floats:
    """By how much the price must fall for the stock to be sold in 91 days, at the assumed elasticity."""
    ratio = there / np.maximum(middle, 1e-9)
    wanted = 1 - np.maximum(ratio, 1.0) ** (-1 / params.elasticity)
    return np.where(over > 0, np.minimum(np.round(wanted, 2), params.most_markdown), 0.0)

"""The tables that are published: what to do with each open order and why, and what is known of customers and entities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.risk import money, reasons, rules
from ml.capabilities.risk.columns import LINKS, UNUSUAL
from ml.capabilities.risk.model import RiskModel
from ml.capabilities.risk.spec import CUSTOMER_RISK, ENTITY_RISK, ORDER_LINK, ORDER_RISK, Params
from ml.core.batches import batches
from ml.kernels.threads import side_by_side, threads
from ml.learn.links import linked

BLOCK = 50_000
TELLING = 4.0
"""Orders so many times as risky as the mean one get reasons, whatever is decided."""
Columns = dict[str, pa.Array | pa.ChunkedArray]


def units(features: Mapping[str, pa.Table]) -> int:
    """How many orders may still be held."""
    return int(features["open"].num_rows)


def expected(features: Mapping[str, pa.Table]) -> dict[str, int]:
    """How many orders, customers and entities should be in the published tables, for the audit's coverage."""
    return {
        "order_risk": units(features),
        "customer_risk": int(features["customer"].num_rows),
        "entity_risk": int(pc.count_distinct(features["entity"]["entity"]).as_py()),
        "order_link": 0,
    }


def score(
    model: RiskModel, features: Mapping[str, pa.Table], shard: int, shards: int, params: Params
) -> dict[str, Iterator[pa.RecordBatch]]:
    """Make the rows of open orders ``[n shard / shards, n (shard + 1) / shards)``.

    Returns
    -------
    dict of str to iterator of pyarrow.RecordBatch
        ``order_risk``, with its columns; the rows are made while they are read, in blocks of orders.
    """
    n = units(features)
    start, end = n * shard // shards, n * (shard + 1) // shards
    held = features["open"].sort_by("order_no")
    costs = money.costs(features, params)
    orders = score_blocks(model, held.slice(start, end - start), features["rule"], costs, _zone(features))
    return {ORDER_RISK.name: batches(ORDER_RISK, orders)}


def score_all(
    model: RiskModel,
    features: Mapping[str, pa.Table],
    rows: Mapping[str, pa.Table],  # noqa: ARG001
    params: Params,
) -> dict[str, Iterator[pa.RecordBatch]]:
    """Make what is known of customers and of the entities of their orders, and which open orders share one."""
    held = features["open"].sort_by("order_no")
    return {
        CUSTOMER_RISK.name: batches(CUSTOMER_RISK, [_customers(model, features, held, params)]),
        ENTITY_RISK.name: batches(ENTITY_RISK, [_entities(features, params)]),
        ORDER_LINK.name: batches(ORDER_LINK, [_links(held)]),
    }


def _zone(features: Mapping[str, pa.Table]) -> str:
    """The shop's time zone, for who reads the reasons; UTC where the features do not tell."""
    night = features.get("night")
    return str(night["timezone"][0].as_py()) if night is not None and "timezone" in night.column_names else "UTC"


def score_blocks(
    model: RiskModel, order: pa.Table, rule: pa.Table, costs: money.Costs, zone: str = "UTC"
) -> Iterator[Columns]:
    """:func:`score_orders` of ``BLOCK`` rows at a time, in their order, on plain threads."""

    def scored(start: int) -> Columns:
        return score_orders(model, order.slice(start, BLOCK), rule, costs, zone)

    turn = threads() * BLOCK  # no more at once than there are threads: memory is bounded
    for start in range(0, len(order), turn):
        yield from side_by_side(
            [partial(scored, block) for block in range(start, min(start + turn, len(order)), BLOCK)]
        )


def score_orders(model: RiskModel, order: pa.Table, rule: pa.Table, costs: money.Costs, zone: str = "UTC") -> Columns:
    """Make the columns of ``order_risk`` for rows of the features' ``order``; each row's are its own affair."""
    probability = model.predict(order)
    total = np.nan_to_num(order["total"].to_numpy().astype(np.float64))
    unusual = model.anomaly_.score(order)
    listed, entry = rules.decisions(order, rule)
    decision = np.where(listed == rules.NONE, _decided(model, probability, unusual, total, costs), listed)
    none = np.isnan(probability)
    return {
        "order_id": order["order_id"],
        "customer_id": order["customer_id"],
        "ordered_at": order["ordered_at"],
        "probability": pa.array(probability, mask=none),
        "decision": pa.array(money.DECISIONS).take(pa.array(decision)),
        "expected_loss": pa.array(money.expected_loss(probability, total, costs), mask=none),
        "anomaly_score": pa.array(unusual),
        "reason": _reasons(model, order, probability, decision, listed != rules.NONE, zone),
        "rule": entry,
    }


def _decided(
    model: RiskModel, probability: money.Floats, unusual: money.Floats, total: money.Floats, costs: money.Costs
) -> money.Choices:
    """What the model says: by money once it has learnt from frauds, by what is unusual until then."""
    if not model.learnt:
        return money.decide_unlearnt(unusual, model.orders_per_day_, costs)
    return model.decide(probability, total, costs)


def _reasons(
    model: RiskModel,
    order: pa.Table,
    probability: money.Floats,
    decision: money.Choices,
    listed: npt.NDArray[np.bool_],
    zone: str,
) -> pa.Array:
    """Words for the orders that are not simply allowed or that are riskier than most.

    A contribution costs a hundred times what a probability does, and nobody asks why the others are harmless.
    """
    if model.learnt:
        explained = np.flatnonzero((decision != money.ALLOW) | (probability > TELLING * model.rate))
        rows = order.take(pa.array(explained))
        x = model.matrix(rows)
        known = reasons.Usual(model.columns_, model.usual_, zone, model.rate, model.text_rates)
        words = reasons.words(rows, model.contributions(rows, x)[:, :-1], known, x)
    else:
        explained = np.arange(len(order))
        known = reasons.Usual(UNUSUAL, model.usual_, zone)
        words = reasons.words(order, model.anomaly_.surprising(order), known)
    at = np.full(len(order), len(explained), np.int64)
    at[explained] = np.arange(len(explained))
    words = pc.take(pa.concat_arrays([words, pa.array([reasons.NOTHING])]), pa.array(at))
    return _without_nothing(words, order, probability, decision, listed)


def _without_nothing(
    words: pa.Array,
    order: pa.Table,
    probability: money.Floats,
    decision: money.Choices,
    listed: npt.NDArray[np.bool_],
) -> pa.Array:
    """An order that is held is held for something: the list, its value at its chance, or all of it together."""
    total = np.nan_to_num(order["total"].to_numpy().astype(np.float64))
    silent = pc.equal(words, reasons.NOTHING).to_numpy(zero_copy_only=False) & (decision != money.ALLOW)
    texts = np.array(words.to_pylist(), object)
    for row in np.flatnonzero(silent):
        if listed[row]:
            texts[row] = "the shop's own list"
        elif np.isnan(probability[row]):
            texts[row] = "unusual as a whole: no single count stands out"
        else:
            chance, value = reasons.percent(float(probability[row])), reasons.number(float(total[row]))
            texts[row] = f"no single fact stands out: a chance of {chance} at an order value of {value}"
    return pa.array(texts, pa.string())


def _customers(model: RiskModel, features: Mapping[str, pa.Table], held: pa.Table, params: Params) -> Columns:
    rows = features["customer"].sort_by("customer_id")
    open_ = held.filter(pc.is_valid(held["customer_id"]))
    risky = pa.table({"customer_id": open_["customer_id"], "p": pa.array(model.predict(open_), from_pandas=True)})
    worst = risky.group_by("customer_id").aggregate([("p", "max")])
    found = pc.index_in(rows["customer_id"].combine_chunks(), worst["customer_id"].combine_chunks())
    return {
        **{name: rows[name] for name in ("customer_id", "orders", "frauds", "last_order_at")},
        "rate": _rate(rows, features, params),
        "score": worst["p_max"].combine_chunks().take(found),
    }


def _entities(features: Mapping[str, pa.Table], params: Params) -> Columns:
    rows = features["entity"].sort_by([("entity", "ascending"), ("kind", "ascending")])
    return {name: rows[name] for name in rows.column_names} | {"rate": _rate(rows, features, params)}


def _links(held: pa.Table) -> Columns:
    found = linked(held["order_id"].combine_chunks(), {kind: held[kind].combine_chunks() for kind in LINKS})
    return dict(zip(ORDER_LINK.column_names, found.columns, strict=True))


def _rate(rows: pa.Table, features: Mapping[str, pa.Table], params: Params) -> pa.Array:
    """(frauds + a r) / (orders + a): r is the shop's rate, a the orders that few orders are drawn to it by."""
    every = features["customer"]
    shop = sum(every["frauds"].to_pylist()) / max(1, sum(every["orders"].to_pylist()))
    frauds, orders = (rows[name].to_numpy().astype(np.float64) for name in ("frauds", "orders"))
    return pa.array((frauds + params.prior_orders * shop) / (orders + params.prior_orders))

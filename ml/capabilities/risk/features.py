"""What is known of each order at the moment when it is placed, and how the old ones turned out.

Two times matter: a feature of an order knows only what was known before *the order*, a label what was known before
``as_of``. What is younger is never looked at, although the tables may hold it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import ibis
import pyarrow as pa

from ml.capabilities.risk import apart
from ml.capabilities.risk.columns import CATEGORIES, ENTITIES, KEYS, LINKS, NUMBERS
from ml.capabilities.risk.history import UNITS, coded, history, shared
from ml.capabilities.risk.orders import MOST, TRACES, Tables, cards, detailed, key, labelled, orders, seconds
from ml.capabilities.risk.spec import Params
from ml.core.asof import known
from ml.core.once import on_executors, once

_LOG = "log_"
"""Begins the names of what is counted and then left out."""
_COST = {
    "loss_share": "float64",
    "loss_fixed": "float64",
    "review_cost": "float64",
    "margin_share": "float64",
    "reviews_per_day": "int64",
    "review_share": "float64",
    "least_chance": "float64",
    "currency": "string",
}
_RULE = {"kind": "string", "entity": "string", "value": "string", "note": "string"}


def build(tables: Tables, as_of: datetime, params: Params, only: ibis.Table | None = None) -> dict[str, ibis.Table]:
    """Make what :mod:`ml.capabilities.risk.model` learns from and scores.

    Parameters
    ----------
    tables : mapping of str to ibis.Table
        Clean contract tables: ``customer``, ``product``, ``order``, ``order_item``; ``order_outcome`` and ``payment``
        if there; ``risk_cost`` and ``risk_list``, which the shop's staff fills, and ``night`` (its date), if there.
    as_of : datetime
        With a time zone; only what was known before it is used.
    params : Params
    only : ibis.Table, optional
        ``order_id`` of the orders that are asked for: ``order`` and ``open`` then hold no others, but as they would be.

    Returns
    -------
    dict of str to ibis.Table
        ``order``: one row per order: ``order_no`` (from 0, in the order of time and id), ``order_id``, ``customer_id``,
        ``ordered_at`` and the same as ``at`` (whole seconds since 1970), the numbers :data:`columns.NUMBERS`, the texts
        :data:`columns.CATEGORIES`, the keys :data:`columns.KEYS`, ``label`` (1: a fraud or chargeback, 0: good, null: unknown),
        ``decided`` (1: the staff held it, 0: released it, null: neither), ``settled`` (so old that a label of either kind would be known), ``open`` (may still be held) and ``fraud_days`` (after which it was known to be a
        fraud; null: is not) · ``open``: those of them that are open,
        and their entities as the shop knows them, ``device``, ``card``, ``last_card`` (another, if two cards paid),
        ``address``, ``ip`` and ``email`` · ``customer``
        (customer_id, orders, frauds, last_order_at) · ``entity`` (entity, kind, orders, customers, frauds,
        last_order_at), shared by several customers or used by a known fraud · ``cost`` (a row or none) · ``rule``: the
        entries of ``risk_list`` that hold on that day.

    Notes
    -----
    What an order says of itself is one expression. It runs at the call, once, and the kernels behind :mod:`history` add
    the counts over earlier orders to its rows: every text is joined once, however many tables are made of it.
    """
    every, used = _counted(_placed(tables, as_of, params))
    names = ibis.memtable(_names(every, used, tables, as_of))
    order = every if only is None else every.semi_join(only, "order_id")
    order = order.select(
        "order_no",
        "order_id",
        "customer_id",
        "ordered_at",
        "at",
        *NUMBERS,
        *CATEGORIES,
        *KEYS,
        "label",
        "decided",
        "settled",
        "open",
        fraud_days=_fraud_days(order),
    )
    return {
        "order": order,
        "open": order.filter(order["open"]).left_join(names, "order_no").drop("order_no_right"),
        "customer": _customers(every),
        "entity": _entities(used, every, names),
        "cost": _cost(tables),
        "rule": _rules(tables, as_of),
    }


def truth(tables: Tables, start: datetime, end: datetime, params: Params) -> ibis.Table:
    """Orders placed in ``[start, end - settle_days)`` whose outcome was known at ``end``, with the columns of ``order``.

    Of younger orders the frauds are known before the good ones: they would make the shop look worse than it is.
    """
    order = build(tables, end, params)["order"]
    begin = seconds(ibis.literal(start, type="timestamp('UTC', 6)"))
    return order.filter(order["at"] >= begin, order["settled"], order["label"].notnull())


def described(tables: Tables, as_of: datetime, params: Params) -> pa.Table:
    """What each order says of itself, its label, and what is to be counted of it (names that begin with ``log_``)."""
    return _placed(tables, as_of, params).to_pyarrow()


def _placed(tables: Tables, as_of: datetime, params: Params) -> ibis.Table:
    placed = labelled(orders(tables, as_of), tables, as_of, params)
    return _described(detailed(placed, tables, as_of, params), tables, as_of, params)


def _counted(placed: ibis.Table) -> tuple[ibis.Table, ibis.Table]:
    """The orders with their counts, and the entities of :func:`history.shared`: on the engine that has them."""
    kept = [name for name in placed.columns if not name.startswith(_LOG)]
    if on_executors(placed):
        placed = once(placed)
        hidden = {name.removeprefix(_LOG): name for name in placed.columns if name.startswith(_LOG)}
        counts, used = apart.counted(placed.select("order_no", "at", "fraud_at", "won_at", **hidden))
        return once(placed.select(kept).inner_join(counts, "order_no")), used
    here = placed.to_pyarrow()
    rows = coded(log(here))
    every = pa.table({name: here[name] for name in kept} | _columns(history(rows)))
    return ibis.memtable(every), ibis.memtable(shared(rows))


def log(order_rows: pa.Table) -> pa.Table:
    """What :mod:`history` counts, of the rows that :func:`build` describes."""
    hidden = [name for name in order_rows.column_names if name.startswith(_LOG)]
    return pa.table(
        {name: order_rows[name] for name in ("order_no", "at", "fraud_at", "won_at")}
        | {name.removeprefix(_LOG): order_rows[name] for name in hidden}
    )


def _fraud_days(order: ibis.Table) -> ibis.Value:
    days = (order["fraud_at"] - order["at"]) / 86_400
    return ibis.ifelse(order["label"] == 1, days, ibis.null("float64")).cast("float32")


def _columns(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    return dict(zip(table.column_names, table.columns, strict=True))


def _size(total: ibis.Value) -> ibis.Value:
    """log(1 + total): twice as much is the same step for small and for large orders."""
    return (ibis.greatest(ibis.least(total, MOST), 0.0) + 1).ln()


def _described(placed: ibis.Table, tables: Tables, as_of: datetime, params: Params) -> ibis.Table:
    """The order's own numbers and texts, beside its customer's account."""
    people = known(tables["customer"], as_of, "registered_at")
    people = people.select("customer_id", home="country", opened=seconds(people["registered_at"]))
    rows = placed.left_join(people, "customer_id").drop("customer_id_right")
    # An account that was opened after the order was decided about was not known at it.
    decided = rows["at"] + params.decide_minutes * 60
    opened = ibis.ifelse(rows["opened"] <= decided, ibis.least(rows["opened"], rows["at"]), ibis.null("int64"))
    numbers = {
        "total": rows["total"],
        "shipping": rows["shipping"],
        "pieces": rows["pieces"],
        "lines": rows["lines"],
        "dearest": rows["dearest"],
        "hour": rows["at"] % 86_400 / 3_600,
        "weekday": (rows["at"] // 86_400 + 3) % 7,  # 1970-01-01 was a Thursday
        "instalments": rows["instalments"],
        "payments": rows["payments"],
        "second_price": rows["second_price"],
        "cheapest": rows["cheapest"],
        "mean_price": rows["total"] / rows["lines"],
        "guest": rows["customer_id"].isnull(),
        "countries_differ": rows["shipping_country"] != rows["billing_country"],
        "abroad": rows["shipping_country"] != rows["home"],
        "account_days": (rows["at"] - opened) / 86_400,
    }
    counted = {
        name: rows[name] if name in TRACES else key(rows["customer_id" if name == "customer" else name])
        for name in ENTITIES
    }
    counted |= {"category": key(rows["category"].nullif("")), "card_listed": rows["card_listed"]}
    return rows.select(
        "order_no",
        "order_id",
        "customer_id",
        "ordered_at",
        "at",
        *KEYS,
        "fraud_at",
        "won_at",
        "label",
        "decided",
        "settled",
        "open",
        **{f"{_LOG}since": rows["since"], f"{_LOG}value": (_size(rows["total"]) * UNITS).round().cast("int64")},
        **{f"{_LOG}{name}": entity for name, entity in counted.items()},
        **{name: number.cast("float32") for name, number in numbers.items()},
        **{name: rows[name].fill_null("") for name in CATEGORIES},
    )


def _customers(placed: ibis.Table) -> ibis.Table:
    rows = placed.filter(placed["customer_id"].notnull())
    return rows.group_by("customer_id").aggregate(
        orders=rows.count(), frauds=(rows["label"] == 1).fill_null(False).sum(), last_order_at=rows["ordered_at"].max()
    )


def _entities(used: ibis.Table, placed: ibis.Table, names: ibis.Table) -> ibis.Table:
    """The entities of :func:`history.shared` by the names that the shop has for them."""
    rows = used.inner_join(placed.select("order_no", "ordered_at"), "order_no").inner_join(names, "order_no")
    return rows.select(
        "kind",
        "orders",
        "customers",
        "frauds",
        last_order_at="ordered_at",
        entity=ibis.cases(*((rows["kind"] == kind, rows[kind]) for kind in LINKS), else_=""),
    )


def _names(every: ibis.Table, used: ibis.Table, tables: Tables, as_of: datetime) -> pa.Table:
    """The entities as the shop writes them, of the orders that are open or that name an entity of ``used``."""
    naming = used.select("order_no", naming=True).distinct()
    asked = every.select("order_no", "order_id", "at", "open").left_join(naming, "order_no")
    rows = asked.filter(asked["open"] | asked["naming"].notnull()).select("order_no", "order_id", "at")
    written = tables["order"]
    written = written.select("order_id", **{name: written[column].nullif("") for name, column in TRACES.items()})
    rows = cards(rows.inner_join(written, "order_id"), tables, as_of)
    return rows.select("order_no", *TRACES, "card", "last_card").to_pyarrow()


def _cost(tables: Tables) -> ibis.Table:
    return _chosen(tables["risk_cost"], _COST) if "risk_cost" in tables else _nothing(_COST)


def _rules(tables: Tables, as_of: datetime) -> ibis.Table:
    if "risk_list" not in tables:
        return _nothing(_RULE)
    entries = tables["risk_list"]
    if "night" in tables:  # the day on the shop's clock
        entries = entries.cross_join(tables["night"])
    else:
        entries = entries.mutate(night=ibis.literal(as_of.date()))
    return _chosen(entries.filter((entries["ends_on"] >= entries["night"]).fill_null(True)), _RULE)


def _chosen(table: ibis.Table, kinds: Mapping[str, str]) -> ibis.Table:
    """These columns; one that a snapshot of an older version does not have is null."""
    present = set(table.columns)
    return table.select(
        **{name: (table[name] if name in present else ibis.null(kind)).cast(kind) for name, kind in kinds.items()}
    )


def _nothing(kinds: Mapping[str, str]) -> ibis.Table:
    return ibis.memtable(pa.schema([(name, _ARROW[kind]) for name, kind in kinds.items()]).empty_table())


_ARROW = {"float64": pa.float64(), "int64": pa.int64(), "string": pa.string()}

"""Orders that were delivered, how long each took, and the open ones."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import ibis
import pyarrow as pa

from ml.capabilities.delivery.spec import Params
from ml.contract.purchases import bought
from ml.core.asof import known
from ml.core.units import DAY_S

Tables = Mapping[str, ibis.Table]

TEXTS = ("carrier", "origin", "destination")
_COST = {
    "late_cost": "float64",
    "upgrade_cost": "float64",
    "tell_cost": "float64",
    "split_cost": "float64",
    "may_split": "boolean",
    "may_upgrade": "boolean",
    "may_tell": "boolean",
}
_ARROW = {"float64": pa.float64(), "boolean": pa.bool_()}
_LONGEST_DAYS = 180
"""A delivery that took longer, or came before its order, is a wrong date."""
_FINAL = ("delivered", "returned", "cancelled")


def build(tables: Tables, as_of: datetime, params: Params, only: ibis.Table | None = None) -> dict[str, ibis.Table]:
    """Make what :mod:`ml.capabilities.delivery.model` learns from and scores.

    Returns
    -------
    dict of str to ibis.Table
        ``past``: orders that were delivered before ``as_of`` (order_id, ``at``: seconds since 1970 when placed, ``took_days``,
        ``promise_days`` from the order to the promise: null if none or before the order, carrier, origin, destination,
        total, shipping) · ``open``: orders that are on their way (the same without took_days; ``lines`` and
        ``missing``: how many there are and how many of them are out of stock) · ``moment`` · ``cost``.
    """
    orders = _orders(tables, as_of, params)
    past = orders.filter(orders["took_days"].between(0, _LONGEST_DAYS))
    waits = orders["took_days"].isnull() & ~orders["status"].isin(_FINAL).fill_null(False)
    open_ = orders.filter(waits, orders["at"] >= int(as_of.timestamp()) - params.open_days * DAY_S)
    if only is not None:
        open_ = open_.semi_join(only, "order_id")
    return {
        "past": past.drop("status"),
        "open": _with_lines(open_.drop("status", "took_days"), tables, as_of),
        "moment": ibis.literal(int(as_of.timestamp()), "int64").name("as_of").as_table(),
        "cost": _costs(tables),
    }


def truth(tables: Tables, start: datetime, end: datetime, params: Params) -> ibis.Table:
    """Orders placed in ``[start, end - settle_days)`` that were delivered before ``end``, as in ``past``."""
    past = build(tables, end, params)["past"]
    return past.filter(
        past["at"] >= int(start.timestamp()), past["at"] < int(end.timestamp()) - params.settle_days * DAY_S
    )


def _orders(tables: Tables, as_of: datetime, params: Params) -> ibis.Table:
    orders = bought(known(tables["order"], as_of, "ordered_at", "known_at"))
    orders = orders.select("order_id", "ordered_at", "status", "total", "shipping", at=_seconds(orders["ordered_at"]))
    parcels = tables["shipment"].inner_join(orders.select("order_id"), "order_id")
    # The last parcel counts: an order is delivered when all of it is.
    parcel = parcels.group_by("order_id").aggregate(
        delivered=_seconds(parcels["delivered_at"]).fill_null(2**40).max(),
        promised=_seconds(parcels["promised_at"]).max(),
        **{name: parcels[name].min() for name in TEXTS},
    )
    rows = orders.left_join(parcel, "order_id").drop("order_id_right")
    now = int(as_of.timestamp())
    days = (rows["delivered"] - rows["at"]) / DAY_S
    promise = (rows["promised"] - rows["at"]) / DAY_S
    rows = rows.filter(rows["at"] >= now - params.history_days * DAY_S)
    return rows.select(
        "order_id",
        "at",
        "ordered_at",
        "status",
        took_days=ibis.ifelse(rows["delivered"] < now, days, ibis.null("float64")),
        promise_days=ibis.ifelse(promise > 0, promise, ibis.null("float64")),
        total=rows["total"].cast("float64"),
        shipping=rows["shipping"].cast("float64"),
        **{name: rows[name].fill_null("") for name in TEXTS},
    )


def _with_lines(open_: ibis.Table, tables: Tables, as_of: datetime) -> ibis.Table:
    if "order_item" not in tables or "stock" not in tables:
        return open_.mutate(lines=ibis.literal(0, "int64"), missing=ibis.literal(0, "int64"))
    counts = known(tables["stock"], as_of, "counted_at", "known_at")
    last = counts.group_by("product_id").aggregate(quantity=counts["quantity"].argmax(counts["counted_at"]))
    lines = tables["order_item"].semi_join(open_, "order_id").left_join(last, "product_id", rname="{name}_in_stock")
    gone = (lines["quantity_in_stock"] <= 0).fill_null(False)
    counted = lines.group_by("order_id").aggregate(lines=lines.count(), missing=gone.sum())
    rows = open_.left_join(counted, "order_id").drop("order_id_right")
    return rows.mutate(lines=rows["lines"].fill_null(0), missing=rows["missing"].fill_null(0))


def _costs(tables: Tables) -> ibis.Table:
    if "order_cost" not in tables:
        return ibis.memtable(pa.schema([(name, _ARROW[kind]) for name, kind in _COST.items()]).empty_table())
    return tables["order_cost"].select(**{name: tables["order_cost"][name].cast(kind) for name, kind in _COST.items()})


def _seconds(at: ibis.Value) -> ibis.Value:
    return at.cast("timestamp('UTC', 6)").epoch_seconds().cast("int64")

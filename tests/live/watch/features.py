"""What is known of each order when it is placed."""

from __future__ import annotations

import ibis

from ml.core.asof import known


def build(tables, as_of, params, only=None):
    """Table ``order``; with ``only`` the rows of these orders, by the same expressions."""
    orders = known(tables["order"], as_of, "ordered_at", "known_at")
    orders = orders.mutate(who=ibis.coalesce(orders["customer_id"], orders["order_id"]))
    if only is not None:
        orders = orders.semi_join(orders.semi_join(only, "order_id").select("who").distinct(), "who")
    window = ibis.trailing_range_window(
        preceding=ibis.interval(hours=params.hours), group_by="who", order_by="ordered_at"
    )
    orders = orders.mutate(orders=orders["order_id"].count().over(window))
    orders = orders.filter((orders["status"] != "cancelled").fill_null(True))
    if only is not None:
        orders = orders.semi_join(only, "order_id")
    items = tables["order_item"].group_by("order_id").aggregate(items=lambda t: t["quantity"].sum())
    joined = orders.left_join(items, "order_id").drop("order_id_right")
    if "payment" in tables:
        paid = known(tables["payment"], as_of, "paid_at").group_by("order_id")
        joined = joined.left_join(paid.aggregate(paid=lambda t: t["amount"].sum()), "order_id")
    else:
        joined = joined.mutate(paid=ibis.null("float64"))
    return {
        "order": joined.select(
            "order_id",
            "customer_id",
            "ordered_at",
            "orders",
            items=joined["items"].fill_null(0.0),
            paid=joined["paid"].fill_null(0.0),
        )
    }


def truth(tables, start, end, params):
    """Orders of the window."""
    orders = known(tables["order"], end, "ordered_at", "known_at")
    return orders.filter(orders["ordered_at"] >= ibis.literal(start, type="timestamp('UTC', 6)")).select("order_id")

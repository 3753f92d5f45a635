"""What is known of each customer at a time, and who ordered afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import ibis

from examples.capability.spec import Params
from ml.core.asof import known
from ml.core.units import DAY_S

Tables = Mapping[str, ibis.Table]


def build(tables: Tables, as_of: datetime, params: Params) -> dict[str, ibis.Table]:  # noqa: ARG001
    """Give the table ``customer``: one row per customer who has ordered before ``as_of``.

    Columns ``customer_id``, ``orders``, ``days_since`` the last order, and ``days_known`` since the first.
    """
    orders = _orders(tables, as_of)
    orders = orders.mutate(age=_moment(as_of).epoch_seconds() - orders["ordered_at"].epoch_seconds())
    return {
        "customer": orders.group_by("customer_id").aggregate(
            orders=orders.count(), days_since=orders["age"].min() / DAY_S, days_known=orders["age"].max() / DAY_S
        )
    }


def truth(tables: Tables, start: datetime, end: datetime, params: Params) -> ibis.Table:  # noqa: ARG001
    """Give the customers with an order in ``[start, end)``: column ``customer_id``."""
    orders = _orders(tables, end)
    return orders.filter(orders["ordered_at"] >= _moment(start)).select("customer_id").distinct()


def _orders(tables: Tables, as_of: datetime) -> ibis.Table:
    """Orders of known customers that were known at ``as_of`` and not cancelled."""
    orders = known(tables["order"], as_of, "ordered_at", "known_at")
    kept = (orders["status"] != "cancelled").fill_null(True)
    return orders.filter(kept, orders["customer_id"].notnull()).select("customer_id", "ordered_at")


def _moment(at: datetime) -> ibis.Value:
    return ibis.literal(at, type="timestamp('UTC', 6)")

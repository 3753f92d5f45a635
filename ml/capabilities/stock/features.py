"""What was sold, what is in stock and on its way, and how suppliers have delivered of late."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import ibis
import pyarrow as pa

from ml.capabilities.stock.spec import Params
from ml.core.asof import known
from ml.core.units import DAY_S
from ml.learn.series import sales

Tables = Mapping[str, ibis.Table]

_LATELY_DAYS = 90
_COST = ("margin_share", "holding_share", "review_days", "placing_cost", "budget", "most_pieces")
_SUPPLY = {
    "product_id": pa.string(),
    "supplier": pa.string(),
    "lead_days": pa.float64(),
    "lead_spread_days": pa.float64(),
    "pack_size": pa.float64(),
    "minimum_order": pa.float64(),
    "cost": pa.float64(),
    "holding_cost": pa.float64(),
    "shelf_life_days": pa.float64(),
}
_ORDERED = {
    "product_id": pa.string(),
    "supplier": pa.string(),
    "quantity": pa.float64(),
    "days_ago": pa.float64(),
    "took_days": pa.float64(),
    "late_days": pa.float64(),
}


def build(tables: Tables, as_of: datetime, params: Params) -> dict[str, ibis.Table]:
    """Make what the plan is learned from.

    Returns
    -------
    dict of str to ibis.Table
        ``sold``, ``product``, ``closed``, ``moment`` of :mod:`ml.learn.series.sales` · ``count`` (product_id, quantity at the
        latest count, ``sold_since``) · ``supply`` (one row a product: the cheapest supplier, then by name) · ``ordered``
        (each order at a supplier of the last 90 days or still open: supplier, quantity, days_ago, took_days: null while it
        has not come, late_days against what was said) · ``cost`` (a row or none).
    """
    days = params.history_days
    return {
        "sold": sales.sold(tables, as_of, days),
        "product": sales.products(tables, as_of, days),
        "closed": sales.closed(tables, as_of, days),
        "moment": sales.moment(as_of),
        "count": _counts(tables, as_of, days),
        "supply": _supply(tables, as_of),
        "ordered": _ordered(tables, as_of),
        "cost": _costs(tables),
    }


def truth(tables: Tables, start: datetime, end: datetime, params: Params) -> ibis.Table:  # noqa: ARG001
    """Pieces sold by product and day of ``[start, end)``: product_id, day (0: the first), pieces."""
    days = (end - start).days
    rows = sales.sold(tables, end, days).select("product_id", "day", "pieces")
    return rows.mutate(day=rows["day"] + days)


def _counts(tables: Tables, as_of: datetime, days: int) -> ibis.Table:
    counts = known(tables["stock"], as_of, "counted_at", "known_at")
    last = counts.group_by("product_id").aggregate(
        quantity=counts["quantity"].argmax(counts["counted_at"]), counted_at=counts["counted_at"].max()
    )
    last = last.mutate(day=(_age(last["counted_at"], as_of) * -1).floor().cast("int64"))
    since = (
        sales.sold(tables, as_of, days).rename(sold_on="day").inner_join(last.select("product_id", "day"), "product_id")
    )
    since = (
        since.filter(since["sold_on"] > since["day"])
        .group_by("product_id")
        .aggregate(sold_since=ibis._["pieces"].sum())
    )
    joined = last.left_join(since, "product_id")
    return joined.select("product_id", "quantity", sold_since=joined["sold_since"].fill_null(0.0).cast("float64"))


def _supply(tables: Tables, as_of: datetime) -> ibis.Table:
    if "supply" not in tables:
        return ibis.memtable(pa.schema(list(_SUPPLY.items())).empty_table())
    rows = tables["supply"].semi_join(known(tables["product"], as_of, "listed_at"), "product_id")
    first = ibis.row_number().over(
        ibis.window(group_by="product_id", order_by=[rows["cost"].fill_null(1e12), "supplier"])
    )
    rows = rows.mutate(place=first)
    return rows.filter(rows["place"] == 0).select(*_SUPPLY)


def _ordered(tables: Tables, as_of: datetime) -> ibis.Table:
    if "purchase_order" not in tables:
        return ibis.memtable(pa.schema(list(_ORDERED.items())).empty_table())
    rows = known(tables["purchase_order"], as_of, "placed_at")
    age, expected = _age(rows["placed_at"], as_of), _age(rows["expected_at"], as_of)
    arrived = _age(rows["arrived_at"], as_of)
    arrived = ibis.ifelse(arrived > 0, arrived, ibis.null("float64"))
    rows = rows.select(
        "product_id",
        "supplier",
        quantity=rows["quantity"].cast("float64"),
        days_ago=age,
        took_days=age - arrived,
        late_days=ibis.coalesce(expected - arrived, expected),
    )
    return rows.filter((rows["days_ago"] <= _LATELY_DAYS) | rows["took_days"].isnull())


def _costs(tables: Tables) -> ibis.Table:
    if "stock_cost" not in tables:
        return ibis.memtable(pa.schema([(name, pa.float64()) for name in _COST]).empty_table())
    return tables["stock_cost"].select(**{name: tables["stock_cost"][name].cast("float64") for name in _COST})


def _age(at: ibis.Value, as_of: datetime) -> ibis.Value:
    """Days before ``as_of``; below 0 after it."""
    return (int(as_of.timestamp()) - at.cast("timestamp('UTC', 6)").epoch_seconds()) / DAY_S

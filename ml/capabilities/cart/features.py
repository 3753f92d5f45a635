"""What is known of baskets, products and carts at a time, and which baskets came afterwards."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa

from ml.capabilities.cart.spec import Params
from ml.capabilities.cart.visits import moments
from ml.contract.purchases import bought, chosen
from ml.core.asof import known
from ml.core.units import DAY_S

Tables = Mapping[str, ibis.Table]
HOUR_S = 3600
PRICE_DAYS = 90
_CART = ("cart_id", "product_id", "customer_id", "quantity", "added_at", "order_id")
_ARMS = {"arm": pa.string(), "n": pa.int64(), "bought": pa.int64()}


def build(tables: Tables, as_of: datetime, params: Params, only: ibis.Table | None = None) -> dict[str, ibis.Table]:
    """Make what :mod:`ml.capabilities.cart.model` learns from and scores.

    Parameters
    ----------
    tables : mapping of str to ibis.Table
        Clean contract tables ``customer``, ``product``, ``order``, ``order_item``, ``cart``; ``stock``, ``campaign`` and
        ``cart_setting`` if there.
    as_of : datetime
        With a time zone; only what was known before it is used.
    params : Params
    only : ibis.Table, optional
        ``cart_id`` and ``product_id`` of the lines that are asked for: ``line`` then holds no others, ``basket``,
        ``again`` and ``seen`` nothing.

    Returns
    -------
    dict of str to ibis.Table
        ``basket``: order_id, product_id, customer_id, age_days, one row per product of an order · ``again``: customer_id,
        product_id, weight, the faded count of the customer's orders with it · ``product``: product_id, title, category,
        price, usual_price, stock, available · ``line``: the lines of open carts, with the columns of :data:`NUMBERS` ·
        ``seen``: lines of past carts as they stood at several ages, the same columns and ``bought`` · ``reminded``: arm,
        n, bought, of reminders by lot · ``visit``: see :func:`moments` · ``setting``.
    """
    sold = _sold(tables, as_of, params)
    carts = _carts(tables, as_of)
    rates = _rates(carts, sold, as_of, params)
    line = _described(_open(carts, sold, as_of, params), carts, sold, rates)
    if only is not None:
        line = line.semi_join(only, ["cart_id", "product_id"])
        sold, carts = sold.limit(0), carts.limit(0)
    return {
        "basket": sold.select("order_id", "product_id", "customer_id", "age_days"),
        "again": _again(sold, params),
        "product": _products(tables, as_of),
        "line": line,
        "seen": _described(_seen(carts, sold, as_of, params), carts, sold, rates),
        "visit": moments(tables, sold.select("customer_id", "at").distinct(), as_of, params),
        "reminded": _reminded(tables, sold, as_of, params),
        "setting": _setting(tables),
    }


def truth(tables: Tables, start: datetime, end: datetime, params: Params) -> ibis.Table:
    """Baskets of at least two products ordered in ``[start, end)``: order_id, customer_id, product_id."""
    sold = _sold(tables, end, params).filter(ibis._.at >= _epoch(start))
    several = sold.group_by("order_id").aggregate(n=ibis._.count()).filter(ibis._.n >= 2)
    return sold.semi_join(several, "order_id").select("order_id", "customer_id", "product_id")


def _sold(tables: Tables, as_of: datetime, params: Params) -> ibis.Table:
    """One row per order and product that was bought: order_id, product_id, customer_id, at, age_days, price."""
    orders = bought(known(tables["order"], as_of, "ordered_at", "known_at"))
    orders = orders.filter(orders["ordered_at"] >= _moment(as_of - timedelta(days=params.history_days)))
    lines = chosen(tables["order_item"]).inner_join(
        orders.select("order_id", "customer_id", at=orders["ordered_at"].epoch_seconds()), "order_id"
    )
    lines = lines.semi_join(tables["product"], "product_id")
    rows = lines.group_by("order_id", "product_id").aggregate(
        customer_id=lines["customer_id"].max(), at=lines["at"].max(), price=lines["unit_price"].mean()
    )
    return rows.mutate(age_days=(_epoch(as_of) - rows["at"]) / DAY_S)


def _again(sold: ibis.Table, params: Params) -> ibis.Table:
    own = sold.filter(sold["customer_id"].notnull())
    faded = (own["age_days"] * (-math.log(2) / params.again_half_life_days)).exp()
    rows = own.group_by("customer_id", "product_id").aggregate(weight=faded.sum().round(9))
    order = ibis.window(group_by="customer_id", order_by=[ibis.desc("weight"), "product_id"])
    return rows.mutate(place=ibis.row_number().over(order)).filter(ibis._.place < params.again).drop("place")


def _products(tables: Tables, as_of: datetime) -> ibis.Table:
    product = tables["product"]
    orders = bought(known(tables["order"], as_of, "ordered_at", "known_at"))
    lately = orders.filter(orders["ordered_at"] >= _moment(as_of - timedelta(days=PRICE_DAYS)))
    paid = chosen(tables["order_item"]).semi_join(lately, "order_id")
    usual = paid.group_by("product_id").aggregate(usual_price=paid["unit_price"].median())
    rows = product.select("product_id", "title", "category", "price", active=product["active"].fill_null(True))
    rows = rows.left_join(usual, "product_id").drop("product_id_right")
    if "stock" in tables:
        counts = known(tables["stock"], as_of, "counted_at", "known_at")
        last = counts.group_by("product_id").aggregate(stock=counts["quantity"].argmax(counts["counted_at"]))
        rows = rows.left_join(last, "product_id").drop("product_id_right")
    else:
        rows = rows.mutate(stock=ibis.null("float64"))
    return rows.select(
        "product_id",
        "title",
        "category",
        "price",
        "usual_price",
        stock=rows["stock"].cast("float64"),
        available=rows["active"] & (rows["stock"] > 0).fill_null(True),
    )


def _carts(tables: Tables, as_of: datetime) -> ibis.Table:
    """Lines of carts: the first time that a product was put in one, as ``at`` in seconds."""
    rows = known(tables["cart"], as_of, "added_at").select(*_CART).semi_join(tables["product"], "product_id")
    first = ibis.window(
        group_by=["cart_id", "product_id"], order_by=["added_at", "customer_id", "order_id", "quantity"]
    )
    rows = rows.mutate(place=ibis.row_number().over(first)).filter(ibis._.place == 0).drop("place")
    return rows.mutate(at=rows["added_at"].epoch_seconds())


def _ended(carts: ibis.Table, sold: ibis.Table) -> ibis.Table:
    """The lines with ``ended``: when the product was first bought after it was put in (seconds; null: not)."""
    orders = sold.select("order_id", ordered=sold["at"]).distinct()
    direct = carts.inner_join(orders, "order_id").select("cart_id", "product_id", ended="ordered")
    own = carts.inner_join(
        sold.select(who="customer_id", what="product_id", ordered="at"),
        [("customer_id", "who"), ("product_id", "what")],
    )
    later = own.filter(own["ordered"] >= own["at"]).select("cart_id", "product_id", ended="ordered")
    first = direct.union(later).group_by("cart_id", "product_id").aggregate(ended=ibis._.ended.min())
    return carts.left_join(first, ["cart_id", "product_id"]).drop("cart_id_right", "product_id_right")


def _open(carts: ibis.Table, sold: ibis.Table, as_of: datetime, params: Params) -> ibis.Table:
    rows = _ended(carts, sold)
    young = rows["at"] >= _epoch(as_of) - params.open_days * DAY_S
    rows = rows.filter(rows["ended"].isnull(), young)
    return rows.mutate(now=ibis.literal(int(as_of.timestamp()), "int64"), bought=False)


def _seen(carts: ibis.Table, sold: ibis.Table, as_of: datetime, params: Params) -> ibis.Table:
    """Past lines at each age of ``observed_hours`` at which they were still open, with what became of them."""
    rows = _ended(carts, sold)
    horizon = params.horizon_days * DAY_S
    parts = []
    for hours in params.observed_hours:
        now = (rows["at"] + int(hours * HOUR_S)).cast("int64")
        open_then = rows["ended"].isnull() | (rows["ended"] >= now)
        outcome = (rows["ended"].notnull() & (rows["ended"] < now + horizon)).fill_null(False)
        parts.append(rows.mutate(now=now, bought=outcome).filter(open_then, now + horizon <= _epoch(as_of)))
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def _rates(carts: ibis.Table, sold: ibis.Table, as_of: datetime, params: Params) -> ibis.Table:
    """Share of a product's settled cart lines that were bought, drawn to the shop's as if by ten lines more."""
    rows = _ended(carts, sold)
    rows = rows.filter(rows["at"] + params.horizon_days * DAY_S <= _epoch(as_of))
    good = (rows["ended"].notnull() & (rows["ended"] < rows["at"] + params.horizon_days * DAY_S)).fill_null(False)
    rows = rows.mutate(good=good.cast("int64"))
    shop = rows.aggregate(share=rows["good"].mean().fill_null(0.0))
    counts = rows.group_by("product_id").aggregate(lines=rows.count(), good=rows["good"].sum()).cross_join(shop)
    return counts.select("product_id", rate=(counts["good"] + 10 * counts["share"]) / (counts["lines"] + 10))


NUMBERS = ("age_hours", "lines", "rate", "orders", "owned")
"""What the chance of a line is made from."""


def _described(rows: ibis.Table, carts: ibis.Table, sold: ibis.Table, rates: ibis.Table) -> ibis.Table:
    """Add :data:`NUMBERS`, as they were at ``now``: other lines of the cart and orders are those before it."""
    keys = ["cart_id", "product_id", "now"]
    others = rows.select(*keys).inner_join(carts.select("cart_id", put="at"), "cart_id")
    others = others.filter(others["put"] <= others["now"])
    size = others.group_by(keys).aggregate(lines=others.count())
    orders = sold.filter(sold["customer_id"].notnull()).select(
        who="customer_id", what="product_id", ordered="at", order="order_id"
    )
    past = rows.inner_join(orders, [("customer_id", "who")])
    past = past.filter(past["ordered"] < past["at"])
    count = past.group_by(keys).aggregate(
        orders=past["order"].nunique(), owned=(past["what"] == past["product_id"]).sum()
    )
    for table in (size, count):
        rows = rows.left_join(table, keys).drop(*(f"{key}_right" for key in keys))
    rows = rows.left_join(rates, "product_id").drop("product_id_right")
    return rows.select(
        "cart_id",
        "product_id",
        "customer_id",
        "quantity",
        "added_at",
        "bought",
        age_hours=(rows["now"] - rows["at"]) / HOUR_S,
        lines=rows["lines"].fill_null(1).cast("float64"),
        rate=rows["rate"].cast("float64"),
        orders=rows["orders"].fill_null(0).cast("float64"),
        owned=rows["owned"].fill_null(0).cast("float64"),
    )


def _reminded(tables: Tables, sold: ibis.Table, as_of: datetime, params: Params) -> ibis.Table:
    """By arm of past reminders: how many customers, and how many ordered within the horizon."""
    if "campaign" not in tables:
        return ibis.memtable(pa.schema(list(_ARMS.items())).empty_table())
    rows = known(tables["campaign"], as_of, "sent_at").cross_join(_setting(tables))
    rows = rows.filter(rows["campaign_id"].startswith(rows["campaign"]), rows["campaign"].length() > 0)
    rows = rows.mutate(sent=rows["sent_at"].epoch_seconds())
    rows = rows.filter(rows["sent"] + params.horizon_days * DAY_S <= _epoch(as_of))
    orders = sold.filter(sold["customer_id"].notnull()).select(who="customer_id", ordered="at")
    after = rows.inner_join(orders, [("customer_id", "who")])
    after = after.filter(
        after["ordered"] >= after["sent"], after["ordered"] < after["sent"] + params.horizon_days * DAY_S
    )
    came = after.select("campaign_id", "customer_id").distinct().mutate(came=1)
    rows = rows.left_join(came, ["campaign_id", "customer_id"])
    arm = ibis.ifelse(rows["arm"] == "control", "control", "reminded")
    return rows.group_by(arm=arm).aggregate(n=rows.count(), bought=rows["came"].fill_null(0).sum())


_SETTING = {"few_left": "int64", "remind_after_hours": "float64", "least_value": "float64", "campaign": "string"}
_DEFAULT: dict[str, list[Any]] = {
    "few_left": [3],
    "remind_after_hours": [4.0],
    "least_value": [0.0],
    "campaign": ["cart_reminder"],
}


def _setting(tables: Tables) -> ibis.Table:
    if "cart_setting" not in tables:
        return ibis.memtable(_DEFAULT, schema=ibis.schema(_SETTING))
    return tables["cart_setting"].select(
        **{
            name: tables["cart_setting"][name].cast(kind).fill_null(_DEFAULT[name][0])
            for name, kind in _SETTING.items()
        }
    )


def _moment(at: datetime) -> ibis.Value:
    return ibis.literal(at, type="timestamp('UTC', 6)")


def _epoch(at: datetime) -> ibis.Value:
    return ibis.literal(int(at.timestamp()), "int64")

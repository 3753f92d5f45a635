"""What the recommender knows at a time, as Ibis expressions over the shop's clean tables.

The tables may hold younger rows: nothing that happened or became known at or after ``as_of`` is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import ibis

from ml.capabilities.recommender.spec import Params
from ml.contract.goods import goods
from ml.contract.purchases import bought, chosen
from ml.core.asof import as_of_join, known

Tables = Mapping[str, ibis.Table]

UNITS = 1 << 20
"""Weights are added up as whole multiples of 1 / UNITS: integers have the same sum in any order, on any engine."""


def build(tables: Tables, as_of: datetime, params: Params) -> dict[str, ibis.Table]:
    """Make what :mod:`ml.capabilities.recommender.model` learns from and scores with.

    Parameters
    ----------
    tables : mapping of str to ibis.Table
        Clean contract tables: ``customer``, ``product``, ``order``, ``order_item``; ``event``, ``stock`` and ``product_image`` if there.
    as_of : datetime
        With a time zone; only what was known before it is used.
    params : Params

    Returns
    -------
    dict of str to ibis.Table
        ``customer`` (customer_no, customer_id, segment) · ``product`` (product_no, product_id, title, category, brand,
        description, price, listed_at: seconds since 1970 or null, available) · ``purchase`` (customer_no: -1 for a
        guest; product_no, order_no, at: seconds since 1970; quantity, price: of one piece; one row per order line) ·
        ``look`` (customer_no, product_no, at: the last one of a day, seconds since 1970; weight: what the day's views,
        carts and wishes tell) · ``picture`` (product_no, content: thumbnail of the first picture that can be read) · ``moment`` (as_of: seconds since 1970; one row). Numbers count from 0 in the order of
        the ids; rows come in any order.
    """
    customers = _customers(tables, as_of)
    # Numbered before they are counted: whole numbers are grouped several times faster than texts.
    people = customers.select("customer_id", "customer_no")
    numbers = _numbers(tables, as_of)
    looks = _looks(tables, as_of, params)
    made = {}
    if looks is not None:
        made["look"] = _days(looks.inner_join(people, "customer_id").inner_join(numbers, "product_id"))
    if "product_image" in tables:
        made["picture"] = _pictures(tables["product_image"], numbers)
    return made | {
        "customer": customers,
        "product": _products(tables, as_of),
        "purchase": _log(tables, as_of, people, numbers),
        "moment": ibis.literal(int(as_of.timestamp()), "int64").name("as_of").as_table(),
    }


def truth(tables: Tables, start: datetime, end: datetime, params: Params) -> ibis.Table:  # noqa: ARG001
    """Pairs ``(customer_id, product_id)`` bought in ``[start, end)``, each once, as known at ``end``.

    New customers and products are among them: the lists are judged on everything that was bought, but fees.
    """
    fees = tables["product"].anti_join(goods(tables["product"]), "product_id")
    pairs = _purchases(tables, end).anti_join(fees, "product_id")
    return pairs.filter(pairs["at"] >= _moment(start)).select("customer_id", "product_id").distinct()


def _customers(tables: Tables, as_of: datetime) -> ibis.Table:
    there = known(tables["customer"], as_of, "registered_at")
    return there.select(
        customer_no=_number(there["customer_id"]),
        customer_id=there["customer_id"],
        segment=there["segment"].fill_null(""),
    )


def _numbers(tables: Tables, as_of: datetime) -> ibis.Table:
    """``(product_id, product_no)`` without the stock: order lines and looks need no more, and each would join it again.

    Fees are no products: what is joined to these numbers has no line of one.
    """
    there = goods(known(tables["product"], as_of, "listed_at"))
    return there.select("product_id", product_no=_number(there["product_id"]))


def _products(tables: Tables, as_of: datetime) -> ibis.Table:
    listed = goods(known(tables["product"], as_of, "listed_at")).mutate(_as_of=_moment(as_of))
    if "stock" in tables:
        listed = as_of_join(
            listed,
            tables["stock"].rename(_stock="quantity"),
            by=["product_id"],
            at="_as_of",
            event_time="counted_at",
            known_time="known_at",
            columns=["_stock"],
        )
    else:
        listed = listed.mutate(_stock=ibis.null("float64"))
    return listed.select(
        product_no=_number(listed["product_id"]),
        product_id=listed["product_id"],
        title=ibis.coalesce(listed["title"].nullif(""), listed["product_id"]),
        category=listed["category"].fill_null(""),
        brand=listed["brand"].fill_null(""),
        description=listed["description"].fill_null(""),
        price=listed["price"].cast("float32"),
        listed_at=listed["listed_at"].epoch_seconds().cast("int64"),
        available=listed["active"].fill_null(True) & (listed["_stock"] > 0).fill_null(True),
    )


def _pictures(images: ibis.Table, numbers: ibis.Table) -> ibis.Table:
    """``(product_no, content)``: the first picture of each product that can be read stands for it."""
    readable = images.filter(images["content"].notnull(), images["content_hash"].notnull())
    first = readable.group_by("product_id").aggregate(image_no=readable["image_no"].min())
    shown = readable.semi_join(first, ["product_id", "image_no"]).inner_join(numbers, "product_id")
    return shown.select("product_no", "content")


def _orders(tables: Tables, as_of: datetime) -> ibis.Table:
    """``(order_id, customer_id, at)`` of each order that is a purchase."""
    orders = bought(known(tables["order"], as_of, "ordered_at", "known_at"))
    return orders.select("order_id", "customer_id", at=orders["ordered_at"])


def _purchases(tables: Tables, as_of: datetime) -> ibis.Table:
    """``(customer_id, product_id, at)`` of each line that somebody chose; no guests, no orders that are no purchases."""
    orders = _orders(tables, as_of)
    items = chosen(tables["order_item"]).select("order_id", "product_id")
    return items.inner_join(orders.filter(orders["customer_id"].notnull()), "order_id").select(
        "customer_id", "product_id", "at"
    )


def _log(tables: Tables, as_of: datetime, people: ibis.Table, numbers: ibis.Table) -> ibis.Table:
    orders = _orders(tables, as_of)
    orders = orders.left_join(people, "customer_id")
    orders = orders.select(
        "order_id",
        order_no=_number(orders["order_id"]),
        customer_no=orders["customer_no"].fill_null(-1).cast("int32"),
        at=orders["at"].epoch_seconds().cast("int64"),
    )
    lines = chosen(tables["order_item"]).inner_join(orders, "order_id").inner_join(numbers, "product_id")
    return lines.select(
        "customer_no",
        "product_no",
        "order_no",
        "at",
        quantity=lines["quantity"].cast("float32"),
        price=lines["unit_price"].cast("float32"),
    )


def _looks(tables: Tables, as_of: datetime, params: Params) -> ibis.Table | None:
    """``(customer_id, product_id, at, base)``: views, carts and wishes with what each tells about taste."""
    if "event" not in tables:
        return None
    events = known(tables["event"], as_of, "occurred_at", "known_at")
    weights = {"view": params.weight_view, "cart": params.weight_cart, "wish": params.weight_wish}
    events = events.filter(
        events["customer_id"].notnull(), events["product_id"].notnull(), events["kind"].isin(list(weights))
    )
    base = ibis.cases(*[(events["kind"] == kind, weight) for kind, weight in weights.items()], else_=0.0)
    return events.select("customer_id", "product_id", at=events["occurred_at"], base=base.cast("float64"))


def _days(looks: ibis.Table) -> ibis.Table:
    """One row per customer, product and day: years of views would not fit into memory one by one."""
    looks = looks.select(
        "customer_no", "product_no", at=looks["at"].epoch_seconds().cast("int64"), units=_units(looks["base"])
    )
    looks = looks.mutate(day=(looks["at"] / 86_400).floor().cast("int64"))
    days = looks.group_by("customer_no", "product_no", "day").aggregate(
        at=looks["at"].max(), units=looks["units"].sum()
    )
    return days.select("customer_no", "product_no", "at", weight=(days["units"] / UNITS).cast("float32"))


def _number(ids: ibis.Value) -> ibis.Value:
    return ibis.row_number().over(order_by=ids).cast("int32")


def _units(weight: ibis.Value) -> ibis.Value:
    return (weight * UNITS).round().cast("int64")


def _moment(at: datetime) -> ibis.Value:
    return ibis.literal(at, type="timestamp('UTC', 6)")

"""What is known of each customer at a time, and the orders that followed.

Sums are of whole numbers (hundredths, seconds), so that the order of the rows changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import ibis

from ml.capabilities.customer import beside, habits
from ml.capabilities.customer.columns import NUMBERS, SPANS
from ml.capabilities.customer.spec import Params
from ml.contract.purchases import bought, chosen
from ml.core.asof import known
from ml.core.once import once
from ml.core.units import DAY_S

Tables = Mapping[str, ibis.Table]

CENTS = 100
UNDONE = ("returned", "cancelled", "chargeback", "fraud")
"""Outcomes after which the shop keeps none of the order's money."""
SEASON = (275, 365)
"""Days ago: the quarter of a year ago that corresponds to the next one."""
MONTH = timedelta(days=30)


def build(tables: Tables, as_of: datetime, params: Params) -> dict[str, ibis.Table]:  # noqa: ARG001
    """Give one row per customer who has ordered before ``as_of``.

    Returns
    -------
    dict of str to ibis.Table
        ``customer``: ``customer_id``, the numbers of :data:`columns.NUMBERS`, and in words ``preferred`` (up to three
        categories), ``channel``, ``hour`` (0 to 23, UTC) and ``country`` · ``month_ago``: what the segments are made of,
        as it was known 30 days before.
    """
    # Read once: seven tables are made of it, and each would join the outcomes and lines again.
    placed = once(orders(tables, as_of))
    lines = _lines(tables, as_of, placed)
    rows = described(tables, as_of, placed, lines)
    rows = rows.left_join(habits.habits(lines, placed), "customer_id").drop("customer_id_right")
    ago = _basics(orders(tables, as_of - MONTH), as_of - MONTH)
    return {
        "customer": rows.select(
            "customer_id",
            "preferred",
            "channel",
            "hour",
            "country",
            "segment",
            **{name: rows[name].cast("float32") for name in NUMBERS},
        ),
        "month_ago": ago.select(
            "customer_id",
            **{name: ago[name].cast("float32") for name in ("orders", "days_since", "days_known", "spend")},
        ),
    }


def truth(tables: Tables, start: datetime, end: datetime, params: Params) -> ibis.Table:  # noqa: ARG001
    """Give the orders placed in ``[start, end)``, as known at ``end``: ``customer_id``, ``day`` after ``start``, ``spend``."""
    placed = orders(tables, end)
    placed = placed.filter(placed["ordered_at"] >= moment(start))
    day = (placed["at"] - moment(start).epoch_seconds()) / DAY_S
    return placed.select("customer_id", day=day.cast("float64"), spend=placed["cents"] / CENTS)


def described(tables: Tables, as_of: datetime, placed: ibis.Table, lines: ibis.Table) -> ibis.Table:
    """Every customer who has ordered, with the numbers of :data:`columns.NUMBERS`."""
    people = known(tables["customer"], as_of, "registered_at")
    people = people.select(
        "customer_id",
        "country",
        "segment",
        account_days=(moment(as_of).epoch_seconds() - people["registered_at"].epoch_seconds()) / DAY_S,
    )
    rows = _basics(placed, as_of)
    parts = [_gaps(placed), _lines_of(lines), people, *beside.beside(tables, as_of, placed)]
    for part in parts:
        rows = rows.left_join(part, "customer_id").drop("customer_id_right")
    return rows.mutate(late=rows["days_since"] / ibis.greatest(rows["mean_gap"], 1.0))


def orders(tables: Tables, as_of: datetime) -> ibis.Table:
    """Purchases of known customers: ``order_id``, ``customer_id``, ``ordered_at``, ``at`` (s), ``channel``, ``cents``, ``back``.

    ``cents`` is what the shop has of it: none where it came back (``back``) as far as was known at ``as_of``; never below 0.
    """
    placed = bought(known(tables["order"], as_of, "ordered_at", "known_at"))
    placed = placed.filter(placed["customer_id"].nullif("").notnull())
    items = chosen(tables["order_item"])
    goods = items.group_by("order_id").aggregate(goods=cents(items["quantity"] * items["unit_price"]).sum())
    placed = placed.left_join(goods, "order_id").drop("order_id_right")
    if "order_outcome" in tables:
        outcomes = known(tables["order_outcome"], as_of, "known_at")
        undone = outcomes.filter(outcomes["kind"].isin(UNDONE)).select("order_id").distinct().mutate(_back=True)
        placed = placed.left_join(undone, "order_id").drop("order_id_right")
        back = placed["_back"].fill_null(False)
    else:
        back = ibis.literal(False)
    whole = ibis.coalesce(cents(placed["total"]), placed["goods"], ibis.literal(0, "int64"))
    return placed.select(
        "order_id",
        "customer_id",
        "ordered_at",
        at=placed["ordered_at"].epoch_seconds().cast("int64"),
        channel=placed["channel"],
        cents=ibis.ifelse(back, 0, ibis.greatest(whole, 0)).cast("int64"),
        back=back.cast("int64"),
    )


def cents(amount: ibis.Value) -> ibis.Value:
    """Hundredths as whole numbers."""
    return (amount.cast("float64") * CENTS).round().cast("int64")


def moment(at: datetime) -> ibis.Value:
    """A time with a zone as a literal."""
    return ibis.literal(at, type="timestamp('UTC', 6)")


def _basics(placed: ibis.Table, as_of: datetime) -> ibis.Table:
    """Recency, frequency, money and their course, by ``customer_id``."""
    age = (moment(as_of).epoch_seconds() - placed["at"]).cast("int64")
    rows = placed.mutate(age=age, weekend=((placed["at"] // DAY_S + 3) % 7 >= 5).cast("int64"))
    days, low = rows["age"], SEASON[0] * DAY_S
    season = (days > low) & (days <= SEASON[1] * DAY_S)
    sums = rows.group_by("customer_id").aggregate(
        orders=rows.count(),
        _last=days.min(),
        _first=days.max(),
        _cents=rows["cents"].sum(),
        **{f"orders_{span}": (days <= span * DAY_S).sum() for span in SPANS},
        **{f"_cents_{span}": rows["cents"].sum(where=days <= span * DAY_S).fill_null(0) for span in (90, 365)},
        season_orders=season.sum(),
        _season=rows["cents"].sum(where=season).fill_null(0),
        _largest=rows["cents"].max(),
        _back=rows["back"].sum(),
        _weekend=rows["weekend"].sum(),
        _app=(rows["channel"] == "app").fill_null(False).sum(),
        _store=rows["channel"].isin(("store", "phone")).fill_null(False).sum(),
    )
    # What a customer of less than a year did a year ago cannot be known; neither in a shop that is younger.
    old = sums["_first"] > low
    return sums.select(
        "customer_id",
        "orders",
        *(f"orders_{span}" for span in SPANS),
        days_since=sums["_last"] / DAY_S,
        days_known=sums["_first"] / DAY_S,
        spend=sums["_cents"] / CENTS,
        spend_90=sums["_cents_90"] / CENTS,
        spend_365=sums["_cents_365"] / CENTS,
        mean_order=sums["_cents"] / CENTS / sums["orders"],
        largest_order=sums["_largest"] / CENTS,
        returned=sums["_back"] / sums["orders"],
        season_orders=ibis.ifelse(old, sums["season_orders"], None),
        season_spend=ibis.ifelse(old, sums["_season"] / CENTS, None),
        weekend_share=sums["_weekend"] / sums["orders"],
        app_share=sums["_app"] / sums["orders"],
        store_share=sums["_store"] / sums["orders"],
    )


def _gaps(placed: ibis.Table) -> ibis.Table:
    """Days between orders: mean, deviation and the last one, null of one order; and the money of the last order."""
    line = ibis.window(group_by="customer_id", order_by=["at", "order_id"])
    stepped = placed.mutate(gap=((placed["at"] - placed["at"].lag().over(line)) // 3600).cast("int64"))
    back = ibis.window(group_by="customer_id", order_by=[ibis.desc("at"), ibis.desc("order_id")])
    stepped = stepped.mutate(_place=ibis.row_number().over(back))
    newest = stepped["_place"] == 0
    sums = stepped.group_by("customer_id").aggregate(
        _n=stepped["gap"].count(),
        _sum=stepped["gap"].sum(),
        _square=(stepped["gap"] * stepped["gap"]).sum(),
        _last=stepped["gap"].max(where=newest),
        _newest=stepped["cents"].max(where=newest),
    )
    mean = sums["_sum"] / sums["_n"].nullif(0)
    variance = ibis.greatest(sums["_square"] / sums["_n"].nullif(0) - mean * mean, 0.0)
    return sums.select(
        "customer_id",
        mean_gap=mean / 24,
        gap_deviation=variance.sqrt() / 24,
        last_gap=sums["_last"] / 24,
        last_order=sums["_newest"] / CENTS,
    )


def _lines(tables: Tables, as_of: datetime, placed: ibis.Table) -> ibis.Table:
    """``(customer_id, order_id, at, product_id, category, cents, pieces, unit)`` of each line that somebody chose."""
    items = chosen(tables["order_item"]).inner_join(placed.select("order_id", "customer_id", "at"), "order_id")
    goods = known(tables["product"], as_of, "listed_at").select("product_id", "category")
    items = items.left_join(goods, "product_id")
    return items.select(
        "customer_id",
        "order_id",
        "at",
        "product_id",
        category=items["category"].nullif("").fill_null(""),
        cents=cents(items["quantity"] * items["unit_price"]),
        pieces=cents(items["quantity"]),
        unit=cents(items["unit_price"]),
    )


def _lines_of(lines: ibis.Table) -> ibis.Table:
    """Pieces, lines, different products and categories, and how dear the lines are beside others of their category."""
    usual = lines["unit"].median().over(ibis.window(group_by="category"))
    lines = lines.mutate(
        dear=((ibis.greatest(lines["unit"], 1) / ibis.greatest(usual, 1.0)).ln() * 1000).round().cast("int64")
    )
    rows = lines.group_by("customer_id").aggregate(
        _pieces=lines["pieces"].sum(),
        lines=lines.count(),
        products=lines["product_id"].nunique(),
        categories=lines["category"].nunique(),
        _dear=lines["dear"].sum(),
    )
    return rows.select(
        "customer_id",
        "lines",
        "products",
        "categories",
        pieces=rows["_pieces"] / CENTS,
        price_level=rows["_dear"] / 1000 / rows["lines"],
    )

"""What optional tables tell of a customer beside the orders; columns are null where the shop does not have the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import ibis

from ml.core.asof import known
from ml.core.units import DAY_S

Tables = Mapping[str, ibis.Table]


def beside(tables: Tables, as_of: datetime, placed: ibis.Table) -> Iterator[ibis.Table]:
    """Tables of one row per ``customer_id``, one for each optional source."""
    yield _events(tables, as_of, placed)
    yield _counted(tables, as_of, placed, "search", "searched_at", 28, "searches_28")
    yield _counted(tables, as_of, placed, "ticket", "opened_at", 90, "tickets_90")
    yield _campaigns(tables, as_of, placed)
    yield _stars(tables, as_of, placed)
    yield _coupons(tables, placed)
    yield _circle(tables, as_of, placed)


def _events(tables: Tables, as_of: datetime, placed: ibis.Table) -> ibis.Table:
    if "event" not in tables:
        return _unknown(placed, "views_7", "views_28", "carts_28", "days_since_event")
    rows = known(tables["event"], as_of, "occurred_at", "known_at")
    age = _age(rows["occurred_at"], as_of)
    counts = rows.group_by("customer_id").aggregate(
        views_7=((rows["kind"] == "view") & (age <= 7 * DAY_S)).sum(),
        views_28=((rows["kind"] == "view") & (age <= 28 * DAY_S)).sum(),
        carts_28=((rows["kind"] == "cart") & (age <= 28 * DAY_S)).sum(),
        days_since_event=age.min() / DAY_S,
    )
    return _zeroed(counts, placed, "views_7", "views_28", "carts_28")


def _counted(
    tables: Tables, as_of: datetime, placed: ibis.Table, name: str, time: str, days: int, column: str
) -> ibis.Table:
    """How many rows of the table ``name`` each customer has of the last ``days``."""
    if name not in tables:
        return _unknown(placed, column)
    rows = known(tables[name], as_of, time)
    counts = rows.group_by("customer_id").aggregate(**{column: (_age(rows[time], as_of) <= days * DAY_S).sum()})
    return _zeroed(counts, placed, column)


def _campaigns(tables: Tables, as_of: datetime, placed: ibis.Table) -> ibis.Table:
    if "campaign" not in tables:
        return _unknown(placed, "mails_90", "mail_visits")
    rows = known(tables["campaign"], as_of, "sent_at")
    rows = rows.filter(rows["arm"] != "control")
    came = (_age(rows["visited_at"], as_of) > 0).fill_null(False)
    counts = rows.group_by("customer_id").aggregate(
        mails_90=(_age(rows["sent_at"], as_of) <= 90 * DAY_S).sum(), mail_visits=came.sum()
    )
    return _zeroed(counts, placed, "mails_90", "mail_visits")


def _stars(tables: Tables, as_of: datetime, placed: ibis.Table) -> ibis.Table:
    if "review" not in tables:
        return _unknown(placed, "stars")
    rows = known(tables["review"], as_of, "written_at", "known_at")
    means = rows.group_by("customer_id").aggregate(stars=rows["stars"].cast("int64").mean())
    return means.filter(means["customer_id"].notnull())


def _coupons(tables: Tables, placed: ibis.Table) -> ibis.Table:
    if "coupon" not in tables:
        return _unknown(placed, "coupon_share")
    used = tables["coupon"].select("order_id").distinct().mutate(_used=1)
    rows = placed.left_join(used, "order_id")
    sums = rows.group_by("customer_id").aggregate(_n=rows["_used"].fill_null(0).sum(), _all=rows.count())
    return sums.select("customer_id", coupon_share=sums["_n"] / sums["_all"])


def _circle(tables: Tables, as_of: datetime, placed: ibis.Table) -> ibis.Table:
    """How many people a customer is linked to, in either direction, and what they ordered lately."""
    names = ("circle", "circle_orders_90", "referred")
    if "customer_link" not in tables:
        return _unknown(placed, *names)
    links = tables["customer_link"]
    pairs = ibis.union(
        links.select(customer_id="customer_id", other="other_customer_id"),
        links.select(customer_id="other_customer_id", other="customer_id"),
        distinct=True,
    )
    pairs = pairs.filter(pairs["customer_id"] != pairs["other"])
    lately = placed.filter(_age(placed["ordered_at"], as_of) <= 90 * DAY_S)
    lately = lately.group_by("customer_id").aggregate(_orders=lately.count())
    joined = pairs.left_join(lately, pairs["other"] == lately["customer_id"])
    counts = joined.group_by("customer_id").aggregate(
        circle=joined.count(), circle_orders_90=joined["_orders"].fill_null(0).sum()
    )
    referrals = links.filter(links["kind"] == "referred_by")
    referrals = referrals.group_by(customer_id="other_customer_id").aggregate(referred=referrals.count())
    counts = counts.left_join(referrals, "customer_id").drop("customer_id_right")
    return _zeroed(counts, placed, *names)


def _unknown(placed: ibis.Table, *names: str) -> ibis.Table:
    return placed.select("customer_id").distinct().mutate(**{name: ibis.null("float64") for name in names})


def _zeroed(counts: ibis.Table, placed: ibis.Table, *names: str) -> ibis.Table:
    """The rows of ``counts`` for every customer who has ordered: who is not in it has none."""
    rows = placed.select("customer_id").distinct().left_join(counts, "customer_id").drop("customer_id_right")
    return rows.mutate(**{name: rows[name].fill_null(0) for name in names})


def _age(at: ibis.Value, as_of: datetime) -> ibis.Value:
    return ibis.literal(as_of, type="timestamp('UTC', 6)").epoch_seconds() - at.epoch_seconds()

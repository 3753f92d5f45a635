"""What was known of each customer when a message was sent, what followed, and what is known now.

A message's facts know only what was known before it was sent; what followed is looked at for ``effect_days``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import ibis

from ml.capabilities.marketing.config import ATTRIBUTES, CONTROL, PROTECTED
from ml.capabilities.marketing.spec import Params
from ml.contract.purchases import bought, chosen
from ml.core.asof import known
from ml.core.once import once
from ml.core.units import DAY_S

Tables = Mapping[str, ibis.Table]

CENTS = 100
NUMBERS = (
    "orders",
    "orders_90",
    "orders_365",
    "rate",
    "days_since",
    "days_known",
    "spend",
    "mean_order",
    "account_days",
    "mails_365",
    "mail_visits",
    "days_since_mail",
    "is_wholesale",
    "is_business",
    "app_share",
    "store_share",
)
"""Columns that an uplift may depend on; what the shop protects is null."""
OF_ATTRIBUTE = {"country": (), "segment": ("is_wholesale", "is_business"), "channel": ("app_share", "store_share")}
"""Columns that an attribute of ``marketing_protected`` takes out; the country is in none of them."""


def build(tables: Tables, as_of: datetime, params: Params) -> dict[str, ibis.Table]:
    """Give the features.

    Returns
    -------
    dict of str to ibis.Table
        ``customer``: everyone, with ``consent``, ``preferred`` (category by money) and :data:`NUMBERS` as of now · ``mail``:
        one row per customer and campaign sent long enough ago for its effect: ``campaign_id``, ``arm``, ``sent_at``,
        ``sent`` (s), :data:`NUMBERS` as of then, ``visited`` (null where the shop knows no visits), ``ordered``, ``money``,
        ``discount``.
    """
    placed = once(_orders(tables, as_of))
    people = known(tables["customer"], as_of, "registered_at")
    now = people.select("customer_id", at=ibis.literal(_seconds(as_of), "int64"))
    hidden = _protected(tables)
    everyone = _described(now, people, placed, _mails(tables, as_of), hidden)
    consent = people.select("customer_id", consent=people["accepts_marketing"].fill_null(False))
    everyone = everyone.left_join(consent, "customer_id").drop("customer_id_right")
    everyone = everyone.left_join(_preferred(tables, placed, as_of), "customer_id").drop("customer_id_right")
    return {
        "customer": everyone.select("customer_id", "consent", "preferred", *NUMBERS),
        "mail": _messages(tables, as_of, params, people, placed, hidden),
    }


def truth(tables: Tables, start: datetime, end: datetime, params: Params) -> ibis.Table:
    """Give the rows of ``mail`` that were sent in ``[start, end - effect_days)``, as known at ``end``."""
    mail = build(tables, end, params)["mail"]
    return mail.filter(mail["sent"] >= _seconds(start))


def _messages(
    tables: Tables, as_of: datetime, params: Params, people: ibis.Table, placed: ibis.Table, hidden: set[str]
) -> ibis.Table:
    """See ``mail`` of :func:`build`; without the table ``campaign`` it has no rows."""
    mails = _mails(tables, as_of)
    last = as_of - timedelta(days=params.effect_days)
    mails = mails.filter(mails["at"] < _seconds(last))
    rows = _described(mails, people, placed, mails, hidden)
    span = params.effect_days * DAY_S
    after = mails.select("campaign_id", "customer_id", "at").inner_join(
        placed.rename(ordered_at_s="at").drop("channel"), "customer_id"
    )
    after = after.filter(after["ordered_at_s"] >= after["at"], after["ordered_at_s"] < after["at"] + span)
    sums = after.group_by("campaign_id", "customer_id").aggregate(
        _n=after.count(), _cents=after["cents"].sum(), _discount=after["discount"].sum()
    )
    rows = rows.left_join(sums, ["campaign_id", "customer_id"])
    rows = rows.drop("campaign_id_right", "customer_id_right")
    visited = ((rows["visit"] >= rows["at"]) & (rows["visit"] < rows["at"] + span)).fill_null(False).cast("float64")
    return rows.select(
        "campaign_id",
        "customer_id",
        "arm",
        "sent_at",
        *NUMBERS,
        sent=rows["at"],
        visited=visited,
        ordered=rows["_n"].fill_null(0).cast("float64"),
        money=rows["_cents"].fill_null(0) / CENTS,
        discount=rows["_discount"].fill_null(0) / CENTS,
    )


def _mails(tables: Tables, as_of: datetime) -> ibis.Table:
    """``(campaign_id, customer_id, arm, sent_at, at, visit)`` of every message, with seconds since 1970."""
    if "campaign" not in tables:
        none = tables["customer"].filter(ibis.literal(False))
        return none.select(
            "customer_id",
            campaign_id=none["customer_id"],
            arm=none["customer_id"],
            sent_at=ibis.null("timestamp('UTC', 6)"),
            at=ibis.null("int64"),
            visit=ibis.null("int64"),
        )
    sent = known(tables["campaign"], as_of, "sent_at")
    came = sent["visited_at"].epoch_seconds().cast("int64")
    return sent.select(
        "campaign_id",
        "customer_id",
        "arm",
        "sent_at",
        at=sent["sent_at"].epoch_seconds().cast("int64"),
        visit=ibis.ifelse(came < _seconds(as_of), came, None),
    )


def _described(
    moments: ibis.Table, people: ibis.Table, placed: ibis.Table, mails: ibis.Table, hidden: set[str]
) -> ibis.Table:
    """Add :data:`NUMBERS` as of ``at`` to rows with ``customer_id`` and ``at``."""
    keys = moments.select("customer_id", "at").distinct()
    past = keys.inner_join(placed.rename(then="at"), "customer_id")
    past = past.filter(past["then"] < past["at"])
    age = past["at"] - past["then"]
    orders = past.group_by("customer_id", "at").aggregate(
        orders=past.count(),
        orders_90=(age <= 90 * DAY_S).sum(),
        orders_365=(age <= 365 * DAY_S).sum(),
        _last=age.min(),
        _first=age.max(),
        _cents=past["cents"].sum(),
        _app=(past["channel"] == "app").fill_null(False).sum(),
        _store=past["channel"].isin(("store", "phone")).fill_null(False).sum(),
    )
    sent = mails.filter(mails["arm"] != CONTROL)
    sent = sent.select("customer_id", "visit", then="at")
    earlier = keys.inner_join(sent, "customer_id")
    earlier = earlier.filter(earlier["then"] < earlier["at"])
    since = earlier["at"] - earlier["then"]
    messages = earlier.group_by("customer_id", "at").aggregate(
        mails_365=(since <= 365 * DAY_S).sum(),
        _mail=since.min(),
        mail_visits=((earlier["visit"] < earlier["at"]) & (since <= 365 * DAY_S)).fill_null(False).sum(),
    )
    who = people.select("customer_id", "segment", opened=people["registered_at"].epoch_seconds().cast("int64"))
    rows = moments.left_join(orders, ["customer_id", "at"]).drop("customer_id_right", "at_right")
    rows = rows.left_join(messages, ["customer_id", "at"]).drop("customer_id_right", "at_right")
    rows = rows.left_join(who, "customer_id").drop("customer_id_right")
    group = rows["segment"].fill_null("")
    open_days = ibis.least(ibis.greatest(rows["at"] - rows["opened"], 30 * DAY_S).fill_null(365 * DAY_S), 365 * DAY_S)
    columns = {
        "rate": rows["orders_365"].fill_null(0) * (365 * DAY_S) / open_days,
        "orders": rows["orders"].fill_null(0),
        "orders_90": rows["orders_90"].fill_null(0),
        "orders_365": rows["orders_365"].fill_null(0),
        "days_since": rows["_last"] / DAY_S,
        "days_known": rows["_first"] / DAY_S,
        "spend": rows["_cents"].fill_null(0) / CENTS,
        "mean_order": rows["_cents"] / CENTS / rows["orders"],
        "account_days": ibis.greatest(rows["at"] - rows["opened"], 0) / DAY_S,
        "mails_365": rows["mails_365"].fill_null(0),
        "mail_visits": rows["mail_visits"].fill_null(0),
        "days_since_mail": rows["_mail"] / DAY_S,
        "is_wholesale": (group == "wholesale").cast("float64"),
        "is_business": (group == "business").cast("float64"),
        "app_share": rows["_app"] / rows["orders"],
        "store_share": rows["_store"] / rows["orders"],
    }
    numbers = {n: (ibis.null("float32") if n in hidden else each.cast("float32")) for n, each in columns.items()}
    return rows.select(*moments.columns, **numbers)


def _orders(tables: Tables, as_of: datetime) -> ibis.Table:
    """``(order_id, customer_id, at, channel, cents, discount)`` of each purchase of a known customer; never below 0."""
    placed = bought(known(tables["order"], as_of, "ordered_at", "known_at"))
    placed = placed.filter(placed["customer_id"].nullif("").notnull())
    items = chosen(tables["order_item"])
    goods = items.group_by("order_id").aggregate(goods=_cents(items["quantity"] * items["unit_price"]).sum())
    placed = placed.left_join(goods, "order_id").drop("order_id_right")
    if "coupon" in tables:
        used = tables["coupon"].group_by("order_id").aggregate(_off=_cents(tables["coupon"]["discount"]).sum())
        placed = placed.left_join(used, "order_id").drop("order_id_right")
        off = placed["_off"].fill_null(0)
    else:
        off = ibis.literal(0, "int64")
    whole = ibis.coalesce(_cents(placed["total"]), placed["goods"], ibis.literal(0, "int64"))
    return placed.select(
        "order_id",
        "customer_id",
        "channel",
        at=placed["ordered_at"].epoch_seconds().cast("int64"),
        cents=ibis.greatest(whole, 0).cast("int64"),
        discount=ibis.greatest(off, 0).cast("int64"),
    )


def _preferred(tables: Tables, placed: ibis.Table, as_of: datetime) -> ibis.Table:
    """``customer_id`` and the category that they spent most in."""
    goods = known(tables["product"], as_of, "listed_at")
    goods = goods.filter(goods["category"].nullif("").notnull()).select("product_id", "category")
    lines = chosen(tables["order_item"]).inner_join(placed.select("order_id", "customer_id"), "order_id")
    lines = lines.inner_join(goods, "product_id")
    money = lines.group_by("customer_id", "category").aggregate(n=_cents(lines["quantity"] * lines["unit_price"]).sum())
    place = ibis.row_number().over(ibis.window(group_by="customer_id", order_by=[ibis.desc("n"), "category"]))
    best = money.mutate(place=place)
    return best.filter(best["place"] == 0).select("customer_id", preferred="category")


def _protected(tables: Tables) -> set[str]:
    """Columns that may not be looked at, by what the shop's staff wrote."""
    if PROTECTED.name in tables:
        named = set(tables[PROTECTED.name]["attribute"].to_pyarrow().to_pylist())
    else:
        named = {str(row["attribute"]) for row in PROTECTED.rows}
    return {column for attribute in ATTRIBUTES if attribute in named for column in OF_ATTRIBUTE[attribute]}


def _cents(amount: ibis.Value) -> ibis.Value:
    return (amount.cast("float64") * CENTS).round().cast("int64")


def _seconds(at: datetime) -> int:
    return int(at.timestamp())

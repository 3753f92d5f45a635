"""An order put together from the contract's tables: who, what, paid how, shared with whom, and how it turned out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import ibis

from ml.capabilities.risk.spec import Params
from ml.contract.purchases import is_settled_sale, may_be_held
from ml.core.asof import known

Tables = Mapping[str, ibis.Table]

TRACES = {"device": "device_id", "address": "shipping_address", "ip": "ip", "email": "email"}
"""Entities and where the contract's ``order`` has them."""
FRAUD = ("fraud", "chargeback")
TAKEN_BACK = ("ok",)
"""Outcomes that, known after a fraud or chargeback, say that it was none: the dispute was won."""
MOMENT = "timestamp('UTC', 6)"
MOST = 1e12
"""Amounts above are counted as this where they are added up: in hundredths they still fit a whole number."""


def orders(tables: Tables, as_of: datetime) -> ibis.Table:
    """One row per order known at ``as_of``, as the contract's ``order`` has it, numbered by ``order_no``.

    ``at`` is when it was placed and ``since`` when it became known, in seconds since 1970; an order knows of others only
    what was known before its ``at``. Of the entities :data:`TRACES` it has what :func:`key` makes of them.
    """
    placed = known(tables["order"], as_of, "ordered_at", "known_at")
    at = seconds(placed["ordered_at"])
    placed = placed.select(
        "order_id",
        "ordered_at",
        "status",
        "total",
        "shipping",
        "channel",
        "shipping_country",
        "billing_country",
        customer_id=placed["customer_id"].nullif(""),
        at=at,
        since=ibis.greatest(at, seconds(placed["known_at"]).fill_null(at)),
        **{name: key(placed[column].nullif("")) for name, column in TRACES.items()},
    )
    # The order of time, and of ids at one instant: one number for each order whatever the order of the rows.
    order_no = ibis.row_number().over(order_by=[placed["ordered_at"], placed["order_id"]]).cast("int32")
    return placed.mutate(order_no=order_no)


def detailed(placed: ibis.Table, tables: Tables, as_of: datetime, params: Params) -> ibis.Table:
    """Add what was bought and how it was paid; a missing ``total`` becomes the value of the lines.

    A payment made later than orders are decided is not looked at: its method was not known then.
    """
    lines = _lines(placed, tables, as_of)
    whole = _beside(_beside(placed, _payments(placed, tables, as_of, params)), _items(lines))
    # Texts come last, from a table of products: carried from join to join they cost more than all the rest.
    for name, columns in (("product", ("category", "brand", "item")), ("second", ())):
        named = _products(tables, as_of).select("name", *columns, **{f"{name}_text": "text"})
        whole = whole.left_join(named, whole[name] == named["name"]).drop(name, "name")
        whole = whole.rename({name: f"{name}_text"})
    total = ibis.coalesce(whole["total"].cast("float64"), whole["goods"], ibis.literal(0.0))
    return whole.mutate(total=total).drop("goods")


def cards(placed: ibis.Table, tables: Tables, as_of: datetime) -> ibis.Table:
    """Add ``card`` and ``last_card``, the first and last in the order of their names of all that paid by ``as_of``.

    What the shop's lists are held against: when an order is looked at, each card is known that paid by then.
    """
    if "payment" not in tables:
        return placed.mutate(card=ibis.null("string"), last_card=ibis.null("string"))
    rows = known(tables["payment"], as_of, "paid_at").inner_join(placed.select("order_id", "order_no"), "order_id")
    card = rows["card"].nullif("")
    return _beside(placed, rows.group_by("order_no").aggregate(card=card.min(), last_card=card.max()))


def _payments(placed: ibis.Table, tables: Tables, as_of: datetime, params: Params) -> ibis.Table:
    """Per ``order_no`` ``payments``, ``instalments``, ``payment`` (one method, or two joined by +), ``card``, ``card_listed``.

    Only the last, a card of the order whenever it paid, is more than what was known when the order was decided about.
    """
    if "payment" not in tables:
        none = placed.filter(ibis.literal(False)).select("order_no", card=key(placed["order_id"]))
        return none.mutate(
            card_listed=none["card"],
            payments=ibis.null("int32"),
            instalments=ibis.null("int32"),
            payment=ibis.null("string"),
        )
    rows = known(tables["payment"], as_of, "paid_at")
    rows = rows.inner_join(placed.select("order_id", "order_no", "at"), "order_id")
    at_order = (seconds(rows["paid_at"]) <= rows["at"] + params.decide_minutes * 60).fill_null(True)
    payments = rows.group_by("order_no").aggregate(
        _n=at_order.sum(),
        instalments=rows["instalments"].max(where=at_order).cast("int32"),
        _first=rows["method"].min(where=at_order),
        _last=rows["method"].max(where=at_order),
        card=rows["card"].nullif("").min(where=at_order),
        card_listed=rows["card"].nullif("").min(),
    )
    both = ibis.ifelse(
        payments["_first"] == payments["_last"], payments["_first"], payments["_first"] + "+" + payments["_last"]
    )
    return payments.mutate(
        payment=both,
        card=key(payments["card"]),
        card_listed=key(payments["card_listed"]),
        payments=payments["_n"].nullif(0).cast("int32"),
    ).drop("_first", "_last", "_n")


def labelled(placed: ibis.Table, tables: Tables, as_of: datetime, params: Params) -> ibis.Table:
    """Add ``fraud_at``, ``won_at``, ``label``, ``decided``, ``settled`` and ``open`` as known at ``as_of``.

    An order with a fraud or chargeback is 1, unless it was known to be ok after that (``won_at``: a dispute that was won);
    one that came back, was cancelled or went well is 0. One without an outcome is unknown, however good it looks, until it
    is ``mature_days`` old and was placed after the shop began to write outcomes down. Of an order that the staff holds,
    neither silence nor a cancellation says that it was good: both follow from the hold.
    """
    end = _seconds_of(as_of)
    now = _decided(placed.mutate(settled=placed["at"] < end - params.settle_days * 86_400), tables, as_of)
    if "order_outcome" in tables:
        outcomes = known(tables["order_outcome"], as_of, "known_at")
        at, bad = seconds(outcomes["known_at"]), outcomes["kind"].isin(FRAUD)
        begun = outcomes.aggregate(_begun=at.min())
        outcomes = outcomes.group_by("order_id").aggregate(
            fraud_at=at.min(where=bad),
            _bad_until=at.max(where=bad),
            _good=(~bad & (outcomes["kind"] != "cancelled")).any(),
            _cancelled=(outcomes["kind"] == "cancelled").any(),
            _won=at.max(where=outcomes["kind"].isin(TAKEN_BACK)),
        )
        outcomes = outcomes.mutate(
            won_at=ibis.ifelse(outcomes["_won"] > outcomes["_bad_until"], outcomes["_won"], ibis.null("int64"))
        )
        now = now.left_join(outcomes, "order_id").drop("order_id_right", "_won", "_bad_until").cross_join(begun)
        silent = (now["at"] < end - params.mature_days * 86_400) & (now["at"] >= now["_begun"]) & is_settled_sale(now)
        released = (now["decided"] != 1).fill_null(True)
        follows = now["_cancelled"].fill_null(False) | silent.fill_null(False)
        good = now["_good"].fill_null(False) | (follows & released)
        fraud = now["fraud_at"].notnull() & now["won_at"].isnull()
        now = now.mutate(label=ibis.cases((fraud, 1), (good, 0), else_=ibis.null("int8")).cast("int8"))
        now = now.drop("_good", "_cancelled", "_begun")
    else:
        now = now.mutate(fraud_at=ibis.null("int64"), won_at=ibis.null("int64"), label=ibis.null("int8"))
    unfinished = may_be_held(now) & now["label"].isnull()
    return now.mutate(open=unfinished & (now["at"] >= end - params.open_days * 86_400))


def key(text: ibis.Value) -> ibis.Value:
    """What stands for a text where orders that share it are counted: null for null, equal for equal texts.

    The engine's hash, of 64 bits. Texts are replaced where they are read: four of 32 letters each, carried through every
    sort and join, took 10 million orders from 103 s to 119.
    """
    return ibis.ifelse(text.isnull(), ibis.null("int64"), text.hash())


def seconds(time: ibis.Value) -> ibis.Value:
    """Whole seconds since 1970."""
    return time.epoch_seconds().cast("int64")


def hundredths(amount: ibis.Value) -> ibis.Value:
    """A whole number of cents, between 0 and ``MOST``; sums of whole numbers are the same in any order."""
    return (ibis.greatest(ibis.least(amount.cast("float64"), MOST), 0.0) * 100).round().cast("int64")


def _decided(placed: ibis.Table, tables: Tables, as_of: datetime) -> ibis.Table:
    """Add ``decided``: 1, the staff held the order before ``as_of``; 0, released it; null, neither, or nobody knows when."""
    if "decided_at" not in (tables["risk_list"].columns if "risk_list" in tables else ()):
        return placed.mutate(decided=ibis.null("int8"))
    entries = tables["risk_list"]
    entries = entries.filter(entries["entity"] == "order", entries["decided_at"] < ibis.literal(as_of, type=MOMENT))
    held = (entries["kind"] == "deny").cast("int8").max()
    return placed.left_join(
        entries.group_by(_order=entries["value"]).aggregate(decided=held), [("order_id", "_order")]
    ).drop("_order")


def _seconds_of(time: datetime) -> int:
    return int((time - datetime.fromtimestamp(0, time.tzinfo)) / timedelta(seconds=1))


def _beside(left: ibis.Table, right: ibis.Table) -> ibis.Table:
    """Add the columns of ``right``, which has at most one row per order."""
    return left.left_join(right, "order_no").drop("order_no_right")


def _lines(placed: ibis.Table, tables: Tables, as_of: datetime) -> ibis.Table:
    """Whole numbers for each order line: texts are joined once and then grouped by number, which is several times faster."""
    lines = tables["order_item"].inner_join(placed.select("order_id", "order_no"), "order_id")
    products = known(tables["product"], as_of, "listed_at")
    products = products.select("product_id", kind=_part(products["category"].fill_null("")))
    lines = lines.left_join(products, "product_id").drop("product_id_right")
    thousandths = (ibis.least(lines["quantity"].cast("float64"), MOST) * 1000).round().cast("int64")
    cents = hundredths(lines["unit_price"])
    # Of two lines at one price the first: the number is unique, so the answer does not depend on the order of the rows.
    rank = cents * 4096 - ibis.least(lines["line_no"].cast("int64"), 4095)
    lines = lines.select(
        "order_no",
        "product_id",
        pieces=thousandths,
        rank=rank,
        cents=cents,
        product=key(lines["product_id"]),
        goods=hundredths(lines["unit_price"].cast("float64") * lines["quantity"].cast("float64")),
        name=_part(lines["product_id"]),
        kind=ibis.coalesce(lines["kind"], _part(ibis.literal("")).cast("int64")),
    )
    # A product at a price has a number of its own; times an odd one the prices of two products do not cancel out.
    return lines.mutate(priced=_part((lines["name"] * 31 + lines["cents"] % (1 << 40)).cast("string")))


def _items(lines: ibis.Table) -> ibis.Table:
    """Per ``order_no``: ``pieces``, ``lines``, ``goods`` (their value), keys, the dearest products and their prices.

    The keys are equal for equal baskets: ``basket`` (products and prices), ``goods_set`` (products), ``kinds_set``
    (categories). ``product`` and ``second`` are what :func:`key` makes of their ids.
    """
    per_order = lines.group_by("order_no").aggregate(
        pieces=lines["pieces"].sum().cast("float64") / 1000,
        lines=lines.count().cast("int32"),
        goods=lines["goods"].sum().cast("float64") / 100,
        dearest=lines["cents"].max().cast("float64") / 100,
        cheapest=lines["cents"].min().cast("float64") / 100,
        product=lines["product"].argmax(lines["rank"]),
        top=lines["rank"].max(),
        basket=lines["priced"].sum().cast("int64"),
        goods_set=lines["name"].sum().cast("int64"),
        kinds_set=lines["kind"].sum().cast("int64"),
    )
    rest = lines.inner_join(per_order.select("order_no", "top"), "order_no")
    rest = rest.filter(rest["rank"] < rest["top"])
    rest = rest.group_by("order_no").aggregate(
        second=rest["product"].argmax(rest["rank"]), second_price=rest["cents"].max().cast("float64") / 100
    )
    return _beside(per_order.drop("top"), rest)


def _products(tables: Tables, as_of: datetime) -> ibis.Table:
    """``name`` (:func:`key` of the id) and ``text`` (the id) of each product, and its texts if it is known."""
    every = tables["product"].select("product_id", name=key(tables["product"]["product_id"]))
    products = known(tables["product"], as_of, "listed_at").select("product_id", "category", "brand", item="title")
    return every.left_join(products, "product_id").drop("product_id_right").rename(text="product_id")


def _part(text: ibis.Value) -> ibis.Value:
    """A whole number for a text, small enough that those of a million lines can be added: a sum has no order.

    It is the engine's hash. A model that was learnt under another engine, or another version of it, knows no baskets by it, until it
    is trained again.
    """
    return (text.hash() % (1 << 43)).cast("int64")

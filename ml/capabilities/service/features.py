"""What is known of tickets at a time: their texts, the customer's own order, what became of older ones, what the staff tells."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import ibis
import pyarrow as pa

from ml.capabilities.service.config import CONFIG
from ml.capabilities.service.spec import Params
from ml.contract.purchases import bought
from ml.core.asof import known
from ml.core.batches import ARROW
from ml.core.units import DAY_US

Tables = Mapping[str, ibis.Table]

_ORDER = {
    "order_id": "string",
    "customer_id": "string",
    "ordered": "int64",
    "order_value": "float64",
    "order_state": "string",
    "promised": "int64",
    "delivered": "int64",
    "carrier": "string",
}


def build(tables: Tables, as_of: datetime, params: Params, only: ibis.Table | None = None) -> dict[str, ibis.Table]:
    """Make what :mod:`ml.capabilities.service.model` learns from and answers.

    Returns
    -------
    dict of str to ibis.Table
        ``ticket``: those of the last ``history_days`` with what the shop wrote of them, times in microseconds since 1970
        (``opened``, ``first``, ``solved``, ``reopened``: null before they are known), ``state``, ``customer_value`` and the
        order that it is about, if that is the customer's own: ``order_id``, ``ordered``, ``order_value``,
        ``order_state``, ``promised``, ``delivered``, ``carrier`` · ``history``: all tickets that are filed, or were answered, and the
        first ``reply`` of an agent; none with ``only`` · ``order``: the latest order of each customer · ``item``: ``order_id`` and
        ``product_id`` of late orders · ``load``: by ``team`` the tickets that wait there (``waiting``) · ``answer``,
        ``service_team``, ``service_rule``, ``service_cost``: the staff's · ``moment``.
    """
    every = _tickets(tables, as_of)
    tickets = every if only is None else every.semi_join(only, "ticket_id")
    tickets = tickets.filter(tickets["opened"] >= _micros(as_of - timedelta(days=params.history_days)))
    history = every.left_join(_replies(tables, as_of), "ticket_id").drop("ticket_id_right")
    kept = history["intent"].notnull() | history["first"].notnull() | history["reply"].notnull()
    orders = _orders(tables, as_of)
    return {
        "ticket": _with_order(tickets, orders, tables, as_of, params),
        "history": history.filter(kept if only is None else ibis.literal(False)),
        "order": _latest(orders, as_of, params),
        "item": _items(tables, orders, as_of, params),
        "load": _load(every),
        "moment": ibis.literal(_micros(as_of), "int64").name("as_of").as_table(),
        **{table.name: _configured(tables, table.name) for table in CONFIG},
    }


def truth(tables: Tables, start: datetime, end: datetime, params: Params) -> ibis.Table:  # noqa: ARG001
    """Tickets that were opened in ``[start, end)`` and filed: ticket_id, subject, text, intent."""
    rows = _tickets(tables, end)
    rows = rows.filter(rows["opened"] >= _micros(start), rows["intent"].notnull())
    return rows.select("ticket_id", "subject", "text", "intent")


def _tickets(tables: Tables, as_of: datetime) -> ibis.Table:
    rows = known(tables["ticket"], as_of, "opened_at")
    now = _micros(as_of)
    times = {name: _before(rows[f"{name}_at"], now) for name in ("solved", "reopened")} | {
        "first": _before(rows["first_answer_at"], now)
    }
    dated = rows.mutate(**times)
    none = (
        dated["first"].isnull()
        & dated["solved"].isnull()
        & dated["first_answer_at"].isnull()
        & dated["solved_at"].isnull()
    )
    back = dated["reopened"].notnull() & (dated["solved"].isnull() | (dated["reopened"] > dated["solved"])).fill_null(
        True
    )
    state = ibis.cases(
        (back, "reopened"),
        (dated["solved"].notnull(), "solved"),
        (dated["first"].notnull(), "answered"),
        (none & dated["status"].isin(("answered", "solved", "reopened")).fill_null(False), dated["status"]),
        else_="open",
    )
    answered, closed = dated["first"].notnull(), dated["solved"].notnull()
    return dated.select(
        "ticket_id",
        "customer_id",
        "order_id",
        "subject",
        "text",
        "channel",
        "language",
        "team",
        "first",
        "solved",
        "reopened",
        "unheard",
        state=state,
        spoken=dated["audio_uri"].notnull(),
        transcript_confidence=dated["transcript_confidence"].cast("float64"),
        intent=dated["intent"].strip().nullif(""),
        opened=_us(dated["opened_at"]),
        rating=ibis.ifelse(closed, dated["rating"], ibis.null("int64")),
        sent_answer_id=ibis.ifelse(answered, dated["sent_answer_id"], ibis.null("string")),
        answer_changed=ibis.ifelse(answered, dated["answer_changed"], ibis.null("boolean")),
    )


def _replies(tables: Tables, as_of: datetime) -> ibis.Table:
    """The first message of an agent in each thread."""
    if "ticket_message" not in tables:
        return _none({"ticket_id": "string", "reply": "string"})
    messages = known(tables["ticket_message"], as_of, "written_at")
    messages = messages.filter(messages["author"] == "agent")
    place = ibis.row_number().over(ibis.window(group_by="ticket_id", order_by=["written_at", "message_id"]))
    return messages.mutate(place=place).filter(lambda t: t["place"] == 0).select("ticket_id", reply="text")


def _orders(tables: Tables, as_of: datetime) -> ibis.Table:
    """Orders with a customer, and where each is."""
    if "order" not in tables:
        return _none(_ORDER)
    rows = known(tables["order"], as_of, "ordered_at", "known_at")
    rows = rows.filter(rows["customer_id"].notnull())
    rows = rows.left_join(_parcels(tables, as_of), "order_id").drop("order_id_right")
    now = _micros(as_of)
    status = rows["status"].fill_null("")
    state = ibis.cases(
        (status.isin(("cancelled", "refunded")), "cancelled"),
        (rows["delivered"].notnull() | status.isin(("delivered", "returned", "partly_returned")), "delivered"),
        ((rows["promised"] < now).fill_null(False), "late"),
        (rows["handed"].notnull() | (status == "shipped"), "sent"),
        else_="open",
    )
    return rows.select(
        "order_id",
        "customer_id",
        "promised",
        "delivered",
        "carrier",
        ordered=_us(rows["ordered_at"]),
        order_value=rows["total"].cast("float64"),
        order_state=state,
    )


def _parcels(tables: Tables, as_of: datetime) -> ibis.Table:
    """By order: its last promise, when the first parcel was handed over, and when all had come."""
    if "shipment" not in tables:
        return _none(
            dict.fromkeys(("promised", "handed", "delivered"), "int64") | {"order_id": "string", "carrier": "string"}
        )
    rows, now = tables["shipment"], _micros(as_of)
    came = _before(rows["delivered_at"], now)
    grouped = rows.mutate(came=came, handed=_before(rows["handed_over_at"], now)).group_by("order_id")
    parcels = grouped.aggregate(
        promised=lambda t: _us(t["promised_at"]).max(),
        handed=lambda t: t["handed"].min(),
        delivered=lambda t: t["came"].max(),
        missing=lambda t: t["came"].isnull().any(),
        carrier=lambda t: t["carrier"].min(),
    )
    return parcels.mutate(delivered=ibis.ifelse(parcels["missing"], ibis.null("int64"), parcels["delivered"])).drop(
        "missing"
    )


def _with_order(tickets: ibis.Table, orders: ibis.Table, tables: Tables, as_of: datetime, params: Params) -> ibis.Table:
    """Each ticket with the customer's own order: the one that it names, else the latest before it. Another's is never joined."""
    rows = tickets.left_join(orders, "customer_id", rname="{name}_of")
    own = rows["order_id_of"].notnull()
    named = (rows["order_id"] == rows["order_id_of"]).fill_null(False)
    recent = (rows["ordered"] <= rows["opened"]) & (rows["ordered"] >= rows["opened"] - params.order_days * DAY_US)
    fits = own & (named | (rows["order_id"].isnull() & recent.fill_null(False)))
    facts = [name for name in _ORDER if name not in ("order_id", "customer_id")]
    latest = ibis.window(group_by="ticket_id", order_by=[ibis.desc("fits"), ibis.desc("ordered"), "order_id_of"])
    rows = rows.mutate(fits=fits)
    rows = rows.mutate(place=ibis.row_number().over(latest)).filter(lambda t: t["place"] == 0)
    empty = {name: ibis.ifelse(rows["fits"], rows[name], ibis.null(_ORDER[name])) for name in facts}
    rows = rows.mutate(order_id=ibis.ifelse(rows["fits"], rows["order_id_of"], ibis.null("string")), **empty)
    rows = rows.select(*tickets.columns, *facts)
    return (
        rows.left_join(_values(tables, as_of), "customer_id")
        .drop("customer_id_right")
        .mutate(customer_value=lambda t: t["customer_value"].fill_null(0.0))
    )


def _values(tables: Tables, as_of: datetime) -> ibis.Table:
    """What each customer bought in the last year."""
    if "order" not in tables:
        return _none({"customer_id": "string", "customer_value": "float64"})
    rows = bought(known(tables["order"], as_of, "ordered_at", "known_at"))
    rows = rows.filter(_us(rows["ordered_at"]) >= _micros(as_of - timedelta(days=365)), rows["customer_id"].notnull())
    cents = (
        (rows["total"].cast("float64").fill_null(0.0) * 100).round().cast("int64")
    )  # whole numbers add up in any order
    return rows.mutate(cents=cents).group_by("customer_id").aggregate(customer_value=lambda t: t["cents"].sum() / 100)


def _latest(orders: ibis.Table, as_of: datetime, params: Params) -> ibis.Table:
    """The latest order of each customer who ordered lately."""
    rows = orders.filter(orders["ordered"] >= _micros(as_of - timedelta(days=params.order_days)))
    place = ibis.row_number().over(ibis.window(group_by="customer_id", order_by=[ibis.desc("ordered"), "order_id"]))
    return rows.mutate(place=place).filter(lambda t: t["place"] == 0).select(*_ORDER)


def _items(tables: Tables, orders: ibis.Table, as_of: datetime, params: Params) -> ibis.Table:
    """Products of the orders that a ticket of the last days may be about."""
    if "order_item" not in tables:
        return _none({"order_id": "string", "product_id": "string"})
    days = params.history_days + params.order_days
    late = orders.filter(orders["ordered"] >= _micros(as_of - timedelta(days=days)))
    return tables["order_item"].semi_join(late, "order_id").select("order_id", "product_id").distinct()


def _load(every: ibis.Table) -> ibis.Table:
    """Tickets that wait at each team, as the shop assigned them."""
    rows = every.filter(every["state"].isin(("open", "reopened")), every["team"].notnull())
    return rows.group_by("team").aggregate(waiting=lambda t: t.count())


def _configured(tables: Tables, name: str) -> ibis.Table:
    """A table of the staff's; where it is not there, the rows that it begins with."""
    spec = next(table for table in CONFIG if table.name == name)
    kinds = {c.name: pa.date32() if c.kind == "date" else ARROW[c.kind] for c in spec.columns}
    if name in tables:
        return tables[name].select(*kinds)
    return ibis.memtable(pa.Table.from_pylist([dict(row) for row in spec.rows], pa.schema(list(kinds.items()))))


def _none(columns: Mapping[str, str]) -> ibis.Table:
    kinds = {"string": pa.string(), "int64": pa.int64(), "float64": pa.float64()}
    return ibis.memtable(pa.schema([(name, kinds[kind]) for name, kind in columns.items()]).empty_table())


def _before(time: ibis.Value, now: int) -> ibis.Value:
    """The time in microseconds since 1970, or null where it was not known yet."""
    return ibis.ifelse(_us(time) < now, _us(time), ibis.null("int64"))


def _us(time: ibis.Value) -> ibis.Value:
    return time.cast("timestamp('UTC', 6)").epoch_seconds().cast("int64") * 1_000_000


def _micros(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000

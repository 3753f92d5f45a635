"""The review queue: open orders by what they may cost, why, what hangs together; release, hold, note, undo."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse, Response

from ml.core.errors import NightshiftError
from ml.registry import CAPABILITIES
from nightshift_airflow.console import charts, edits, look, shop
from nightshift_airflow.console.access import Form
from nightshift_airflow.console.database import Row
from nightshift_airflow.console.page import Here, Page
from nightshift_airflow.console.pages.rules import table_of

router = APIRouter(prefix="/orders")
LIST = "risk_list"
"""The staff's allow and deny lists: an order on them is decided before the model is asked."""
KINDS = {"release": "allow", "hold": "deny"}
WHY = {"device": "the same device", "card": "the same card", "address": "the same address"}
STATES = ("review", "block", "allow")


@router.get("")
def queue(here: Here) -> HTMLResponse:
    """Open orders to look at, the dearest first."""
    state = here.asked("state") if here.asked("state") in STATES else "review"
    rows: list[Row] = []
    counts: list[Row] = []
    if here.reader.has("ml.order_risk"):
        rows, _ = here.reader.attempt(
            "SELECT * FROM ml.order_risk WHERE decision = %s ORDER BY expected_loss DESC NULLS LAST LIMIT 101", (state,)
        )
        counts, _ = here.reader.attempt(
            "SELECT decision, count(*) AS n, sum(expected_loss) AS loss FROM ml.order_risk GROUP BY 1"
        )
    marks = _marks(here, [row["order_id"] for row in rows])
    return here.show(
        "orders.html",
        rows=rows[:100],
        more=len(rows) > 100,
        state=state,
        states=STATES,
        counts={row["decision"]: row for row in counts},
        marks=marks,
        missing="risk" in CAPABILITIES and not counts,
    )


def _marks(here: Page, orders: list[str]) -> dict[str, Row]:
    """What people decided about these orders, by order; where both stand there, deny wins, as in the night."""
    if not orders or not here.reader.has(f"ml_config.{LIST}"):
        return {}
    rows = here.reader.rows(
        "SELECT * FROM ml_config.risk_list WHERE entity = 'order' AND value = ANY(%s) ORDER BY kind, id", (orders,)
    )
    return {row["value"]: row for row in rows}


@router.get("/{order}")
def one(here: Here, order: str) -> HTMLResponse:
    """An order: why it is held, what it is made of, what hangs together with it, who decided what."""
    blocks = look.about(here.reader, "order_id", order) + look.panels(here.reader, "order", order)
    risk = next((b.rows[0] for b in blocks if b.table == "order_risk" and b.rows), None)
    items = shop.find(here.settings, "order_item", "order_id", order)
    facts = shop.find(here.settings, "order", "order_id", order)
    others = _others(here, order, risk)
    history = here.reader.rows(
        """
        SELECT a.*, u.id AS undone_by FROM ml_ops.audit AS a LEFT JOIN ml_ops.audit AS u ON u.undoes = a.id
        WHERE a.object = %s AND coalesce(a.after, a.before) @> %s::jsonb ORDER BY a.id DESC LIMIT 20
        """,
        (LIST, json.dumps({"entity": "order", "value": order})),
    )
    names = look.titles(here.reader, blocks, [str(row.get("product_id")) for row in items.rows])
    return here.show(
        "order.html",
        order=order,
        risk=risk,
        blocks=blocks,
        items=items,
        facts=facts,
        names=names,
        history=history,
        mark=_marks(here, [order]).get(order),
        others=others,
        graph=charts.links(order, [(o["order_id"], here.words(o["why"])) for o in others], "Linked orders")
        if others
        else "",
    )


def _others(here: Page, order: str, risk: Row | None) -> list[dict[str, Any]]:
    """Open orders that share a device, card or address with this one, and those of the same customer."""
    found: dict[str, dict[str, Any]] = {}
    if risk is not None and here.reader.has("ml.order_link"):
        rows, _ = here.reader.attempt(
            "SELECT r.order_id, r.decision, r.expected_loss, l.kind FROM ml.order_link AS l "
            "JOIN ml.order_risk AS r ON r.order_id = l.other_order_id WHERE l.order_id = %s ORDER BY l.rank LIMIT 8",
            (order,),
        )
        found = {row["order_id"]: {**row, "why": WHY.get(row["kind"], row["kind"])} for row in rows}
    if risk is not None and risk.get("customer_id"):
        rows, _ = here.reader.attempt(
            "SELECT order_id, decision, expected_loss FROM ml.order_risk WHERE customer_id = %s AND order_id <> %s "
            "ORDER BY ordered_at DESC LIMIT 8",
            (risk["customer_id"], order),
        )
        found |= {row["order_id"]: {**row, "why": "the same customer"} for row in rows if row["order_id"] not in found}
    return list(found.values())[:12]


@router.post("/{order}/{what}")
def decide(here: Here, form: Form, order: str, what: str) -> Response:
    """Release or hold an order, with a note: one row of the staff's list, which the next look at the order obeys."""
    if what not in KINDS:
        raise HTTPException(404, "An order can be released or held.")
    _, table = table_of(LIST)
    note = form.get("note", "").strip()[:300]
    values = {"kind": KINDS[what], "entity": "order", "value": order, "note": f"{here.person}: {note}".strip(": ")}
    there = _marks(here, [order]).get(order)
    change = (
        edits.Change(table, "update", {"id": there["id"]}, values)
        if there
        else edits.Change(table, "insert", {}, values)
    )
    try:
        number = edits.saved(here.database, here.person, change, note, "")
    except NightshiftError as error:
        return here.show("error.html", status=409, title="Nothing was decided.", said=str(error))
    said = (
        here.words("Released, as change {n}.", n=number)
        if what == "release"
        else here.words("Held, as change {n}.", n=number)
    )
    return here.go(f"orders/{order}" if form.get("stay") else "orders", said)

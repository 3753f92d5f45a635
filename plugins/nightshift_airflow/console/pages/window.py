"""The shop window: what a customer, a stranger or a basket is shown at this moment, why, and what was bought since."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ml.registry import CAPABILITIES
from nightshift_airflow.console import contributions, look, shop
from nightshift_airflow.console.database import Row
from nightshift_airflow.console.page import Here, Page

router = APIRouter()
PLACES = 12
SAMPLE = "SELECT customer_id FROM ml.recommendation WHERE rank = 1 AND customer_id >= %s ORDER BY customer_id LIMIT 8"


@router.get("/window")
def window(here: Here) -> HTMLResponse:
    """The lists of a customer, of a segment's strangers, or of a basket."""
    customer, segment = here.asked("customer"), here.asked("segment")
    basket = [part.strip() for part in here.asked("basket").split(",") if part.strip()][:50]
    shown, fault = _shown(here, customer, segment, basket)
    blocks = look.about(here.reader, "customer_id", customer) if customer else []
    blocks = [block for block in blocks if block.table != "recommendation" or not shown]
    moved = contributions.of(here.reader, customer, shown) if shown else {}
    blocks += look.panels(here.reader, "window", customer) if customer else []
    bought = _bought(here, customer, shown) if customer else shop.Found("order")
    ids = [row["product_id"] for row in (*shown, *bought.rows)] + [row.get("source_product_id") for row in shown]
    names = look.titles(here.reader, blocks, [*ids, *basket])
    samples, _ = here.reader.attempt(SAMPLE, ("",)) if here.reader.has("ml.recommendation") else ([], "")
    segments, _ = (
        here.reader.attempt("SELECT DISTINCT segment FROM ml.cold_start WHERE segment <> '' ORDER BY 1 LIMIT 20")
        if here.reader.has("ml.cold_start")
        else ([], "")
    )
    return here.show(
        "window.html",
        customer=customer,
        segment=segment,
        basket=basket,
        shown=shown,
        fault=fault,
        blocks=blocks,
        names=names,
        samples=samples,
        segments=[row["segment"] for row in segments],
        bought=bought,
        moved=moved,
        since={row["product_id"] for row in bought.rows},
        rules=_rules(here, [row["product_id"] for row in shown]),
        pictures=shop.has(here.settings, "product_image"),
    )


def _shown(here: Page, customer: str, segment: str, basket: list[str]) -> tuple[list[Row], str]:
    """The page as the shop would show it now: by the function that the shop calls, else by the table that it reads."""
    if basket and "ml.recommend_for_basket" in here.reader.functions:
        return here.reader.attempt("SELECT * FROM ml.recommend_for_basket(%s, %s)", (basket, PLACES))
    if "ml.recommend" in here.reader.functions:
        return here.reader.attempt(
            "SELECT * FROM ml.recommend(%s, %s, NULL, '{}', %s)", (customer or None, PLACES, segment or None)
        )
    if customer and here.reader.has("ml.recommendation"):
        return here.reader.attempt(
            "SELECT * FROM ml.recommendation WHERE customer_id = %s ORDER BY rank LIMIT %s", (customer, PLACES)
        )
    return [], ""


def _bought(here: Page, customer: str, shown: list[Row]) -> shop.Found:
    """The lines of the orders that a customer placed since the list was made."""
    found = shop.find(here.settings, "order", "customer_id", customer, order="ordered_at", limit=5)
    batches = [row["batch_id"] for row in shown if row.get("batch_id")]
    made = here.reader.one("SELECT max(as_of) AS at FROM ml_ops.batch WHERE batch_id = ANY(%s)", (batches,))
    at = made["at"] if made else None
    since = {
        str(row["order_id"]): row["ordered_at"]
        for row in found.rows
        if at is None or row["ordered_at"].timestamp() >= at.timestamp()
    }
    items = shop.find(here.settings, "order_item", "order_id", *since, limit=100)
    lines: list[dict[str, Any]] = [
        {**row, "product_id": str(row["product_id"]), "ordered_at": since[str(row["order_id"])]} for row in items.rows
    ]
    lines.sort(key=lambda row: row["ordered_at"], reverse=True)
    return shop.Found("order_item", ["ordered_at", "product_id", "quantity"], lines, found.note or items.note)


def _rules(here: Page, products: list[str]) -> dict[str, list[Row]]:
    """The rules that name a product that is shown."""
    spec = CAPABILITIES.get("recommender")
    if spec is None or not here.reader.has("ml_config.rule"):
        return {}
    rows = here.reader.rows(
        "SELECT id, kind, product_id, rank, note FROM ml_config.rule WHERE product_id = ANY(%s) ORDER BY id",
        (products,),
    )
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["product_id"], []).append(row)
    return found


@router.get("/customer/{customer}")
def customer(here: Here, customer: str) -> HTMLResponse:
    """All that is published about a customer."""
    blocks = look.about(here.reader, "customer_id", customer) + look.panels(here.reader, "customer", customer)
    orders = shop.find(here.settings, "order", "customer_id", customer, order="ordered_at", limit=10)
    return here.show(
        "customer.html", customer=customer, blocks=blocks, names=look.titles(here.reader, blocks), orders=orders
    )


@router.get("/product")
def choose(here: Here) -> HTMLResponse:
    """Search for a product."""
    wanted = here.asked("find")
    rows: list[Row] = []
    if here.reader.has("ml.product_state"):
        rows, _ = here.reader.attempt(
            """
            SELECT product_id, title, category, price, available FROM ml.product_state
            WHERE product_id = %(wanted)s OR title ILIKE %(like)s LIMIT 40
            """,
            {"wanted": wanted, "like": f"%{wanted}%"},
        )
    return here.show("products.html", wanted=wanted, rows=rows)


@router.get("/product/{product}")
def product(here: Here, product: str) -> HTMLResponse:
    """What is said of a product, bought with it, alike; who is shown it; the rules that name it."""
    blocks = look.about(here.reader, "product_id", product) + look.panels(here.reader, "product", product)
    shown = next((b for b in blocks if b.table == "recommendation"), None)
    blocks = [block for block in blocks if block is not shown]
    rules: list[Row] = []
    if here.reader.has("ml_config.rule"):
        rules = here.reader.rows("SELECT * FROM ml_config.rule WHERE product_id = %s ORDER BY id LIMIT 20", (product,))
    names = look.titles(here.reader, [*blocks, *([shown] if shown else [])], [product])
    state = (
        here.reader.one("SELECT * FROM ml.product_state WHERE product_id = %s", (product,))
        if here.reader.has("ml.product_state")
        else None
    )
    return here.show(
        "product.html",
        product=product,
        title=names.get(product, product),
        blocks=blocks,
        names=names,
        rules=rules,
        shown=shown,
        state=state,
        pictures=shop.has(here.settings, "product_image"),
        count=_count(here, product),
        history=here.reader.rows(
            "SELECT * FROM ml_ops.audit WHERE object = 'rule' AND coalesce(after, before) ->> 'product_id' = %s "
            "AND id > (SELECT coalesce(max(id), 0) - 5000 FROM ml_ops.audit) ORDER BY id DESC LIMIT 10",
            (product,),
        ),
    )


def _count(here: Page, product: str) -> int | None:
    """How many customers have the product in their list; None where that is not known."""
    if not here.reader.has("ml.recommendation"):
        return None
    rows, fault = here.reader.attempt("SELECT count(*) AS n FROM ml.recommendation WHERE product_id = %s", (product,))
    return None if fault else int(rows[0]["n"])

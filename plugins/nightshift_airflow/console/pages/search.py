"""The search box: a customer, product, order, rule, model or night, from every page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from psycopg2 import sql

from ml.registry import CAPABILITIES
from nightshift_airflow.console import look
from nightshift_airflow.console.page import Here, Page

router = APIRouter()
Hit = tuple[str, str, str]
"""What it is, its name, and the path of its page."""
_IDS = (("customer_id", "Customer", "customer"), ("order_id", "Order", "orders"), ("product_id", "Product", "product"))


@router.get("/search")
def search(here: Here) -> HTMLResponse:
    """Everything that fits, what is meant exactly first."""
    wanted = here.asked("q")
    hits = [*_ids(here, wanted), *_named(wanted), *_nights(here, wanted), *_titles(here, wanted), *_rules(here, wanted)]
    return here.show("search.html", wanted=wanted, hits=list(dict.fromkeys(hits)) if wanted else [])


def _ids(here: Page, wanted: str) -> Iterator[Hit]:
    """Pages of what has exactly this id in a published table."""
    there = sql.SQL("EXISTS (SELECT FROM {} WHERE {} = %(wanted)s)")
    asked = []
    for column, _, _ in _IDS:
        tables = [t for _, t in look.published() if look.led_by(t, column) and here.reader.has(f"ml.{t.name}")]
        each = [there.format(sql.Identifier("ml", table.name), sql.Identifier(column)) for table in tables]
        asked.append(sql.SQL(" OR ").join(each or [sql.SQL("false")]) + sql.SQL(" AS ") + sql.Identifier(column))
    rows, _ = here.reader.attempt(sql.SQL("SELECT ") + sql.SQL(", ").join(asked), {"wanted": wanted})
    for column, what, page in _IDS:
        if rows and rows[0][column]:
            yield what, wanted, f"{page}/{quote(wanted, safe='')}"


def _named(wanted: str) -> Iterator[Hit]:
    """Capabilities, published tables and tables of rules by their names."""
    asked = wanted.lower()
    for name, spec in CAPABILITIES.items():
        texts = (name, spec.title, spec.question, *(table.name for table in spec.publishes))
        if asked and any(asked in text.lower().replace("_", " ") or asked in text.lower() for text in texts):
            yield "Model", spec.title, f"models/{name}"
    for _, table in look.config():
        if asked and (asked in table.name or asked in table.name.replace("_", " ")):
            yield "Rules", look.title(table.name), f"rules/{table.name}"


def _nights(here: Page, wanted: str) -> Iterator[Hit]:
    """Nights by their date."""
    if re.fullmatch(r"\d{4}-\d{2}(-\d{2})?(/\d{3})?", wanted):
        rows = here.reader.rows(
            "SELECT ref FROM ml_ops.night WHERE ref LIKE %s ORDER BY started_at DESC LIMIT 10", (wanted + "%",)
        )
        yield from (("Night", row["ref"], f"?ref={row['ref']}") for row in rows)


def _titles(here: Page, wanted: str) -> Iterator[Hit]:
    """Products by a part of their title, as the last night saw them."""
    if len(wanted) >= 2 and here.reader.has("ml.product_state"):
        rows, _ = here.reader.attempt(
            "SELECT product_id, title FROM ml.product_state WHERE title ILIKE %s LIMIT 15", (f"%{wanted}%",)
        )
        yield from (("Product", row["title"], f"product/{quote(row['product_id'], safe='')}") for row in rows)


def _rules(here: Page, wanted: str) -> Iterator[Hit]:
    """Tables of rules with a row that holds the text."""
    if len(wanted) < 2:
        return
    count = sql.SQL(
        "SELECT {} AS name, count(*) AS n FROM (SELECT FROM {} AS t WHERE t::text ILIKE %(like)s LIMIT 100) AS x"
    )
    asked = [
        count.format(sql.Literal(table.name), sql.Identifier("ml_config", table.name))
        for _, table in look.config()
        if here.reader.has(f"ml_config.{table.name}")
    ]
    rows, _ = here.reader.attempt(sql.SQL(" UNION ALL ").join(asked), {"like": f"%{wanted}%"}) if asked else ([], "")
    for row in rows:
        if row["n"]:
            yield "Rules", f"{look.title(row['name'])} ({row['n']})", f"rules/{row['name']}?find={quote(wanted)}"

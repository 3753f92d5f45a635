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
    for column, what, page in _IDS:
        tables = [t for _, t in look.published() if look.led_by(t, column) and here.reader.has(f"ml.{t.name}")]
        for table in tables:
            statement = sql.SQL("SELECT 1 AS there FROM {} WHERE {} = %s LIMIT 1")
            named = statement.format(sql.Identifier("ml", table.name), sql.Identifier(column))
            if here.reader.attempt(named, (wanted,))[0]:
                yield what, wanted, f"{page}/{quote(wanted, safe='')}"
                break


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
    statement = sql.SQL("SELECT count(*) AS n FROM (SELECT 1 FROM {} AS t WHERE t::text ILIKE %s LIMIT 100) AS x")
    for _, table in look.config():
        if here.reader.has(f"ml_config.{table.name}"):
            rows, _ = here.reader.attempt(statement.format(sql.Identifier("ml_config", table.name)), (f"%{wanted}%",))
            if rows and rows[0]["n"]:
                found = f"{look.title(table.name)} ({rows[0]['n']})"
                yield "Rules", found, f"rules/{table.name}?find={quote(wanted)}"

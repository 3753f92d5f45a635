"""Find, Customers, Experiments: what the capabilities of that area publish, and what is missing while one is not there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ml.core import console
from ml.core.spec import ConfigTable, PublishedColumn
from ml.registry import CAPABILITIES
from nightshift_airflow.console import access, charts, look
from nightshift_airflow.console.database import Row
from nightshift_airflow.console.look import Block
from nightshift_airflow.console.page import Here, Page

router = APIRouter()
FIND = ("search", "visual")
CUSTOMERS = ("customer", "marketing", "cart")
_ASKED = (
    ("Answer", "ml.search", "SELECT * FROM ml.search(query => %s, customer_id => %s) LIMIT 20"),
    ("Suggestions", "ml.suggest", "SELECT * FROM ml.suggest(prefix => %s, customer_id => %s) LIMIT 20"),
)
"""What the shop calls for a query."""


def _overview(here: Page, names: tuple[str, ...]) -> list[Block]:
    """The first rows of each table of these capabilities that is not about one customer."""
    found = []
    for name in names:
        for table in CAPABILITIES[name].publishes if name in CAPABILITIES else ():
            vast = {"customer_id", "vector"} & set(table.key) or any("vector" in c.kind for c in table.columns)
            if not vast and here.reader.has(f"ml.{table.name}"):
                found.append(look.rows_of(here.reader, CAPABILITIES[name], table, {}, limit=10))
    return [block for block in found if block.rows or block.note]


def _rules(names: tuple[str, ...]) -> list[ConfigTable]:
    return [table for n in names if n in CAPABILITIES for table in CAPABILITIES[n].config]


@router.get("/find")
def find(here: Here) -> HTMLResponse:
    """The answer that a customer gets to a query, by the function that the shop calls; what is looked for in vain."""
    return find_page(here)


def find_page(here: Page, *, seen: Sequence[Row] = (), fault: str | None = None) -> HTMLResponse:
    """The page Find; with what was found by a picture, or why nothing was."""
    typed, customer = here.asked("text"), here.asked("customer")
    answers: list[Block] = []
    for title, function, statement in _ASKED:
        if typed and function in here.reader.functions:
            rows, fault = here.reader.attempt(statement, (typed, customer or None))
            answers.append(_answer(title, function, rows, fault, typed))
    blocks = [*_overview(here, FIND), *look.panels(here.reader, "find", typed)]
    blocks.sort(key=lambda block: block.table != "search_gap")
    for block in blocks:
        block.back = "find"
    return here.show(
        "area.html",
        title="Find",
        typed=typed,
        customer=customer,
        answers=answers,
        blocks=blocks,
        rules=_rules(FIND),
        missing=[n for n in FIND if n not in CAPABILITIES],
        names=look.titles(here.reader, [*answers, *blocks], [row["product_id"] for row in seen]),
        asks="ml.search" in here.reader.functions,
        area="find",
        arms=[],
        seen=seen,
        fault=fault,
        shows=any(each and here.reader.has(f"ml.{each.table}") for each in by_pictures()),
        token=access.token(here.user),
        status=422 if fault else 200,
    )


def by_pictures() -> Iterable[console.ByPicture | None]:
    """What the capabilities answer a picture with."""
    return (console.of(spec).by_picture for spec in CAPABILITIES.values())


def _answer(title: str, function: str, rows: list[Row], fault: str, typed: str) -> Block:
    names = [name for name in (rows[0] if rows else {}) if name not in look.STAMP]
    owner = next((name for name, spec in CAPABILITIES.items() if function in console.of(spec).actions), "")
    columns = [PublishedColumn(name, "text", "") for name in names]
    back = f"find?{urlencode({'text': typed})}"
    return Block(title, "", columns, rows, fault, owner, function, given={"text": typed}, back=back)


@router.get("/customers")
def customers(here: Here) -> HTMLResponse:
    """Segments, campaigns and what they did; a customer's own page by id."""
    blocks = [*_overview(here, CUSTOMERS), *look.panels(here.reader, "customers")]
    return here.show(
        "area.html",
        title="Customers",
        typed="",
        customer="",
        answers=[],
        blocks=blocks,
        rules=_rules(CUSTOMERS),
        missing=[n for n in CUSTOMERS if n not in CAPABILITIES],
        names=look.titles(here.reader, blocks),
        asks=False,
        area="customers",
        arms=[],
    )


@router.get("/experiments")
def experiments(here: Here) -> HTMLResponse:
    """Arms, and effects with their intervals over the nights; a new one is a row of ml_config.experiment."""
    tables = [table for _, table in look.config() if table.name == "experiment"]
    return here.show(
        "area.html",
        title="Experiments",
        typed="",
        customer="",
        answers=[],
        rules=tables,
        missing=[],
        names={},
        blocks=look.panels(here.reader, "experiments"),
        asks=False,
        area="experiments",
        arms=_arms(here),
    )


def _arms(here: Page) -> list[dict[str, Any]]:
    """Each arm of each experiment by metric: the effect over the nights, and what the last one says."""
    if not here.reader.has("ml_ops.experiment_effect"):
        return []
    rows = here.reader.rows(
        "SELECT * FROM ml_ops.experiment_effect WHERE night > (SELECT max(night) - 180 FROM ml_ops.experiment_effect) ORDER BY night"
    )
    series: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        series.setdefault((row["experiment"], row["arm"], row["metric"]), []).append(row)
    return [
        points[-1]
        | {
            "chart": charts.line(
                [p["effect"] for p in points],
                f"{arm} {metric}",
                low=[p["low"] for p in points],
                high=[p["high"] for p in points],
            )
        }
        for (_, arm, metric), points in series.items()
    ]

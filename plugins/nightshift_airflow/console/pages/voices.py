"""What reviews say: what turned bad, the products that are praised and criticised, one review after another.

A review that was read wrongly is marked here: one row of ``ml_config.review_label``.
"""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from ml.core.errors import NightshiftError
from nightshift_airflow.console import charts, edits, look, shop
from nightshift_airflow.console.access import Form
from nightshift_airflow.console.database import Row
from nightshift_airflow.console.page import Here, Page
from nightshift_airflow.console.pages.rules import table_of

router = APIRouter()
MARKS = "review_label"
"""The labels that people gave to reviews."""
LABELS = ("negative", "neutral", "positive")
_MONTHS = """
SELECT date_trunc('month', written_at) AS month, avg(score) AS score, count(*) AS n FROM ml.review_sentiment
WHERE product_id = %s AND written_at > now() - interval '2 years' GROUP BY 1 ORDER BY 1
"""
_REVIEWS = "SELECT * FROM ml.review_sentiment WHERE product_id = %s ORDER BY written_at DESC LIMIT 30"
_ASPECTS = """
SELECT aspect, count(*) AS n, avg(score) AS score, (array_agg(quote ORDER BY abs(score) DESC))[1] AS quote
FROM ml.review_aspect WHERE product_id = %s GROUP BY 1 ORDER BY 2 DESC LIMIT 12
"""


@router.get("/voices")
def voices(here: Here) -> HTMLResponse:
    """Alerts with quotes, and the products by what is said of them."""
    alerts: list[Row] = []
    worst: list[Row] = []
    best: list[Row] = []
    if here.reader.has("ml.sentiment_alert"):
        alerts, _ = here.reader.attempt("SELECT * FROM ml.sentiment_alert ORDER BY q_value LIMIT 30")
    if here.reader.has("ml.product_sentiment"):
        worst, _ = here.reader.attempt("SELECT * FROM ml.product_sentiment ORDER BY score LIMIT 10")
        best, _ = here.reader.attempt("SELECT * FROM ml.product_sentiment ORDER BY score DESC LIMIT 10")
    names = look.titles(here.reader, [], [row["product_id"] for row in (*alerts, *worst, *best)])
    return here.show(
        "voices.html",
        alerts=alerts,
        worst=worst,
        best=best,
        names=names,
        blocks=look.panels(here.reader, "voices"),
        known=here.reader.has("ml.product_sentiment"),
    )


@router.get("/voices/{product}")
def product(here: Here, product: str) -> HTMLResponse:
    """The reviews of a product: over the months, by aspect, one by one with their words."""
    reviews: list[Row] = []
    months: list[Row] = []
    aspects: list[Row] = []
    if here.reader.has("ml.review_sentiment", "ml.review_aspect"):
        reviews, _ = here.reader.attempt(_REVIEWS, (product,))
        months, _ = here.reader.attempt(_MONTHS, (product,))
        aspects, _ = here.reader.attempt(_ASPECTS, (product,))
    found = shop.find(here.settings, "review", "review_id", *(review["review_id"] for review in reviews[:12]))
    texts = {str(row["review_id"]): row for row in found.rows}
    marks = _marks(here, [review["review_id"] for review in reviews])
    chart = charts.line([row["score"] for row in months], f"{len(months)} months") if months else ""
    return here.show(
        "voice.html",
        product=product,
        title=look.titles(here.reader, [], [product]).get(product, product),
        reviews=reviews,
        aspects=aspects,
        chart=chart,
        months=months,
        texts=texts,
        marks=marks,
        labels=LABELS,
        history=_history(here, list(marks)) if marks else [],
    )


@router.post("/voices/{product}/mark")
def mark(here: Here, form: Form, product: str) -> Response:
    """Say how the writer of a review feels: the next night publishes it, the next training learns from it."""
    review, label = form.get("review_id", "").strip()[:200], form.get("label", "")
    if not review or label not in LABELS:
        return here.show("error.html", status=422, title="Nothing was marked.", said="Choose one of the labels.")
    _, table = table_of(MARKS)
    note = form.get("note", "").strip()[:300]
    values = {"review_id": review, "label": label, "note": f"{here.person}: {note}".strip(": ")}
    change = (
        edits.Change(table, "update", {"review_id": review}, values)
        if review in _marks(here, [review])
        else edits.Change(table, "insert", {}, values)
    )
    try:
        number = edits.saved(here.database, here.person, change, note, "")
    except NightshiftError as error:
        return here.show("error.html", status=409, title="Nothing was marked.", said=str(error))
    return here.go(f"voices/{quote(product, safe='')}", here.words("Marked, as change {n}.", n=number))


def _marks(here: Page, reviews: list[str]) -> dict[str, Row]:
    """What people said of these reviews, by review."""
    if not reviews or not here.reader.has(f"ml_config.{MARKS}"):
        return {}
    rows = here.reader.rows("SELECT * FROM ml_config.review_label WHERE review_id = ANY(%s)", (reviews,))
    return {row["review_id"]: row for row in rows}


def _history(here: Page, reviews: list[str]) -> list[Row]:
    """The marks of these reviews as changes, each of which can be undone."""
    return here.reader.rows(
        """
        SELECT a.*, u.id AS undone_by FROM ml_ops.audit AS a LEFT JOIN ml_ops.audit AS u ON u.undoes = a.id
        WHERE a.object = %s AND coalesce(a.after, a.before) ->> 'review_id' = ANY(%s) ORDER BY a.id DESC LIMIT 20
        """,
        (MARKS, reviews),
    )

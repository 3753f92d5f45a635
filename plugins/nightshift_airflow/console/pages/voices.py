"""What reviews say: what turned bad, the products that are praised and criticised, one review after another."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from nightshift_airflow.console import charts, look, shop
from nightshift_airflow.console.database import Row
from nightshift_airflow.console.page import Here

router = APIRouter()
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
        "voices.html", alerts=alerts, worst=worst, best=best, names=names, blocks=look.panels(here.reader, "voices"),
        known=here.reader.has("ml.product_sentiment"),
    )  # fmt: skip


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
    texts: dict[str, Row] = {}
    for review in reviews[:12]:
        found = shop.find(here.settings, "review", "review_id", review["review_id"], limit=1)
        if found.note:
            break
        if found.rows:
            texts[review["review_id"]] = found.rows[0]
    chart = charts.line([row["score"] for row in months], f"{len(months)} months") if months else ""
    return here.show(
        "voice.html", product=product, title=look.titles(here.reader, [], [product]).get(product, product),
        reviews=reviews, aspects=aspects, chart=chart, months=months, texts=texts,
    )  # fmt: skip

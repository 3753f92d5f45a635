"""What is known of reviews at a time, as Ibis expressions over the shop's clean tables.

The tables may hold younger rows: nothing that was written or became known at or after ``as_of`` is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import ibis

from ml.capabilities.sentiment.spec import Params
from ml.core.asof import known

Tables = Mapping[str, ibis.Table]


def build(tables: Tables, as_of: datetime, params: Params) -> dict[str, ibis.Table]:  # noqa: ARG001
    """Make what :mod:`ml.capabilities.sentiment.model` learns from and reads.

    Returns
    -------
    dict of str to ibis.Table
        ``review`` (review_id, product_id: null for the order as a whole, customer_id, stars: 1 to 5 or null, title, text, written_at:
        microseconds since 1970) · ``moment`` (as_of: microseconds since 1970; one row). Rows come in any order.
    """
    return {
        "review": _reviews(tables, as_of),
        "moment": ibis.literal(_micros(as_of), "int64").name("as_of").as_table(),
    }


def truth(tables: Tables, start: datetime, end: datetime, params: Params) -> ibis.Table:  # noqa: ARG001
    """Reviews with stars and words that were written in ``[start, end)``, as known at ``end``.

    Columns review_id, stars, title, text.
    """
    reviews = _reviews(tables, end)
    words = reviews["title"].fill_null("") + reviews["text"].fill_null("")
    rated = reviews.filter(reviews["written_at"] >= _micros(start), reviews["stars"].notnull(), words.strip() != "")
    return rated.select("review_id", "stars", "title", "text")


def _reviews(tables: Tables, as_of: datetime) -> ibis.Table:
    reviews = known(tables["review"], as_of, "written_at", "known_at")
    return reviews.select(
        "review_id",
        "product_id",
        "customer_id",
        "stars",
        "title",
        "text",
        written_at=reviews["written_at"].cast("timestamp('UTC', 6)").epoch_seconds().cast("int64") * 1_000_000,
    )


def _micros(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000

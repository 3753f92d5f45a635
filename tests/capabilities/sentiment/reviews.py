"""Small shops as the feature tables of the review sentiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pyarrow as pa

from ml.capabilities.sentiment import model
from ml.capabilities.sentiment.model import Sentiment
from ml.capabilities.sentiment.spec import SPEC, Params
from ml.core.capability import published as every
from ml.shop.sources.demo import tables

NIGHT = 20_000 * 86_400_000_000
DAY = 86_400_000_000


def features(rows: Sequence[Mapping[str, Any]]) -> dict[str, pa.Table]:
    """Feature tables of reviews: text, title, stars, product, ago (days before the night), id."""
    return {
        "moment": pa.table({"as_of": pa.array([NIGHT], pa.int64())}),
        "review": pa.table(
            {
                "review_id": pa.array([row.get("id", f"r{i:05d}") for i, row in enumerate(rows)], pa.string()),
                "product_id": pa.array([row.get("product") for row in rows], pa.string()),
                "stars": pa.array([row.get("stars") for row in rows], pa.int64()),
                "title": pa.array([row.get("title") for row in rows], pa.string()),
                "text": pa.array([row.get("text") for row in rows], pa.string()),
                "written_at": pa.array([NIGHT - int((row.get("ago", 1) + 0.5) * DAY) for row in rows], pa.int64()),
            }
        ),
    }


def published(fitted: Sentiment, known: Mapping[str, pa.Table], params: Params | None = None) -> dict[str, pa.Table]:
    """What is published of these features."""
    return every(SPEC, fitted, known, params)


def sentiments(fitted: Sentiment, *texts: str, stars: int | None = None) -> list[dict[str, Any]]:
    """The rows of ``review_sentiment`` of some texts."""
    rows = [{"text": text, "stars": stars} for text in texts]
    return published(fitted, features(rows))["review_sentiment"].to_pylist()


def aspects(fitted: Sentiment, text: str) -> dict[str, float]:
    """Score of each aspect that a text speaks of."""
    rows = published(fitted, features([{"text": text}]))["review_aspect"].to_pylist()
    return {row["aspect"]: row["score"] for row in rows}


@cache
def demo(customers: int = 3000) -> dict[str, pa.Table]:
    """A demo shop's reviews as feature tables (``review``, ``moment``), and what was planted (``truth``)."""
    found = {
        name: pa.Table.from_batches(batches)
        for name, batches in tables(customers=customers, faults=0.0)
        if name in ("review", "demo_truth.review_truth")
    }
    review = found["review"]
    written = review["written_at"].cast(pa.int64())
    end = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
    return {
        "moment": pa.table({"as_of": pa.array([end], pa.int64())}),
        "review": review.select(["review_id", "product_id", "stars", "title", "text"]).append_column(
            "written_at", written
        ),
        "truth": found["demo_truth.review_truth"],
    }


@cache
def taught() -> Sentiment:
    """A model of the demo shop's reviews: English, German and Portuguese."""
    known = demo()
    return model.fit({name: known[name] for name in ("moment", "review")}, Params(), 7)

"""The tables that are published: what each review says, what a product's reviews say together, and what turned bad."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.sentiment import alerts, products
from ml.capabilities.sentiment.model import Sentiment
from ml.capabilities.sentiment.opinion import opinions
from ml.capabilities.sentiment.read_reviews import Judged, judge
from ml.capabilities.sentiment.spec import (
    PRODUCT_ASPECT,
    PRODUCT_SENTIMENT,
    REVIEW_ASPECT,
    REVIEW_SENTIMENT,
    SENTIMENT_ALERT,
    Params,
)
from ml.core.batches import Columns, batches

BLOCK = 100_000


def units(features: Mapping[str, pa.Table]) -> int:
    """How many reviews are judged: all that the shop knows."""
    return int(features["review"].num_rows)


def expected(features: Mapping[str, pa.Table]) -> dict[str, int]:
    """How many different first keys should be in each table; 0: any number may be right.

    What a review speaks of, and what turned bad, only the data can say.
    """
    named = pc.count_distinct(features["review"]["product_id"], mode="only_valid").as_py()
    return {
        "review_sentiment": units(features),
        "review_aspect": 0,
        "product_sentiment": int(named),
        "product_aspect": 0,
        "sentiment_alert": 0,
    }


def score(
    model: Sentiment, features: Mapping[str, pa.Table], shard: int, shards: int, params: Params
) -> dict[str, Iterator[pa.RecordBatch]]:
    """Make the rows of reviews ``[n shard / shards, n (shard + 1) / shards)``, and of the aspects that they speak of."""
    n = units(features)
    start, end = n * shard // shards, n * (shard + 1) // shards
    reviews = features["review"].sort_by("review_id").combine_chunks().slice(start, end - start)
    judged = judge(model, features, reviews, params)
    return {
        REVIEW_SENTIMENT.name: batches(REVIEW_SENTIMENT, _sentiments(judged)),
        REVIEW_ASPECT.name: batches(REVIEW_ASPECT, _aspects(judged)),
    }


def score_all(
    model: Sentiment,  # noqa: ARG001
    features: Mapping[str, pa.Table],
    rows: Mapping[str, pa.Table],
    params: Params,
) -> dict[str, Iterator[pa.RecordBatch]]:
    """Make what the reviews of a product say together, and which turned bad, from the rows of all reviews."""
    collected = None
    if units(features):
        collected = opinions(rows, int(features["moment"]["as_of"][0].as_py()), features["review"])
    return {
        PRODUCT_SENTIMENT.name: batches(PRODUCT_SENTIMENT, [products.rows(collected, params)] if collected else []),
        PRODUCT_ASPECT.name: batches(PRODUCT_ASPECT, [products.aspect_rows(collected, params)] if collected else []),
        SENTIMENT_ALERT.name: batches(SENTIMENT_ALERT, [alerts.rows(collected, params)] if collected else []),
    }


def _sentiments(judged: Judged) -> Iterator[Columns]:
    for start in range(0, len(judged.reviews), BLOCK):
        reviews, predictions = judged.reviews.slice(start, BLOCK), judged.predictions.slice(start, BLOCK)
        yield {
            "review_id": reviews["review_id"],
            "product_id": reviews["product_id"],
            "written_at": reviews["written_at"],
            **{name: predictions[name] for name in predictions.column_names},
        }


def _aspects(judged: Judged) -> Iterator[Columns]:
    for start in range(0, len(judged.aspects), BLOCK):
        rows = judged.aspects.slice(start, BLOCK)
        reviews = judged.reviews.select(["review_id", "product_id"]).take(rows["row"])
        yield {name: rows[name] for name in ("aspect", "score", "quote")} | {
            name: reviews[name] for name in reviews.column_names
        }

"""The tables that are published: what each review says, what a product's reviews say together, and what turned bad."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.sentiment import alerts, products
from ml.capabilities.sentiment.model import Sentiment
from ml.capabilities.sentiment.opinion import Opinions, opinions
from ml.capabilities.sentiment.read_reviews import Judged, judge
from ml.capabilities.sentiment.spec import SPEC, Params
from ml.core.spec import Published

BLOCK = 100_000

_TYPES = {
    "text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
}  # fmt: skip
Rows = dict[str, pa.Array]


def units(features: Mapping[str, pa.Table]) -> int:
    """How many reviews are judged: all that the shop knows."""
    return int(features["review"].num_rows)


def expected(features: Mapping[str, pa.Table]) -> dict[str, int]:
    """How many different first keys should be in each table; 0: any number may be right.

    What a review speaks of, and what turned bad, only the data can say.
    """
    named = pc.count_distinct(features["review"]["product_id"], mode="only_valid").as_py()
    return {
        "review_sentiment": units(features), "review_aspect": 0, "product_sentiment": int(named), "sentiment_alert": 0,
    }  # fmt: skip


def score(
    model: Sentiment, features: Mapping[str, pa.Table], shard: int, shards: int, params: Params
) -> dict[str, Iterator[pa.RecordBatch]]:
    """Make the rows of reviews ``[n shard / shards, n (shard + 1) / shards)``; shard 0 makes those of products too."""
    n = units(features)
    work = _Work(model, features, (n * shard // shards, n * (shard + 1) // shards), params)
    makers: dict[str, Callable[[], Iterator[Rows]]] = {
        "review_sentiment": work.sentiments, "review_aspect": work.aspects,
        "product_sentiment": work.products, "sentiment_alert": work.alerts,
    }  # fmt: skip
    for_all = {"product_sentiment", "sentiment_alert"}
    return {
        table.name: _framed(table, iter(()) if table.name in for_all and shard else makers[table.name]())
        for table in SPEC.publishes
    }


class _Work:
    """What the tables of one shard share, each made when it is first asked for."""

    def __init__(
        self, model: Sentiment, features: Mapping[str, pa.Table], span: tuple[int, int], params: Params
    ) -> None:
        self.model, self.features, self.span, self.params = model, features, span, params

    @cached_property
    def reviews(self) -> pa.Table:
        return self.features["review"].sort_by("review_id").combine_chunks()

    @cached_property
    def whole(self) -> bool:
        return self.span == (0, len(self.reviews))

    @cached_property
    def mine(self) -> Judged:
        start, end = self.span
        return judge(self.model, self.features, self.reviews.slice(start, end - start), self.params)

    @cached_property
    def opinions(self) -> Opinions:
        judged = self.mine if self.whole else judge(self.model, self.features, self.reviews, self.params)
        return opinions(judged, int(self.features["moment"]["as_of"][0].as_py()))

    def sentiments(self) -> Iterator[Rows]:
        judged = self.mine
        for start in range(0, len(judged.reviews), BLOCK):
            reviews, said = judged.reviews.slice(start, BLOCK), judged.said.slice(start, BLOCK)
            yield {
                "review_id": reviews["review_id"], "product_id": reviews["product_id"],
                "written_at": reviews["written_at"], **{name: said[name] for name in said.column_names},
            }  # fmt: skip

    def aspects(self) -> Iterator[Rows]:
        judged = self.mine
        for start in range(0, len(judged.aspects), BLOCK):
            said = judged.aspects.slice(start, BLOCK)
            reviews = judged.reviews.select(["review_id", "product_id"]).take(said["row"])
            yield {name: said[name] for name in ("aspect", "score", "quote")} | {
                name: reviews[name] for name in reviews.column_names
            }

    def products(self) -> Iterator[Rows]:
        if len(self.reviews):
            yield products.rows(self.opinions, self.params)

    def alerts(self) -> Iterator[Rows]:
        if len(self.reviews):
            yield alerts.rows(self.opinions, self.params)


def _framed(table: Published, blocks: Iterator[Rows]) -> Iterator[pa.RecordBatch]:
    """Batches with the columns of ``table``; one without rows where there are no blocks."""
    schema = pa.schema([pa.field(c.name, _TYPES[c.kind], nullable=c.nullable) for c in table.columns])
    empty = True
    for block in blocks:
        empty = False
        columns = [_one(block[name]).cast(schema.field(name).type) for name in schema.names]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
    if empty:
        yield pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def _one(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column

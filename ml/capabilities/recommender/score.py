"""The tables that are published: each customer's list with its reasons, and what goes with each product."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.recommender.lists import Lists
from ml.capabilities.recommender.model import Recommender
from ml.capabilities.recommender.second import AGAIN, BECAUSE, CATEGORY, LOOKED, POPULAR, SEGMENT
from ml.capabilities.recommender.spec import RECOMMENDATION, SIMILAR_PRODUCT, Params
from ml.core.compiled import Ids
from ml.core.spec import Published

BLOCK = 20_000

_TYPES = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64()}


def units(features: Mapping[str, pa.Table]) -> int:
    """How many customers get a list: all that the shop knows."""
    return int(features["customer"].num_rows)


def expected(features: Mapping[str, pa.Table]) -> dict[str, int]:
    """How many customers and products should be in the published tables, for the audit's coverage."""
    known = pc.count_distinct(features["interaction"]["product_no"]).as_py()
    return {"recommendation": units(features), "similar_product": int(known)}


def score(
    model: Recommender, features: Mapping[str, pa.Table], shard: int, shards: int, params: Params
) -> dict[str, Iterator[pa.RecordBatch]]:
    """Make the rows of customers ``[n shard / shards, n (shard + 1) / shards)``; shard 0 makes ``similar_product`` too.

    Returns
    -------
    dict of str to iterator of pyarrow.RecordBatch
        By published table, with its columns; the rows are made while they are read, in blocks of customers.
    """
    n = units(features)
    span = (n * shard // shards, n * (shard + 1) // shards)
    similar = _similar(model, features, params) if shard == 0 else iter(())
    return {
        "recommendation": _recommendations(model, features, span, params),
        "similar_product": _framed(SIMILAR_PRODUCT, similar),
    }


def _recommendations(
    model: Recommender, features: Mapping[str, pa.Table], span: tuple[int, int], params: Params
) -> Iterator[pa.RecordBatch]:
    start, end = span
    lists = Lists(model, features, np.arange(start, end, dtype=np.int32), params)
    customers = features["customer"].sort_by("customer_no")["customer_id"].combine_chunks()[start:end]
    words = Reasons(lists, features)
    blocks = (_block(lists, words, customers, i, min(i + BLOCK, end - start)) for i in range(0, end - start, BLOCK))
    return _framed(RECOMMENDATION, blocks)


def _block(lists: Lists, words: Reasons, customers: pa.Array, start: int, end: int) -> dict[str, pa.Array]:
    ranked = lists.rank(start, end)
    rows, ranks = np.nonzero(ranked.ids[:, : lists.params.top_k] >= 0)
    chosen, because, code = ranked.ids[rows, ranks], ranked.source[rows, ranks], ranked.code[rows, ranks]
    product_ids = lists.products["product_id"].combine_chunks()
    return {
        "customer_id": customers.take(pa.array(start + rows)),
        "rank": pa.array(ranks + 1),
        "product_id": product_ids.take(pa.array(chosen)),
        "score": pa.array(ranked.scores[rows, ranks].astype(np.float64)),
        "reason": words.of(lists.customers[start + rows], chosen, because, code),
        "source_product_id": product_ids.take(pa.array(because, mask=because < 0)),
    }


class Reasons:
    """Every reason there can be, once; a row's reason is its number among them."""

    def __init__(self, lists: Lists, features: Mapping[str, pa.Table]) -> None:
        titles = lists.products["title"].combine_chunks()
        segments = pc.unique(features["customer"]["segment"]).sort()
        categories = pc.unique(lists.products["category"]).sort()
        found = pc.index_in(features["customer"].sort_by("customer_no")["segment"], segments).to_numpy()
        self._segment = np.append(found, 0).astype(np.int64)
        self._category = pc.index_in(lists.products["category"], categories).to_numpy().astype(np.int64)
        self._start = np.cumsum([0, len(titles), len(titles), len(segments), len(categories)])
        self._words = pa.concat_arrays([
            pc.binary_join_element_wise("because you bought ", titles, ""),
            pc.binary_join_element_wise("because you looked at ", titles, ""),
            pc.binary_join_element_wise("popular with ", segments, " customers this month", ""),
            pc.binary_join_element_wise("new in ", categories, ""),
            pa.array(["because you bought it before", "because you looked at it", "popular this month", "from our range"]),
        ])  # fmt: skip

    def of(self, customers: Ids, chosen: Ids, because: Ids, code: npt.NDArray[np.int8]) -> pa.Array:
        """The reason of each row."""
        bought, looked, segment, category, last = self._start
        place = np.select(
            [code == AGAIN, code == BECAUSE, (code == LOOKED) & (because == chosen), code == LOOKED, code == CATEGORY,
             code == SEGMENT, code == POPULAR],
            [last, bought + because, last + 1, looked + because, category + self._category[chosen],
             segment + self._segment[customers], last + 2],
            last + 3,
        )  # fmt: skip
        return self._words.take(pa.array(place))


def _similar(model: Recommender, features: Mapping[str, pa.Table], params: Params) -> Iterator[dict[str, pa.Array]]:
    """Each of tonight's products that the model knows with its nearest available ones."""
    products, s = features["product"], model.similar_
    if s is None:
        return
    names = pa.array(model.product_ids_, pa.string())
    there = _among(names, products["product_id"])
    available = _among(names, products.filter(products["available"])["product_id"])
    row, col = np.repeat(np.arange(s.shape[0]), np.diff(s.indptr)), s.indices
    kept = there[row] & available[col]
    row, col, near = row[kept], col[kept], s.data[kept]
    order = np.lexsort((col, -near, row))
    row, col, near = row[order], col[order], near[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    top = rank < params.similar_k
    yield {
        "product_id": names.take(pa.array(row[top])),
        "rank": pa.array(rank[top] + 1),
        "similar_product_id": names.take(pa.array(col[top])),
        "score": pa.array(near[top].astype(np.float64)),
        "reason": pa.repeat("bought or looked at by the same customers", int(top.sum())),
    }


def _among(ids: pa.Array, others: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.is_in(ids, others.combine_chunks()).to_numpy(zero_copy_only=False), bool)


def _framed(table: Published, blocks: Iterator[dict[str, pa.Array]]) -> Iterator[pa.RecordBatch]:
    """Batches with the columns of ``table``; one without rows where there are no blocks."""
    schema = pa.schema([pa.field(c.name, _TYPES[c.kind], nullable=c.nullable) for c in table.columns])
    empty = True
    for block in blocks:
        empty = False
        yield pa.RecordBatch.from_arrays(
            [block[name].cast(schema.field(name).type) for name in schema.names], schema=schema
        )
    if empty:
        yield pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)

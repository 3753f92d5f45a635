"""The tables that are published: each customer's list with its reasons, and what the shop shows beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from itertools import tee
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.recommender.candidates import content
from ml.capabilities.recommender.model import Recommender, tonights_log
from ml.capabilities.recommender.ranking import mix
from ml.capabilities.recommender.ranking.lists import Lists
from ml.capabilities.recommender.reasons import Named, Words, numbers
from ml.capabilities.recommender.shelf.rerank import Reranker
from ml.capabilities.recommender.shelf.rerank_kernels import NOTHING, Shown
from ml.capabilities.recommender.shelf.rules import work_out
from ml.capabilities.recommender.spec import SPEC, Params
from ml.capabilities.recommender.tables import (
    bought_together,
    buy_again,
    catalogue_state,
    cold_start,
    popular_product,
    recommendation_part,
    similar_product,
    trending_product,
)
from ml.capabilities.recommender.tables.alike import Looks, Texts
from ml.capabilities.recommender.tables.recommendation_part import Explained
from ml.capabilities.recommender.tables.tonight import Tonight
from ml.capabilities.recommender.templates import REASON_CODES, Reason
from ml.core.batches import batches
from ml.kernels.compiled import Ids

BLOCK = 10_000


def units(features: Mapping[str, pa.Table]) -> int:
    """How many customers get a list: all that the shop knows."""
    return int(features["customer"].num_rows)


def expected(features: Mapping[str, pa.Table]) -> dict[str, int]:
    """How many different first keys should be in each table, for the audit's coverage; 0: any number may be right.

    Each customer has recommendations, and the lists by segment are there at least for all together. Whether a product
    has companions or substitutes, and who needs something again, only the data can say.
    """
    there = bool(pc.any(features["product"]["available"]).as_py())
    bought = there and len(features["purchase"]) > 0
    return {
        "recommendation": units(features) if there else 0,
        "recommendation_part": 0,
        "discovery": _unsated(features) if there else 0,
        "similar_product": 0,
        "bought_together": 0,
        "buy_again": 0,
        "popular_product": int(bought),
        "trending_product": 0,
        "cold_start": int(there),
    } | catalogue_state.expected(features)


def _unsated(features: Mapping[str, pa.Table]) -> int:
    """How many customers have not bought everything that is for sale."""
    products = features["product"].sort_by("product_no")["available"].to_numpy()
    who, what = (features["purchase"][name].to_numpy().astype(np.int64) for name in ("customer_no", "product_no"))
    there = (who >= 0) & products[what]
    pairs = np.unique(who[there] * len(products) + what[there])
    bought = np.bincount(pairs // max(1, len(products)), minlength=units(features))
    return int((bought < products.sum()).sum())


def score(
    model: Recommender, features: Mapping[str, pa.Table], shard: int, shards: int, params: Params
) -> dict[str, Iterator[pa.RecordBatch]]:
    """Make the rows of customers ``[n shard / shards, n (shard + 1) / shards)``.

    Returns
    -------
    dict of str to iterator of pyarrow.RecordBatch
        By published table, with its columns; the rows are made while they are read.
    """
    n = units(features)
    span = (n * shard // shards, n * (shard + 1) // shards)
    shop = _Shop(features, span, params)
    made = _lists(model, shop) | {
        "buy_again": _buy_again(shop),
        "customer_segment": catalogue_state.customer_segment(features, *span),
    }
    return {table.name: batches(table, made[table.name]) for table in SPEC.sharded}


def score_all(
    model: Recommender,
    features: Mapping[str, pa.Table],
    rows: Mapping[str, pa.Table],  # noqa: ARG001
    params: Params,
) -> dict[str, Iterator[pa.RecordBatch]]:
    """Make what does not depend on a customer: lists of products, by segment and category, and their state."""
    shop = _Shop(features, (0, units(features)), params, model)
    return {table.name: batches(table, _for_all(shop, table.name)) for table in SPEC.for_all}


class _Shop:
    """What the tables of one shard share, each made when it is first asked for."""

    def __init__(
        self,
        features: Mapping[str, pa.Table],
        span: tuple[int, int],
        params: Params,
        model: Recommender | None = None,
    ) -> None:
        self.features, self.span, self.params, self.model = features, span, params, model

    @cached_property
    def tonight(self) -> Tonight:
        return Tonight.of(self.features, work_out(self.features, self.params.top_k).shown())

    @cached_property
    def reranker(self) -> Reranker:
        return Reranker(self.features, self.params, self.repeats.shown_again)

    @cached_property
    def discoverer(self) -> Reranker:
        """What is pinned may be known to the customer, and what is drawn by lot is drawn on home: no place of these here."""
        return Reranker(self.features, replace(self.params, explore_share=0.0), pins=False)

    @cached_property
    def words(self) -> Words:
        return Words.of_shop(self.features)

    @cached_property
    def orders(self) -> bought_together.Baskets:
        return bought_together.baskets(self.tonight)

    @cached_property
    def texts(self) -> Texts:
        return Texts.of(self.tonight)

    @cached_property
    def looks(self) -> Looks:
        """What products look like; the baseline has learned nothing of it."""
        if self.model is None or self.model.learnt_ is None:
            return Looks(np.zeros((self.tonight.m, 0), np.float32), np.zeros(self.tonight.m, bool), 0.0)
        state = self.model.learnt_.content
        words, seen = content.placed(state, tonights_log(self.features))
        return Looks(seen, np.asarray(~words.any(axis=1), bool), state.share)

    @cached_property
    def repeats(self) -> buy_again.Repeats:
        return buy_again.repeats(self.tonight, self.span, self.params)

    @cached_property
    def customers(self) -> pa.Table:
        return self.features["customer"].sort_by("customer_no").combine_chunks()


def _for_all(shop: _Shop, name: str) -> Iterator[dict[str, pa.Array]]:
    """Blocks of rows of the table ``name``; none where the shop has no product for sale. Nothing is computed before it is read."""
    tonight, words, params = shop.tonight, shop.words, shop.params
    if not tonight.m:
        return
    match name:
        case "product_state":
            yield from catalogue_state.product_state(shop.features)
        case "similar_product":
            yield from similar_product.rows(
                tonight, shop.features, shop.orders, (shop.texts, shop.looks), words, params
            )
        case "bought_together":
            yield from bought_together.rows(tonight, shop.orders, shop.texts, words, params)
        case "popular_product":
            yield from popular_product.rows(tonight, words, params)
        case "trending_product":
            yield from trending_product.rows(tonight, words)
        case "cold_start":
            yield from cold_start.rows(tonight, words, params)


def _buy_again(shop: _Shop) -> Iterator[dict[str, pa.Array]]:
    ids = shop.customers["customer_id"].combine_chunks()
    yield from buy_again.rows(shop.tonight, shop.repeats, ids, shop.words, shop.params)


class _Ranked(NamedTuple):
    """Lists of the customers from number ``start`` on: of home, what made its scores, and of what is new to them."""

    start: int
    home: Shown
    made: Explained
    new: Shown


def _lists(model: Recommender, shop: _Shop) -> dict[str, Iterator[dict[str, pa.Array]]]:
    """Blocks of rows of the tables that the ranker makes, in one pass over the customers."""
    home, made, new = tee(_ranked(model, shop), 3)
    return {
        "recommendation": (_block(shop, ranked.home, ranked.start) for ranked in home),
        "recommendation_part": (
            recommendation_part.rows(shop.customers, shop.tonight.ids, ranked.made, ranked.start) for ranked in made
        ),
        "discovery": (_block(shop, ranked.new, ranked.start) for ranked in new),
    }


def _ranked(model: Recommender, shop: _Shop) -> Iterator[_Ranked]:
    start, end = shop.span
    rules, customers = shop.reranker.rules, np.arange(start, end, dtype=np.int32)
    lists = Lists(model, rules.shelf(shop.features), customers, shop.params, again=rules.again, explained=True)
    habits = mix.habit(lists.log)
    for i in range(0, end - start, BLOCK):
        numbers = np.arange(start + i, start + min(i + BLOCK, end - start))
        every, new = lists.both(i, i + len(numbers))
        home = mix.home(every, new, lists.bought(i, every.ids), habits[numbers], shop.params.top_k)
        shown = shop.reranker.lists(home._replace(parts=NOTHING), numbers, lists.bought(i, home.ids))
        made = recommendation_part.explained(home, shown.ids, lists.base)
        yield _Ranked(start + i, shown, made, shop.discoverer.lists(new._replace(parts=NOTHING), numbers))


def _block(shop: _Shop, ranked: Shown, start: int) -> dict[str, pa.Array]:
    """Rows of the customers from number ``start`` on."""
    rows, ranks = np.nonzero(ranked.ids >= 0)
    chosen, source, code = (
        ranked.ids[rows, ranks],
        ranked.source[rows, ranks],
        ranked.code[rows, ranks].astype(np.int64),
    )
    customer = start + rows
    product_ids = shop.tonight.ids
    return {
        "customer_id": shop.customers["customer_id"].combine_chunks().take(pa.array(customer)),
        "rank": pa.array(ranks + 1),
        "product_id": product_ids.take(pa.array(chosen)),
        "score": pa.array(ranked.scores[rows, ranks].astype(np.float64)),
        "reason": _reasons(shop, customer, chosen, source, code),
        "reason_code": pa.array(REASON_CODES).take(pa.array(code)),
        "source_product_id": product_ids.take(pa.array(source, mask=source < 0)),
        **{name: shop.tonight.products[name].combine_chunks().take(pa.array(chosen)) for name in ("category", "brand")},
        "propensity": pa.array(ranked.propensity[rows, ranks].astype(np.float64)),
    }


def _reasons(
    shop: _Shop, customer: npt.NDArray[np.int64], chosen: Ids, source: Ids, code: npt.NDArray[np.int64]
) -> pa.Array:
    """Put each row's reason into words, with what it says of the product, the customer and the two."""
    tonight, kind = shop.tonight, code.copy()
    days = np.zeros(len(code), np.int64)
    again = np.flatnonzero(code == Reason.AGAIN)
    pairs = shop.repeats.find(customer[again], chosen[again].astype(np.int64), tonight.m)
    kind[again], days[again] = shop.repeats.said(pairs)
    segments = shop.customers["segment"].combine_chunks()
    return shop.words.of(
        kind,
        source=Named(tonight.titles, source),
        category=Named(pa.array(tonight.categories, pa.string()), tonight.category[chosen]),
        segment=Named(segments, customer),
        days=numbers(days),
    )

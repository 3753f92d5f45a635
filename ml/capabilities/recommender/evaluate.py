"""How good each model's lists would have been: full ranking over all products, on what was bought afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.recommender.model import Recommender
from ml.capabilities.recommender.ranking.lists import Lists
from ml.capabilities.recommender.spec import Params
from ml.core.evaluation import Evaluation
from ml.kernels.compiled import Ids
from ml.learn.metrics import ranking

BLOCK = 20_000


def evaluate(
    models: Mapping[str, Recommender], features: Mapping[str, pa.Table], truth: pa.Table, params: Params
) -> dict[str, Evaluation]:
    """Judge the lists of customers who bought something in the window, new ones among them: all, or a draw of many.

    Parameters
    ----------
    models : mapping of str to Recommender
        Fitted on what was known before the window.
    features : mapping of str to pyarrow.Table
        As known at the start of the window.
    truth : pyarrow.Table
        Pairs ``(customer_id, product_id)`` bought in the window.
    params : Params

    Returns
    -------
    dict of str to Evaluation
        ``ndcg@10`` (per unit too), ``recall@20``, ``hit_rate@10``, ``coverage@10`` and ``units``; the same under
        ``new …`` with what a customer had bought before taken out of lists and truth, over the units that bought
        something new; and ``popular ndcg@10``, what recent popularity alone would get. Units are customers of
        ``truth``, at most ``judged_customers``, in the order of their ids. A product that was not listed before counts as missed.
    """
    ids = _drawn(pc.unique(truth.combine_chunks()["customer_id"]).sort(), params.judged_customers)
    bought = truth.filter(pc.is_in(truth["customer_id"], ids)).combine_chunks()
    units = pc.index_in(bought["customer_id"], ids).to_numpy().astype(np.int64)
    customers = _numbers(ids, features["customer"], "customer")
    items = _numbers(bought["product_id"], features["product"], "product")
    there = Truth(units, items, len(ids), int(pc.sum(features["product"]["available"]).as_py() or 0))
    return {name: _evaluate(model, features, customers, there, params) for name, model in models.items()}


def _drawn(ids: pa.Array, most: int) -> pa.Array:
    """At most so many of the ids, in their order; the same ones each time."""
    if len(ids) <= most:
        return ids
    return ids.take(pa.array(np.sort(np.random.default_rng(0).permutation(len(ids))[:most])))


class Truth(NamedTuple):
    """Pairs of a unit and a product number (-1: not listed), how many units there are, and products for sale."""

    units: ranking.Counts
    items: Ids
    n_units: int
    n_items: int


def _evaluate(
    model: Recommender, features: Mapping[str, pa.Table], customers: Ids, truth: Truth, params: Params
) -> Evaluation:
    lists = Lists(model, features, customers, params)
    figures, per_unit = judge(ranked(lists), truth)
    known = truth.items >= 0
    again = np.zeros(len(known), bool)
    again[known] = lists.bought_pairs(truth.units[known], truth.items[known])
    fresh = Truth(truth.units[~again], truth.items[~again], truth.n_units, truth.n_items)
    others, _ = judge(ranked(Lists(model, features, customers, params, new=True)), fresh)
    popular, _ = judge(lists.popular(), truth)
    named = {f"new {name}": value for name, value in others.items()} | {"popular ndcg@10": popular["ndcg@10"]}
    return Evaluation(figures | named, per_unit)


def ranked(lists: Lists) -> Ids:
    """The lists of all rows, a block of customers at a time; shape (n, depth)."""
    n = len(lists.customers)
    blocks = [lists.rank(i, min(i + BLOCK, n)).ids for i in range(0, n, BLOCK)]
    return np.concatenate(blocks) if blocks else np.empty((0, lists.params.depth), np.int32)


def judge(lists: Ids, truth: Truth) -> tuple[dict[str, float], ranking.Floats]:
    """Figures of some lists, means over the units that took something; and NDCG@10 of every unit."""
    relevant = np.bincount(truth.units, minlength=truth.n_units)
    hits = ranking.hits(lists, truth.units, truth.items)
    per_unit = ranking.ndcg(hits, relevant, 10)
    took = relevant > 0
    figures = {
        "ndcg@10": per_unit,
        "recall@20": ranking.recall(hits, relevant, 20),
        "hit_rate@10": ranking.hit_rate(hits, 10),
    }
    means = {name: float(values[took].mean()) if took.any() else 0.0 for name, values in figures.items()}
    return means | {"coverage@10": ranking.coverage(lists, truth.n_items, 10), "units": float(took.sum())}, per_unit


def _numbers(ids: pa.Array, table: pa.Table, name: str) -> Ids:
    """The numbers of ``ids`` in a feature table; -1 where it does not have them."""
    rows = table.sort_by(f"{name}_no")
    found = pc.index_in(ids, rows[f"{name}_id"].combine_chunks())
    return np.asarray(pc.fill_null(found, -1).to_numpy(), np.int32)

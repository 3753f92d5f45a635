"""How good each model's lists would have been: full ranking over all products, on what was bought afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.recommender.model import Recommender
from ml.capabilities.recommender.ranking import season
from ml.capabilities.recommender.ranking.lists import Lists
from ml.capabilities.recommender.spec import Params
from ml.core.evaluation import Evaluation
from ml.kernels.compiled import Ids
from ml.learn.metrics import ranking

BLOCK = 20_000
SIMPLE_CUSTOMERS = 5_000
"""Of so many customers the lists of new products are held against the simple orders'."""


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
        something new; and ``popular ndcg@10``, what recent popularity alone would get. ``stops`` says at which cutoff the
        lists of new products were worse, by more than chance, than the best simple order (:mod:`season`). Units are customers of
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
    blocks = [lists.both(i, min(i + BLOCK, len(customers))) for i in range(0, len(customers), BLOCK)]
    every, new = (
        (np.concatenate([ranked.ids for ranked in part]) for part in zip(*blocks, strict=True))
        if blocks
        else (np.empty((0, params.depth), np.int32), np.empty((0, params.depth), np.int32))
    )
    figures, per_unit = judge(every, truth)
    fresh = new_to(lists, truth)
    others, new_per_unit = judge(new, fresh)
    popular, _ = judge(lists.popular(), truth)
    named = {f"new {name}": value for name, value in others.items()} | {"popular ndcg@10": popular["ndcg@10"]}
    verdicts = _verdicts(model, lists, fresh, new_per_unit)
    return Evaluation(figures | named | _figures(verdicts), per_unit, stops=tuple(season.stops(verdicts)))


def new_to(lists: Lists, truth: Truth) -> Truth:
    """The truth without what a unit had bought before."""
    known = truth.items >= 0
    again = np.zeros(len(known), bool)
    again[known] = lists.bought_pairs(truth.units[known], truth.items[known])
    return Truth(truth.units[~again], truth.items[~again], truth.n_units, truth.n_items)


def _verdicts(model: Recommender, lists: Lists, fresh: Truth, ours: ranking.Floats) -> list[season.Verdict]:
    """What is new to a customer beside the best simple order, now and at the past cutoffs that the model was confirmed on."""
    if model.ranker_ is None:
        return []
    rows = np.sort(np.random.default_rng(0).permutation(len(lists.customers))[:SIMPLE_CUSTOMERS])
    took = np.bincount(fresh.units, minlength=fresh.n_units)[rows] > 0
    inside = np.isin(fresh.units, rows)
    part = Truth(np.searchsorted(rows, fresh.units[inside]), fresh.items[inside], len(rows), fresh.n_items)
    simple = {name: judge(ids, part)[1][took] for name, ids in lists.simple(rows).items()}
    return [season.verdict(0, ours[rows][took], simple), *model.ranker_.season.verdicts]


def _figures(verdicts: Sequence[season.Verdict]) -> dict[str, float]:
    """NDCG@10 of what is new by cutoff, and that of the best simple order there."""
    found = {}
    for verdict in verdicts:
        when = f"{verdict.days_ago} days before" if verdict.days_ago else "simple orders' customers"
        found[f"new ndcg@10, {when}"] = verdict.ours
        found[f"new ndcg@10 of the best simple order, {when}"] = verdict.theirs
    return found


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

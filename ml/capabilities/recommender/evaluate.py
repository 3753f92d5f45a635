"""How good each model's lists would have been: full ranking over all products, on what was bought afterwards."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.recommender.lists import Lists
from ml.capabilities.recommender.model import Recommender
from ml.capabilities.recommender.spec import Params
from ml.core import metrics
from ml.core.compiled import Ids
from ml.core.evaluation import Evaluation

BLOCK = 20_000


def evaluate(
    models: Mapping[str, Recommender], features: Mapping[str, pa.Table], truth: pa.Table, params: Params
) -> dict[str, Evaluation]:
    """Judge the lists of all customers who bought something in the window, new ones among them.

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
        ``ndcg@10`` (per unit too), ``recall@20``, ``hit_rate@10``, ``coverage@10`` and ``units``. Units are the
        customers of ``truth`` in the order of their ids. A product that was not listed before counts as missed.
    """
    bought = truth.combine_chunks()
    ids = pc.unique(bought["customer_id"]).sort()
    units = pc.index_in(bought["customer_id"], ids).to_numpy().astype(np.int64)
    customers = _numbers(ids, features["customer"], "customer")
    items = _numbers(bought["product_id"], features["product"], "product")
    relevant = np.bincount(units, minlength=len(ids))
    available = int(pc.sum(features["product"]["available"]).as_py() or 0)
    return {name: _judge(_lists(model, features, customers, params), units, items, relevant, available)
            for name, model in models.items()}  # fmt: skip


def _lists(model: Recommender, features: Mapping[str, pa.Table], customers: Ids, params: Params) -> Ids:
    lists = Lists(model, features, customers, params)
    blocks = [lists.rank(i, min(i + BLOCK, len(customers)))[0] for i in range(0, len(customers), BLOCK)]
    return np.concatenate(blocks) if blocks else np.empty((0, params.top_k), np.int32)


def _judge(lists: Ids, units: metrics.Counts, items: Ids, relevant: metrics.Counts, n_items: int) -> Evaluation:
    hits = metrics.hits(lists, units, items)
    per_unit = metrics.ndcg(hits, relevant, 10)
    figures = {
        "ndcg@10": per_unit,
        "recall@20": metrics.recall(hits, relevant, 20),
        "hit_rate@10": metrics.hit_rate(hits, 10),
    }
    means = {name: float(values.mean()) if len(values) else 0.0 for name, values in figures.items()}
    return Evaluation(
        means | {"coverage@10": metrics.coverage(lists, n_items, 10), "units": float(len(lists))}, per_unit
    )


def _numbers(ids: pa.Array, table: pa.Table, name: str) -> Ids:
    """The numbers of ``ids`` in a feature table; -1 where it does not have them."""
    rows = table.sort_by(f"{name}_no")
    found = pc.index_in(ids, rows[f"{name}_id"].combine_chunks())
    return np.asarray(pc.fill_null(found, -1).to_numpy(), np.int32)

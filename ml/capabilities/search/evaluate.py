"""How high the product that was clicked would have stood."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from ml.capabilities.search.log import key
from ml.capabilities.search.model import Search
from ml.capabilities.search.spec import Params
from ml.core.capability import Rows
from ml.core.evaluation import Evaluation

DEPTH = 10


def evaluate(models: Mapping[str, Search], features: Rows, truth: pa.Table, params: Params) -> dict[str, Evaluation]:
    """Judge each model by search with a click: ``mrr@10`` is 1 over the place of the product that was clicked, 0 below 10.

    Units are pairs of query and product in the order of their texts, at most ``params.judged``, drawn by lot; one that was
    clicked often counts as often as it was.
    """
    rows = truth.sort_by([("query", "ascending"), ("product_id", "ascending")])
    units = np.repeat(np.arange(len(rows)), rows["searches"].to_numpy())
    if len(units) > params.judged:
        units = np.sort(np.random.default_rng(0).permutation(units)[: params.judged])
    rows = rows.take(pa.array(units))
    pairs = list(zip(map(key, rows["query"].to_pylist()), rows["product_id"].to_pylist(), strict=True))
    found = {}
    for name, model in models.items():
        gain = reciprocal(model, features, pairs)
        hit = float((gain > 0).mean()) if len(gain) else 0.0
        found[name] = Evaluation({"mrr@10": float(gain.mean()) if len(gain) else 0.0, "hit_rate@10": hit}, gain)
    return found


def reciprocal(model: Search, features: Rows, pairs: list[tuple[str, str]]) -> np.ndarray:
    """1 / place of each pair's product in the answer to its query."""
    engine = model.engine(features)
    ids = engine.index.products["product_id"].to_pylist()
    lists = {query: [ids[i] for i in engine.answer(query, DEPTH).ids] for query in sorted({q for q, _ in pairs})}
    return np.array([1 / (lists[q].index(p) + 1) if p in lists[q] else 0.0 for q, p in pairs], np.float64)

"""Who buys alike: nearest in how often, how lately, for how much and of what they buy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.customer.spec import Params
from ml.core.batches import Columns
from ml.kernels.topk.dense import top_k_dense

Floats = npt.NDArray[np.float32]
COMPARED = (
    "orders",
    "days_since",
    "mean_gap",
    "mean_order",
    "categories",
    "price_level",
    "views_28",
    "store_share",
    "app_share",
)
CATEGORIES = 24
"""The most frequent preferred categories, each a dimension."""
BLOCK = 20_000


def twins(customers: pa.Table, params: Params, seed: int = 0) -> Iterator[Columns]:
    """Blocks of ``customer_like``: for each customer the nearest others of a pool drawn by lot.

    Likeness is exp(-d² / 2 m) of the distance d between standardised logarithms and shares of preferred categories,
    over m columns: 1 for the same, and .6 where each column differs by a deviation.
    """
    customers = customers.sort_by("customer_id")
    n, k = len(customers), params.twins
    if n < 2:
        return
    x = _points(customers)
    pool = np.sort(np.random.default_rng(seed).permutation(n)[: params.twin_pool])
    # The nearest have the largest x·y - |y|² / 2.
    items = np.ascontiguousarray(np.column_stack([x[pool], -0.5 * (x[pool] ** 2).sum(axis=1)]).astype(np.float32))
    ids = customers["customer_id"].combine_chunks()
    for start in range(0, n, BLOCK):
        block = x[start : start + BLOCK]
        rows = np.ascontiguousarray(np.column_stack([block, np.ones(len(block))]).astype(np.float32))
        found, _ = top_k_dense(rows, items, min(k + 1, len(pool)))
        yield _block(ids, pool, x, found, start, k)


def _block(
    ids: pa.Array, pool: npt.NDArray[np.int64], x: Floats, found: npt.NDArray[np.int32], start: int, k: int
) -> Columns:
    who = np.repeat(np.arange(start, start + len(found)), found.shape[1])
    other = np.where(found.ravel() >= 0, pool[np.maximum(found.ravel(), 0)], who)
    distance = ((x[who] - x[other]) ** 2).sum(axis=1)
    order = np.lexsort((other, distance, who))
    who, other, distance = who[order], other[order], distance[order]
    kept = who != other
    who, other, distance = who[kept], other[kept], distance[kept]
    first = np.searchsorted(who, who)
    rank = np.arange(len(who)) - first + 1
    top = rank <= k
    who, other, rank, distance = who[top], other[top], rank[top], distance[top]
    return {
        "customer_id": ids.take(pa.array(who)),
        "rank": pa.array(rank),
        "other_customer_id": ids.take(pa.array(other)),
        "likeness": pa.array(np.exp(-distance.astype(np.float64) / (2 * len(COMPARED)))),
        "reason": _shared(x, who, other),
    }


_WORDS = (
    "how many orders",
    "how long ago the last was",
    "how often they come",
    "what an order is worth",
    "how many categories",
    "how dear they buy",
    "how much they look at",
    "share bought in shops",
    "share bought in the app",
)


def _shared(x: Floats, who: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> pa.Array:
    """The two figures in which they are closest, of those in which the customer is not like everybody."""
    m = len(COMPARED)
    gap = np.abs(x[who, :m] - x[other, :m]) - 0.3 * np.minimum(np.abs(x[who, :m]), 2)
    best = np.argsort(gap, axis=1, kind="stable")[:, :2]
    words = pa.array(_WORDS, pa.string())
    return pc.binary_join_element_wise(
        pa.scalar("alike in "),
        words.take(pa.array(best[:, 0])),
        pa.scalar(" and "),
        words.take(pa.array(best[:, 1])),
        "",
    )


def _points(customers: pa.Table) -> Floats:
    columns = [np.nan_to_num(customers[name].cast(pa.float64()).to_numpy()) for name in COMPARED]
    numbers = np.stack([np.sign(c) * np.log1p(np.abs(c)) for c in columns], axis=1)
    numbers = (numbers - numbers.mean(axis=0)) / np.maximum(numbers.std(axis=0), 1e-6)
    preferred = pc.fill_null(customers["preferred"].combine_chunks(), "")
    lists = pc.split_pattern(preferred, ", ")
    counts = pc.value_counts(lists.flatten())
    pairs = sorted(
        zip(counts.field("counts").to_pylist(), counts.field("values").to_pylist(), strict=True), reverse=True
    )
    names = pa.array([name for _, name in pairs if name][:CATEGORIES], pa.string())
    code = pc.fill_null(pc.index_in(lists.flatten(), names), -1).to_numpy()
    row = pc.list_parent_indices(lists).to_numpy()
    shares = np.zeros((len(customers), len(names)))
    shares[row[code >= 0], code[code >= 0]] = 1.0
    return np.concatenate([numbers, shares], axis=1).astype(np.float32)

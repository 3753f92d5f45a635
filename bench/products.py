"""``buy_again`` and ``bought_together`` on a shop's last 30 days, beside what is usually done by hand.

``--shop online_retail --data FOLDER`` (or demo, olist, tables). What is counted lies before the window that is judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array

from bench import Options, Row
from bench._window import HORIZON, Shop, Window, load
from ml.capabilities.recommender import features
from ml.capabilities.recommender.evaluate import Truth, judge
from ml.capabilities.recommender.model import fit_baseline
from ml.capabilities.recommender.spec import SPEC, Params
from ml.capabilities.recommender.tables.bought_together import baskets
from ml.capabilities.recommender.tables.tonight import Tonight
from ml.core.capability import published
from ml.core.gate import difference
from ml.kernels.topk.sparse import top_k_sparse
from ml.learn.histories import history

SEED, K = 7, 20
CONFIDENCE = 0.975

Ids = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Month:
    """The window, the tables that would have been published before it, and the order lines of its days."""

    window: Window
    tables: dict[str, pa.Table]
    lines: pa.Table


def run(options: Options) -> Iterator[Row]:
    """Rows of the last window; with ``--quick`` a small demo shop."""
    shop = load(options)
    params: Params = SPEC.params
    month = _month(shop, params)
    label = f"{shop.name}, {month.window.start:%Y-%m-%d} + 30 d"
    yield from _again(label, month)
    yield from _together(label, month)


def _month(shop: Shop, params: Params) -> Month:
    window = Window(shop, shop.end - HORIZON, params)
    tables = published(SPEC, fit_baseline(window.features, params, SEED), window.features, params)
    end = {
        n: shop.backend.to_pyarrow(t) for n, t in features.build(shop.tables, window.start + HORIZON, params).items()
    }
    start = int(window.start.timestamp())
    lines = end["purchase"].filter(pc.greater_equal(end["purchase"]["at"], start))
    lines = lines.set_column(
        lines.schema.get_field_index("product_no"),
        "product_no",
        pa.array(_renumbered(lines["product_no"], end["product"], window.features["product"], "product")),
    )
    lines = lines.set_column(
        lines.schema.get_field_index("customer_no"),
        "customer_no",
        pa.array(_renumbered(lines["customer_no"], end["customer"], window.features["customer"], "customer")),
    )
    return Month(window, tables, lines.filter(pc.greater_equal(lines["product_no"], 0)))


def _again(label: str, month: Month) -> Iterator[Row]:
    """Of what known customers bought again: how well it was foreseen, and whether the chances are what they say."""
    window, table = month.window, month.tables["buy_again"]
    repeated = window.bought[window.truth.units, window.truth.items]
    truth = window.truth._replace(units=window.truth.units[repeated], items=window.truth.items[repeated])
    ours = _lists(
        _number(table["customer_id"], window.features["customer"], "customer"),
        table["rank"].to_numpy() - 1,
        _number(table["product_id"], window.features["product"], "product"),
        window.log.n_customers,
    )[window.users]
    often = history(window.log, window.users.astype(np.int32), 365.0, cap=np.inf, looks=False)
    theirs = window.lists(np.where(often.toarray() > 0, often.toarray(), -np.inf), new=False, k=K)
    own, peer = judge(ours, truth), judge(theirs, truth)
    took = np.bincount(truth.units, minlength=truth.n_units) > 0
    gap = difference(own[1][took], peer[1][took], confidence=CONFIDENCE, seed=SEED)
    yield Row(
        f"buy_again, {label}: NDCG@10 of what was bought again",
        "ndcg",
        own[0]["ndcg@10"],
        "personal frequency, half after a year",
        peer[0]["ndcg@10"],
        own[0]["ndcg@10"] / peer[0]["ndcg@10"],
        note=f"difference {gap} over {int(took.sum()):,} customers",
    )
    keys = window.log.n_products * month.lines["customer_no"].to_numpy().astype(np.int64)
    keys += month.lines["product_no"].to_numpy()
    listed = window.log.n_products * _number(table["customer_id"], window.features["customer"], "customer").astype(
        np.int64
    )
    listed += _number(table["product_id"], window.features["product"], "product")
    observed, promised = float(np.isin(listed, keys).mean()), float(pc.mean(table["score"]).as_py())
    yield Row(
        f"buy_again, {label}: share of the rows that were bought",
        "share",
        promised,
        "the mean chance was, observed",
        observed,
        min(promised, observed) / max(promised, observed),
        note=f"{len(listed):,} rows; chances are of 28 days, observed of 30",
    )


def _together(label: str, month: Month) -> Iterator[Row]:
    """Each product of a new order in turn is in the cart: how many of the others are among the first ten."""
    window, table = month.window, month.tables["bought_together"]
    m = window.log.n_products
    ours = _lists(
        _number(table["product_id"], window.features["product"], "product"),
        table["rank"].to_numpy() - 1,
        _number(table["other_product_id"], window.features["product"], "product"),
        m,
    )
    past = baskets(Tonight.of(window.features))
    cart, other = _pairs(month.lines)
    truth = Truth(*(_units(cart, other)), m)
    query = cart[np.unique(truth.units, return_index=True)[1]]
    own = judge(ours[query], truth)
    for name, scaled in (("count of common orders", False), ("cosine of orders", True)):
        peer = judge(_common(past.orders, past.size, scaled=scaled)[query], truth)
        gap = difference(own[1], peer[1], confidence=CONFIDENCE, seed=SEED)
        yield Row(
            f"bought_together, {label}: NDCG@10 of the rest of an order",
            "ndcg",
            own[0]["ndcg@10"],
            name,
            peer[0]["ndcg@10"],
            own[0]["ndcg@10"] / peer[0]["ndcg@10"],
            note=f"difference {gap} over {truth.n_units:,} carts; different products shown: "
            f"{own[0]['coverage@10']:.0%} and {peer[0]['coverage@10']:.0%}",
        )


def _units(cart: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], Ids, int]:
    """A unit per run of equal carts."""
    first = np.flatnonzero(np.r_[True, cart[1:] != cart[:-1]]) if len(cart) else np.empty(0, np.int64)
    units = np.repeat(np.arange(len(first)), np.diff(np.r_[first, len(cart)]))
    return units, other.astype(np.int32), len(first)


def _pairs(lines: pa.Table, most: int = 30) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Product in the cart and another of the same order, for orders of 2 to ``most`` products."""
    table = (
        lines.group_by(["order_no", "product_no"])
        .aggregate([])
        .sort_by([("order_no", "ascending"), ("product_no", "ascending")])
    )
    order, product = (table[name].to_numpy().astype(np.int64) for name in ("order_no", "product_no"))
    starts = np.flatnonzero(np.r_[True, order[1:] != order[:-1]])
    carts, others = [], []
    for start, size in zip(starts, np.diff(np.r_[starts, len(order)]), strict=True):
        if 2 <= size <= most:
            here = product[start : start + size]
            carts.append(np.repeat(here, size - 1))
            others.append(np.tile(here, size)[~np.eye(size, dtype=bool).ravel()])
    return np.concatenate(carts), np.concatenate(others)


def _common(orders: csr_array, size: npt.NDArray[np.int64], *, scaled: bool) -> Ids:
    """Each product's companions by the number of common orders, or by their cosine."""
    both = csr_array(orders.T.astype(np.float32) @ orders.astype(np.float32))
    both.setdiag(0)
    both.eliminate_zeros()
    if scaled:
        row = np.repeat(np.arange(both.shape[0]), np.diff(both.indptr))
        both.data = (both.data / np.sqrt(size[row] * size[both.indices])).astype(np.float32)
    every = csr_array((np.ones(both.shape[0], np.float32), (np.arange(both.shape[0]),) * 2), shape=both.shape)
    return top_k_sparse(every, both, K)[0]


def _lists(row: npt.NDArray[np.integer], rank: npt.NDArray[np.integer], item: npt.NDArray[np.integer], n: int) -> Ids:
    lists = np.full((n, K), -1, np.int32)
    lists[row[rank < K], rank[rank < K]] = item[rank < K]
    return lists


def _number(ids: pa.ChunkedArray, table: pa.Table, name: str) -> Ids:
    """The numbers of ids, which the table has."""
    rows = table.sort_by(f"{name}_no")
    return np.asarray(pc.index_in(ids.combine_chunks(), rows[f"{name}_id"].combine_chunks()).to_numpy(), np.int32)


def _renumbered(numbers: pa.ChunkedArray, source: pa.Table, here: pa.Table, name: str) -> Ids:
    """Numbers of one table in those of another; -1 where it has not the id, and for a guest."""
    ids = source.sort_by(f"{name}_no")[f"{name}_id"].combine_chunks()
    known = pc.fill_null(pc.index_in(ids, here.sort_by(f"{name}_no")[f"{name}_id"].combine_chunks()), -1)
    places = np.append(known.to_numpy().astype(np.int32), np.int32(-1))
    return np.asarray(places[numbers.to_numpy()], np.int32)

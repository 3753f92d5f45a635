"""What the products beside the personal lists are made from: tonight's products, and the orders until now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array

from ml.capabilities.recommender.reasons import MONTH_DAYS, popular
from ml.core.units import DAY_S
from ml.kernels.compiled import Csr
from ml.kernels.groups import ends_of

UNITS = float(1 << 20)
"""Decayed weights are rounded to multiples of 1 / UNITS: such sums are exact, so the order of rows changes no bit."""
PRIOR_ORDERS = 100
"""A segment with fewer orders has no lists of its own, and one with few is drawn to the whole shop by so many."""
MOST_SEGMENTS = 50

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Tonight:
    """The shop as the night sees it, as arrays.

    Parameters
    ----------
    as_of : int
        The night, seconds since 1970.
    products : pyarrow.Table
        The feature table ``product`` in the order of ``product_no``; m rows.
    available : ndarray of shape (m,), bool
    category : ndarray of shape (m,), int64
        Place of the product's category in ``categories``; 0: none.
    categories : list of str
        ``""`` first, then the others in alphabetical order.
    customer : ndarray of shape (n_orders,), int64
        ``customer_no`` of each order, -1 for a guest.
    age : ndarray of shape (n_orders,), int64
        Whole days between the order and the night; 0 on the day before it.
    baskets : csr_array of shape (n_orders, m), int8
        1 where the order has the product, on however many lines.
    segments : list of str
        ``""`` for all, then the segments that have orders enough.
    segment : ndarray of shape (n_orders,), int64
        Place of the order's segment in ``segments``; 0: none of them.
    """

    as_of: int
    products: pa.Table
    available: Bools
    category: Ints
    categories: list[str]
    customer: Ints
    age: Ints
    baskets: Csr
    segments: list[str]
    segment: Ints

    @classmethod
    def of(cls, features: Mapping[str, pa.Table], shown: Bools | None = None) -> Tonight:
        """Look at the feature tables ``moment``, ``product``, ``purchase`` and ``customer``.

        ``shown``, of shape (m,), says which products may be shown, if not all that are available.
        """
        products = features["product"].sort_by("product_no").combine_chunks()
        names = pc.unique(products["category"]).to_pylist()
        categories = ["", *sorted(name for name in names if name)]
        as_of = int(pc.max(features["moment"]["as_of"]).as_py() or 0)
        customer, age, baskets = _orders(features["purchase"], as_of, len(products))
        segments, segment = _segments(features["customer"], customer)
        return cls(
            as_of=as_of,
            products=products,
            available=np.asarray(products["available"].to_numpy(), bool) & (True if shown is None else shown),
            category=pc.index_in(products["category"], pa.array(categories)).to_numpy().astype(np.int64),
            categories=categories,
            customer=customer,
            age=age,
            baskets=baskets,
            segments=segments,
            segment=segment,
        )

    @property
    def m(self) -> int:
        return len(self.available)

    @cached_property
    def ids(self) -> pa.Array:
        return self.products["product_id"].combine_chunks()

    @cached_property
    def titles(self) -> pa.Array:
        return self.products["title"].combine_chunks()

    @cached_property
    def popular(self) -> Bools:
        """What may be called popular this month, (n_segments, m)."""
        return popular(self.count((self.age < MONTH_DAYS).astype(np.float64)))

    def decay(self, half_life_days: float, slow_days: float) -> Floats:
        """Weight of each order: half after ``half_life_days``; a thousandth of it halves after ``slow_days`` only.

        The slow part ranks what sold last year, so that no list is too short in a quiet shop.
        """
        ages = np.arange(int(self.age.max(initial=0)) + 1)
        weight = 0.5 ** (ages / half_life_days) + 0.5 ** (ages / slow_days) / 1000
        return np.asarray((np.round(weight * UNITS) / UNITS)[self.age], np.float64)

    @cached_property
    def on_sale_days(self) -> Ints:
        """For how many days each product has been on sale: since listed or, if earlier, first sold; -1: nobody knows."""
        lines = np.diff(self.baskets.indptr)
        age = np.full(self.m, -1, np.int64)
        np.maximum.at(age, self.baskets.indices, np.repeat(self.age, lines))
        listed = self.products["listed_at"].cast(pa.int64()).fill_null(self.as_of + DAY_S).to_numpy()
        return np.maximum(age, np.asarray((self.as_of - listed) // DAY_S, np.int64))

    def count(self, weight: Floats) -> Floats:
        """Sum the orders' ``weight`` by segment and product: (n_segments, m); row 0 is all orders, guests' too."""
        size = len(self.segments) * self.m
        lines = np.diff(self.baskets.indptr)
        key = np.repeat(self.segment * self.m, lines) + self.baskets.indices
        counts = summed(key, np.repeat(weight, lines), size).reshape(len(self.segments), self.m)
        counts[0] = counts.sum(0)
        return counts

    def total(self, weight: Floats) -> Floats:
        """Sum the orders' ``weight`` by segment: (n_segments,); entry 0 is all orders."""
        totals = summed(self.segment, weight, len(self.segments))
        totals[0] = totals.sum()
        return totals


def summed(place: npt.NDArray[np.integer], values: npt.NDArray[Any], size: int) -> Floats:
    """Sum ``values`` by ``place``, (size,); whole numbers, and multiples of 1 / UNITS, exactly."""
    return np.asarray(np.bincount(place, values, size), np.float64)


def drawn(counts: Floats, towards: Floats) -> Floats:
    """Shares of each row, drawn to the shares of ``towards``: p_gi = (c_gi + κ p_0i) / (C_g + κ), κ = ``PRIOR_ORDERS``.

    Parameters
    ----------
    counts : ndarray of shape (n_groups, m)
    towards : ndarray of shape (m,)

    Examples
    --------
    >>> drawn(np.array([[0.0, 0.0], [300.0, 0.0]]), np.array([1.0, 3.0])).tolist()
    [[0.25, 0.75], [0.8125, 0.1875]]
    """
    share = towards / max(float(towards.sum()), 1e-9)
    mixed: Floats = (counts + PRIOR_ORDERS * share) / (counts.sum(1, keepdims=True) + PRIOR_ORDERS)
    return mixed


def _orders(purchase: pa.Table, as_of: int, m: int) -> tuple[Ints, Ints, Csr]:
    """Customer, age and basket of each order that has a line."""
    order = purchase["order_no"].to_numpy().astype(np.int64)
    if not len(order) or not m:
        return np.empty(0, np.int64), np.empty(0, np.int64), csr_array((0, m), dtype=np.int8)
    n = int(order.max()) + 1
    customer, age = np.full(n, -1, np.int64), np.zeros(n, np.int64)
    customer[order] = purchase["customer_no"].to_numpy()
    age[order] = np.maximum(0, (as_of - 1 - purchase["at"].to_numpy()) // DAY_S)
    # One sort of one number a line: a product on two lines of an order is in it once.
    key = np.sort(order * m + purchase["product_no"].to_numpy())
    key = key[np.concatenate([[True], key[1:] != key[:-1]])]
    lines = np.bincount(key // m, minlength=n)
    there = np.flatnonzero(lines)
    ends = ends_of(lines[there])
    baskets = csr_array((np.ones(len(key), np.int8), (key % m).astype(np.int32), ends), shape=(len(there), m))
    return customer[there], age[there], baskets


def _segments(customers: pa.Table, customer: Ints) -> tuple[list[str], Ints]:
    """Segments with at least ``PRIOR_ORDERS`` orders, those with most first; and each order's."""
    table = customers.sort_by("customer_no")
    names = pc.unique(table["segment"]).sort().to_pylist()
    of = pc.index_in(table["segment"], pa.array(names, pa.string())).to_numpy().astype(np.int64)
    known = customer >= 0
    orders = np.bincount(of[customer[known]], minlength=len(names))
    best = np.argsort(-orders, kind="stable")
    chosen = [i for i in best if names[i] and orders[i] >= PRIOR_ORDERS][:MOST_SEGMENTS]
    place = np.zeros(max(1, len(names)), np.int64)
    place[chosen] = np.arange(1, len(chosen) + 1)
    segment = np.zeros(len(customer), np.int64)
    segment[known] = place[of[customer[known]]]
    return ["", *(names[i] for i in chosen)], segment

"""The shop's rules on a night's products: what is never shown, what weighs more or less, what stands where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.kernels.compiled import Ids, Scores

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rules:
    """The rules of a night, worked out for each product and each group of customers.

    Group 0 is every customer of whose segment no rule speaks; each segment that a rule names is a further group.

    Parameters
    ----------
    segments : tuple of str
        Name of each group; the first is empty.
    weight : ndarray of shape (n_groups, m), float32
        By how much the product's place is divided: 1 as it is, 2 half the place, 0 never shown (excluded, not for sale).
    pins, pin_ranks : ndarray of shape (n_groups, p), int32
        Products that have a fixed place, by place, and the places from 1, all different; -1: no more of them.
    category : ndarray of shape (m,), int32
        Number of each product's category.
    limit : ndarray of shape (n_categories,), int32
        At most so many of a category in one list.
    again : ndarray of shape (m,), bool
        Shown to customers who bought it.
    log_price : ndarray of shape (m,), float32
        Natural logarithm of the price; nan: unknown.
    """

    segments: tuple[str, ...]
    weight: Scores
    pins: Ids
    pin_ranks: Ids
    category: Ids
    limit: Ids
    again: Mask
    log_price: Scores

    def group(self, segments: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.int64]:
        """Group of each customer by the name of the segment."""
        found = pc.fill_null(pc.index_in(segments, pa.array(self.segments)), 0)
        return np.asarray(found.to_numpy(), np.int64)

    def shown(self, segment: str = "") -> Mask:
        """Which products may be shown to a segment at all, shape (m,)."""
        group = self.segments.index(segment) if segment in self.segments else 0
        return np.asarray(self.weight[group] > 0)

    def shelf(self, features: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        """Return the features as if what nobody is shown were not available, for the ranking to go on behind it."""
        products = features["product"].sort_by("product_no")
        place = products.schema.get_field_index("available")
        return {**features, "product": products.set_column(place, "available", pa.array(self.shown()))}


def work_out(
    features: Mapping[str, pa.Table], top_k: int, again: Mask | None = None, max_per_category: int = 0
) -> Rules:
    """Work out the rules that hold in the night of ``features``.

    Parameters
    ----------
    features : mapping of str to pyarrow.Table
        ``product`` (product_no, product_id, category, brand, price, available); where the shop has rules also ``rule``,
        ``category_rule`` and ``night``. A rule that fits no product (one that is not there) has no effect.
    top_k : int
        Length of the lists: a pin beyond it is none.
    again : ndarray of shape (m,), bool, optional
        Which products are shown again to who bought them, as learned; all, if not given. ``category_rule`` overrides it.
    max_per_category : int
        At most so many of a category without a limit of its own in a list; 0: any number.

    Returns
    -------
    Rules
        Several boosts and buries of a product multiply. Who is excluded is not shown, whatever else is said of it.
    """
    products = _Products(features["product"].sort_by("product_no"))
    rules = _holding(features)
    segments = ("", *sorted({rule["segment"] for rule in rules if rule["segment"]}))
    weight = np.repeat(products.available.astype(np.float32)[None], len(segments), axis=0)
    pinned: list[dict[int, int]] = [{} for _ in segments]
    for rule in rules:
        fits = products.fit(rule)
        for group in [g for g, name in enumerate(segments) if rule["segment"] in {None, name}]:
            if rule["kind"] == "pin":
                for product in np.flatnonzero(fits).tolist():
                    pinned[group][product] = min(rule["rank"], pinned[group].get(product, rule["rank"]))
            else:
                weight[group, fits] *= 0 if rule["kind"] == "exclude" else rule["factor"]
    pins, ranks = _pins(pinned, weight, top_k)
    limit, shown_again = _of_categories(features, products, top_k, max_per_category)
    learned = np.ones(products.m, bool) if again is None else again
    return Rules(
        segments,
        weight,
        pins,
        ranks,
        products.category,
        limit,
        np.where(shown_again < 0, learned, shown_again > 0),
        products.log_price,
    )


def night(features: Mapping[str, pa.Table]) -> date:
    """Which night the features are of; without any, the first day that there is."""
    table = features.get("night")
    return table["night"][0].as_py() if table is not None and len(table) else date.min


def _holding(features: Mapping[str, pa.Table]) -> list[dict[str, Any]]:
    """The rules that hold on the day of the night, in the order of their ids."""
    table, today = features.get("rule"), night(features)
    rules = [] if table is None else table.sort_by("id").to_pylist()
    return [r for r in rules if (r["starts_on"] or today) <= today <= (r["ends_on"] or today)]


class _Products:
    """The columns that rules speak of, as arrays."""

    def __init__(self, table: pa.Table) -> None:
        self.m = len(table)
        self.ids = table["product_id"].combine_chunks()
        self.available: Mask = np.asarray(table["available"].to_numpy(), bool)
        self.price = np.asarray(pc.fill_null(table["price"], np.nan).to_numpy(), np.float32)
        with np.errstate(divide="ignore", invalid="ignore"):
            self.log_price = np.where(self.price > 0, np.log(self.price), np.nan).astype(np.float32)
        category, brand = (table[name].combine_chunks().dictionary_encode() for name in ("category", "brand"))
        self.categories, self.brands = category.dictionary, brand.dictionary
        self.category = np.asarray(category.indices.to_numpy(), np.int32)
        self.brand = np.asarray(brand.indices.to_numpy(), np.int32)

    def fit(self, rule: Mapping[str, Any]) -> Mask:
        """Which products fit all that the rule names."""
        fits = np.ones(self.m, bool)
        if rule["product_id"] is not None:
            fits[:] = False
            place = self.ids.index(rule["product_id"]).as_py()
            fits[place : place + (place >= 0)] = True
        if rule["category"] is not None:
            fits &= self.category == self.categories.index(rule["category"]).as_py()
        if rule["brand"] is not None:
            fits &= self.brand == self.brands.index(rule["brand"]).as_py()
        # Compared as they are stored: 9.99 in 32 bit is below 9.99 in 64.
        if rule["min_price"] is not None:
            fits &= self.price >= np.float32(rule["min_price"])
        if rule["max_price"] is not None:
            fits &= self.price <= np.float32(rule["max_price"])
        return fits


def _pins(pinned: list[dict[int, int]], weight: Scores, top_k: int) -> tuple[Ids, Ids]:
    """Products and places of each group; of two that want a place, the later takes the next free one."""
    taken: list[dict[int, int]] = []
    for group, wanted in enumerate(pinned):
        places: dict[int, int] = {}
        for product, rank in sorted(wanted.items(), key=lambda item: item[1]):
            if weight[group, product] > 0:
                place = max(rank, max(places, default=0) + 1)
                if place <= top_k:
                    places[place] = product
        taken.append(places)
    width = max(map(len, taken))
    pins, ranks = np.full((2, len(taken), width), -1, np.int32)
    for group, places in enumerate(taken):
        ranks[group, : len(places)], pins[group, : len(places)] = list(places), list(places.values())
    return pins, ranks


def _of_categories(
    features: Mapping[str, pa.Table], products: _Products, top_k: int, max_per_category: int
) -> tuple[Ids, npt.NDArray[np.int8]]:
    """Limit of each category, and of each product whether it is shown again: 1 yes, 0 no, -1 as learned."""
    limit = np.full(len(products.categories), max_per_category or top_k, np.int32)
    again = np.full(len(products.categories), -1, np.int8)
    table = features.get("category_rule")
    for rule in [] if table is None else table.to_pylist():
        number = products.categories.index(rule["category"]).as_py()
        if number >= 0:
            limit[number] = min(top_k, rule["max_per_list"] or limit[number])
            again[number] = -1 if rule["show_bought"] is None else rule["show_bought"]
    return limit, again[products.category]

"""What customers did and what products are, as flat arrays: the one input of all candidate models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.kernels.compiled import Ids, Scores
from ml.kernels.groups import ends_of

Moments = npt.NDArray[np.int64]
NEVER = np.iinfo(np.int64).min
"""``listed_at`` of a product of which nobody knows since when it is listed: it is not new."""


class Pictures:
    """The products' pictures, read when they are first asked for: most nights no product is new.

    Parameters
    ----------
    features : mapping of str to pyarrow.Table
        With a table ``picture`` (product_no, content), or without one: then there are no pictures.
    """

    def __init__(self, features: Mapping[str, pa.Table] | None = None) -> None:
        self._features = features or {}

    def of(self, products: Ids) -> list[str | None]:
        """Thumbnails of these products; None where there is none."""
        if not len(products) or "picture" not in self._features:
            return [None] * len(products)
        pictures = self._features["picture"]
        place = pc.index_in(pa.array(products, pictures["product_no"].type), pictures["product_no"].combine_chunks())
        found: list[str | None] = pictures["content"].cast(pa.large_string()).take(place).to_pylist()
        return found


@dataclass(frozen=True)
class Log:
    """Order lines sorted by customer and time, and the products' attributes.

    Attributes
    ----------
    n_customers, n_products : int
    until : int
        Seconds since 1970; every line is older.
    indptr : ndarray of shape (n_customers + 1,), int64
        Customer c's lines are ``[indptr[c], indptr[c + 1])``, oldest first; lines of one order stand together.
    product, order : ndarray of shape (n_lines,), int32
    at : ndarray of shape (n_lines,), int64
        Seconds since 1970.
    quantity, price : ndarray of shape (n_lines,), float32
    look_indptr, look_product, look_at, look_weight
        The same of what customers looked at, one row per customer, product and day; the weight is relative to a purchase.
    segment : ndarray of shape (n_customers,), int32
        A number for each segment of customers, in the order of their names.
    product_id, title, category, brand, description : pyarrow.Array of shape (n_products,), string
    list_price : ndarray of shape (n_products,), float32
        NaN where unknown.
    listed_at : ndarray of shape (n_products,), int64
        Seconds since 1970, ``NEVER`` where unknown.
    pictures : Pictures
    """

    n_customers: int
    n_products: int
    until: int
    indptr: Moments
    product: Ids
    order: Ids
    at: Moments
    quantity: Scores
    price: Scores
    look_indptr: Moments
    look_product: Ids
    look_at: Moments
    look_weight: Scores
    segment: Ids
    product_id: pa.Array
    title: pa.Array
    category: pa.Array
    brand: pa.Array
    description: pa.Array
    list_price: Scores
    listed_at: Moments
    pictures: Pictures = field(default_factory=Pictures)


def log(features: Mapping[str, pa.Table], until: int) -> Log:
    """Make the log from the tables ``customer``, ``product``, ``purchase``, ``look`` and ``picture`` of :func:`features.build`.

    Without the table ``look`` nobody looked at anything.
    """
    products = features["product"].sort_by("product_no").combine_chunks()
    lines = features["purchase"].filter(pc.field("customer_no") >= 0)
    customer_no, product_no, order, at = (
        lines[name].to_numpy() for name in ("customer_no", "product_no", "order_no", "at")
    )
    quantity, price = (lines[name].to_numpy() for name in ("quantity", "price"))
    # Equal lines but for quantity and price are put in order too: sums of floats depend on it.
    sequence = np.lexsort((price, quantity, product_no, order, at, customer_no))
    n = features["customer"].num_rows
    customers = features["customer"].sort_by("customer_no")
    segments = pc.unique(customers["segment"]).sort()
    looks = _looks(features.get("look"), n)
    texts = {name: _column(products, name) for name in ("product_id", "title", "category", "brand", "description")}
    return Log(
        n_customers=n,
        n_products=products.num_rows,
        until=until,
        indptr=ends_of(np.bincount(customer_no, minlength=n)),
        product=product_no[sequence].astype(np.int32),
        order=order[sequence].astype(np.int32),
        at=at[sequence].astype(np.int64),
        quantity=quantity[sequence].astype(np.float32),
        price=price[sequence].astype(np.float32),
        segment=pc.index_in(customers["segment"], segments).to_numpy().astype(np.int32),
        list_price=_column(products, "price").to_numpy(zero_copy_only=False).astype(np.float32),
        listed_at=pc.fill_null(_column(products, "listed_at"), NEVER).to_numpy(zero_copy_only=False).astype(np.int64),
        pictures=Pictures(features),
        **looks,
        **texts,
    )


def before(log: Log, at: int) -> Log:
    """Give the same log as it was at ``at``: lines and looks before it only."""
    if at >= log.until:
        return log
    return replace(_kept(log, log.at < at, log.look_at < at), until=at)


def since(log: Log, at: int) -> Log:
    """Give the same log without lines and looks older than ``at``."""
    return _kept(log, log.at >= at, log.look_at >= at)


def some(log: Log, most: int, seed: int) -> Log:
    """Give the same log with what ``most`` customers did, drawn from all who did anything; the numbers stay."""
    active = np.flatnonzero((np.diff(log.indptr) > 0) | (np.diff(log.look_indptr) > 0))
    if len(active) <= most:
        return log
    chosen = np.zeros(log.n_customers, bool)
    chosen[np.random.default_rng(seed).permutation(active)[:most]] = True
    return _kept(log, np.repeat(chosen, np.diff(log.indptr)), np.repeat(chosen, np.diff(log.look_indptr)))


def everyone(log: Log) -> Ids:
    """The numbers of all customers."""
    return np.arange(log.n_customers, dtype=np.int32)


def category_codes(log: Log) -> Ids:
    """A number for each product's category, shape (n_products,); -1 for none."""
    names = pc.if_else(pc.equal(log.category, ""), None, log.category).dictionary_encode()
    return np.asarray(pc.fill_null(names.indices, -1).to_numpy(zero_copy_only=False), np.int32)


def _kept(log: Log, lines: npt.NDArray[np.bool_], looks: npt.NDArray[np.bool_]) -> Log:
    ends = {
        name: ends_of(mask)[getattr(log, name)].astype(np.int64)
        for name, mask in (("indptr", lines), ("look_indptr", looks))
    }
    parts = {name: getattr(log, name)[lines] for name in ("product", "order", "at", "quantity", "price")}
    parts |= {name: getattr(log, name)[looks] for name in ("look_product", "look_at", "look_weight")}
    return replace(log, **ends, **parts)


def _looks(table: pa.Table | None, n: int) -> dict[str, npt.NDArray[Any]]:
    """The arrays of what was looked at, sorted by customer, time and product."""
    if table is None:
        return {
            "look_indptr": np.zeros(n + 1, np.int64),
            "look_product": np.empty(0, np.int32),
            "look_at": np.empty(0, np.int64),
            "look_weight": np.empty(0, np.float32),
        }
    customer_no, product_no, at = (table[name].to_numpy() for name in ("customer_no", "product_no", "at"))
    sequence = np.lexsort((product_no, at, customer_no))
    return {
        "look_indptr": ends_of(np.bincount(customer_no, minlength=n)),
        "look_product": product_no[sequence].astype(np.int32),
        "look_at": at[sequence].astype(np.int64),
        "look_weight": table["weight"].to_numpy()[sequence].astype(np.float32),
    }


def _column(table: pa.Table, name: str) -> pa.Array:
    column = table[name]
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column

"""What customers did and what products are, as flat arrays: the one input of all candidate models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.core.compiled import Ids, Scores

Moments = npt.NDArray[np.int64]
NEVER = np.iinfo(np.int64).min
"""``listed_at`` of a product of which nobody knows since when it is listed: it is not new."""


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
    product_id, title, category, brand, description : pyarrow.Array of shape (n_products,), string
    list_price : ndarray of shape (n_products,), float32
        NaN where unknown.
    listed_at : ndarray of shape (n_products,), int64
        Seconds since 1970, ``NEVER`` where unknown.
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
    product_id: pa.Array
    title: pa.Array
    category: pa.Array
    brand: pa.Array
    description: pa.Array
    list_price: Scores
    listed_at: Moments


def log(features: Mapping[str, pa.Table], until: int) -> Log:
    """Make the log from the tables ``customer``, ``product`` and ``purchase`` of :func:`features.build`."""
    products = features["product"].sort_by("product_no").combine_chunks()
    lines = features["purchase"].filter(pc.field("customer_no") >= 0)
    who, what, order, at = (lines[name].to_numpy() for name in ("customer_no", "product_no", "order_no", "at"))
    sequence = np.lexsort((what, order, at, who))
    n = features["customer"].num_rows
    texts = {name: _column(products, name) for name in ("product_id", "title", "category", "brand", "description")}
    return Log(
        n_customers=n,
        n_products=products.num_rows,
        until=until,
        indptr=np.concatenate([[0], np.cumsum(np.bincount(who, minlength=n))]).astype(np.int64),
        product=what[sequence].astype(np.int32),
        order=order[sequence].astype(np.int32),
        at=at[sequence].astype(np.int64),
        quantity=lines["quantity"].to_numpy()[sequence].astype(np.float32),
        price=lines["price"].to_numpy()[sequence].astype(np.float32),
        list_price=_column(products, "price").to_numpy(zero_copy_only=False).astype(np.float32),
        listed_at=pc.fill_null(_column(products, "listed_at"), NEVER).to_numpy(zero_copy_only=False).astype(np.int64),
        **texts,
    )


def before(log: Log, at: int) -> Log:
    """Give the same log as it was at ``at``: lines before it only."""
    old = log.at < at
    ends = np.concatenate([[0], np.cumsum(old)])[log.indptr]
    parts = {name: getattr(log, name)[old] for name in ("product", "order", "at", "quantity", "price")}
    return replace(log, until=min(at, log.until), indptr=ends.astype(np.int64), **parts)


def _column(table: pa.Table, name: str) -> pa.Array:
    column = table[name]
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column

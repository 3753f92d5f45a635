"""The slices in which a model is to serve every kind of customer: country, payment method, and new against old customers."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from ml.learn.slices import Mask

LARGEST = 8
"""So many values of each kind of slice are looked at, the most frequent."""
FEWEST = 100
"""Orders below which a slice says nothing."""


def masks(order: pa.Table) -> Iterator[tuple[str, Mask]]:
    """Name and rows of each slice with at least ``FEWEST`` orders."""
    for kind, column in (("country", "shipping_country"), ("payment", "payment")):
        texts = order[column].combine_chunks()
        counts = sorted((-row["counts"], row["values"]) for row in pc.value_counts(texts).to_pylist() if row["values"])
        for n, value in counts[:LARGEST]:
            if -n >= FEWEST:
                yield f"{kind}/{value}", pc.fill_null(pc.equal(texts, value), False).to_numpy(zero_copy_only=False)
    before = order["customer_orders"].combine_chunks()
    old = pc.fill_null(pc.greater(before, 0), False).to_numpy(zero_copy_only=False)
    for name, rows in (("customer/new", ~old), ("customer/old", old)):
        if rows.sum() >= FEWEST:
            yield name, rows

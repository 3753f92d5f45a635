"""What the functions that the shop calls live need to know of products and customers (``live.sql``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc


def product_state(features: Mapping[str, pa.Table]) -> Iterator[dict[str, pa.Array]]:
    """Make the rows of ``product_state``: each product, what rules speak of, and whether it is for sale."""
    products = features["product"].sort_by("product_no").combine_chunks()
    names = ("product_id", "category", "brand", "price", "title", "available")
    yield {name: products[name].combine_chunks() for name in names}


def customer_segment(features: Mapping[str, pa.Table], start: int, end: int) -> Iterator[dict[str, pa.Array]]:
    """Make the rows of ``customer_segment`` for customers ``[start, end)``: who has a segment, and which."""
    customers = features["customer"].sort_by("customer_no").slice(start, end - start)
    grouped = customers.filter(pc.not_equal(customers["segment"], "")).combine_chunks()
    yield {name: grouped[name].combine_chunks() for name in ("customer_id", "segment")}


def expected(features: Mapping[str, pa.Table]) -> dict[str, int]:
    """How many different keys both tables have."""
    grouped = pc.sum(pc.not_equal(features["customer"]["segment"], "")).as_py()
    return {"product_state": features["product"].num_rows, "customer_segment": int(grouped or 0)}

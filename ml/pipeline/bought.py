"""What was bought of the products that a published table had listed for the customer: how often, and for how much."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import ibis

from ml.adapters.lake import scanned
from ml.contract.purchases import bought as purchases
from ml.core.errors import DamagedFile
from ml.core.figures import Figure
from ml.core.spec import Capability
from ml.pipeline.context import Night

WHO, WHAT = "customer_id", "product_id"


def bought(
    night: Night, capability: Capability, batch: Mapping[str, Any], start: datetime, end: datetime, words: str
) -> list[Figure]:
    """Figures of each table of ``capability`` of lists of products, whose key begins with the customer, over ``[start, end)``.

    The share of the customers with a list who bought something of it among those who bought, and what was spent on it.
    Nothing of a table whose rows are no longer in the lake.

    Parameters
    ----------
    batch : mapping
        ``ref``, ``night`` and ``version`` of the batch.
    words : str
        The slice of the figures.
    """
    if not {"order", "order_item"} <= set(night.manifest["tables"]):
        return []
    found = []
    about: date = batch["night"]
    for table in capability.publishes:
        folder = night.lake.join("predictions", batch["ref"], capability.name, table.name)
        if table.key[0] != WHO or WHAT not in table.column_names or not night.lake.exists(folder):
            continue
        try:
            files = night.lake.scan(folder)
        except DamagedFile:
            continue
        row = _sums(night, files, start, end)
        units = int(row["buyers"] or 0)
        common: dict[str, Any] = {"slice": words, "about": about, "version": batch["version"], "units": units}
        share = row["hits"] / units if units else None
        found += [
            Figure("truth", f"ml.{table.name}: buyers who bought of it", share, **common),
            Figure("truth", f"ml.{table.name}: money spent on it", float(row["money"] or 0.0), **common),
            Figure("truth", f"ml.{table.name}: money of the buyers", float(row["spent"] or 0.0), **common),
        ]
    return found


def _sums(night: Night, files: list[str], start: datetime, end: datetime) -> Mapping[str, Any]:
    with night.backend() as backend:
        listed = scanned(backend, files).select("customer_id", "product_id").distinct()
        tables = {
            name: night.lake.table(backend, night.path("snapshot", "clean", name)) for name in ("order", "order_item")
        }
        lines = lines_of(tables, start, end)
        lines_of_listed = lines.semi_join(listed.select("customer_id").distinct(), "customer_id")
        hit = lines_of_listed.semi_join(listed, ["customer_id", "product_id"])
        whole = lines_of_listed.aggregate(
            buyers=lines_of_listed["customer_id"].nunique(), spent=lines_of_listed["money"].sum()
        )
        of_it = hit.aggregate(hits=hit["customer_id"].nunique(), money=hit["money"].sum())
        row: Mapping[str, Any] = whole.cross_join(of_it).to_pyarrow().to_pylist()[0]
        return row


def lines_of(tables: Mapping[str, ibis.Table], start: datetime, end: datetime) -> ibis.Table:
    """Lines of the purchases of ``[start, end)``: customer, product and money."""
    orders = purchases(tables["order"])
    first, last = (ibis.literal(moment, type="timestamp('UTC', 6)") for moment in (start, end))
    orders = orders.filter(orders["ordered_at"] >= first, orders["ordered_at"] < last, orders["customer_id"].notnull())
    items = tables["order_item"]
    joined = items.inner_join(orders.select("order_id", "customer_id"), "order_id")
    return joined.select("customer_id", "product_id", money=(items["quantity"] * items["unit_price"]).cast("float64"))

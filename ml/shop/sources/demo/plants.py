"""What a test asks for on top of a demo shop: fees among the lines, a season that turns, customers who never buy twice.

Each is made from the finished tables by a random stream of its own, so without it every row is as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.core.units import DAY_S
from ml.shop.sources.demo.options import Options

FEES = {"F-POST": "Postage", "F-FEE": "Handling fee"}
"""Products that are none; every second order has a line of one of them."""
TURN_DAYS = 20
"""The season turns so many days before the end: then other products are bought."""
TURNED = 0.85
"""Share of the lines after the turn that are of other products."""
ONCE = 10
"""Every so-manieth customer never buys a product twice."""

Batches = Iterable[pa.RecordBatch]


def planted(options: Options, name: str, batches: Batches, orders: Batches) -> Iterator[pa.RecordBatch]:
    """Give the batches of a table with what ``options.plants`` names; ``orders`` are those of ``order``."""
    plants = options.plants.split("+") if options.plants else []
    if name == "product" and "fees" in plants:
        table = pa.Table.from_batches(list(batches))
        yield from table.to_batches()
        yield _fees(table.schema)
        return
    if name != "order_item" or not plants:
        yield from batches
        return
    table = pa.Table.from_batches(list(batches))
    order = pa.Table.from_batches(list(orders)).select(["order_id", "customer_id", "ordered_at"])
    if "season" in plants:
        table = _turned(options, table, order)
    if "once" in plants:
        table = _once(table, order)
    if "fees" in plants:
        table = _with_fees(options, table)
    yield from table.combine_chunks().to_batches()


def _fees(schema: pa.Schema) -> pa.RecordBatch:
    columns = {"product_id": list(FEES), "title": list(FEES.values()), "price": [4.9, 2.5], "active": [True, True]}
    return pa.RecordBatch.from_arrays(
        [pa.array(columns.get(field.name, [None, None]), field.type) for field in schema], schema=schema
    )


def _with_fees(options: Options, table: pa.Table) -> pa.Table:
    """A further line of every second order."""
    rng = options.rng("plant fees")
    ids = pc.unique(table["order_id"])
    chosen = ids.filter(pa.array(rng.random(len(ids)) < 0.5))
    n = len(chosen)
    values = {
        "order_id": chosen,
        "line_no": np.full(n, 99),
        "product_id": rng.choice(list(FEES), n),
        "quantity": np.ones(n),
        "unit_price": np.full(n, 4.9),
    }
    more = pa.table(
        {
            field.name: pa.array(values[field.name]).cast(field.type)
            if field.name in values
            else pa.nulls(n, field.type)
            for field in table.schema
        }
    )
    return pa.concat_tables([table, more]).sort_by([("order_id", "ascending"), ("line_no", "ascending")])


def _turned(options: Options, table: pa.Table, order: pa.Table) -> pa.Table:
    """Lines after the turn are of the product that stands for theirs in the other season."""
    rng = options.rng("plant season")
    products = pc.unique(table["product_id"]).sort()
    other = products.take(pa.array(rng.permutation(len(products))))
    turn = pa.scalar((options.stop - TURN_DAYS * DAY_S) * 1_000_000, pa.int64()).cast(pa.timestamp("us", "UTC"))
    late = order.filter(pc.greater_equal(order["ordered_at"], turn))["order_id"]
    moved = pc.and_(pc.is_in(table["order_id"], late.combine_chunks()), pa.array(rng.random(len(table)) < TURNED))
    swapped = other.take(pc.index_in(table["product_id"], products).combine_chunks())
    at = table.column_names.index("product_id")
    return table.set_column(at, "product_id", pc.if_else(moved, swapped, table["product_id"]))


def _once(table: pa.Table, order: pa.Table) -> pa.Table:
    """Without the lines by which one of the chosen customers would buy a product again."""
    ids = pc.unique(order["customer_id"].drop_null()).sort()
    chosen = ids.take(pa.array(np.arange(0, len(ids), ONCE)))
    theirs = order.filter(pc.is_in(order["customer_id"], chosen))
    place = np.arange(len(table))
    joined = table.select(["order_id", "product_id"]).append_column("row", pa.array(place))
    joined = joined.join(theirs, "order_id", join_type="inner").sort_by(
        [("ordered_at", "ascending"), ("row", "ascending")]
    )
    keys = pc.binary_join_element_wise(joined["customer_id"], joined["product_id"], "|").combine_chunks()
    _, first = np.unique(keys.to_numpy(zero_copy_only=False).astype(str), return_index=True)
    again = np.setdiff1d(np.arange(len(joined)), first)
    kept = np.ones(len(table), bool)
    kept[joined["row"].to_numpy()[again]] = False
    return table.filter(pa.array(kept))

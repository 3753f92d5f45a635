"""The demo's supplier that fails and carrier that slows are told within three nights of their first late delivery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ml.capabilities.delivery.spec import SPEC as DELIVERY
from ml.capabilities.stock import features as stock_features
from ml.capabilities.stock import suppliers
from ml.capabilities.stock.position import Position, position
from ml.capabilities.stock.spec import SPEC as STOCK
from ml.capabilities.stock.spec import WIDTHS
from ml.core.units import DAY_S
from ml.learn.series.sales import shelf
from ml.shop.sources import demo
from ml.shop.sources.demo.supply import CARRIERS, DISRUPTED_DAYS, FAILS, SLOW_CARRIER, SLOWS, SUPPLIERS
from tests.contract.cases import Case, memory, whole

BEGIN = datetime.combine(demo.END, datetime.min.time(), UTC) - timedelta(days=DISRUPTED_DAYS)
NIGHTS = 3


@pytest.fixture(scope="module")
def shop() -> dict[str, pa.Table]:
    """The demo of 2,000 customers; orders that are on their way in any of its nights."""
    wanted = ("product", "order", "order_item", "stock", "supply", "purchase_order", "shipment")
    made = {}
    for name, batches in demo.tables(customers=2000, faults=0.0):
        if name in wanted:
            made[name] = whole(name, pa.Table.from_batches(batches))
    order = made["order"]
    # A night of the past would have seen other words than today's: what is delivered today was on its way then.
    then = pc.if_else(pc.equal(order["status"], "cancelled"), "cancelled", "shipped")
    made["order"] = order.set_column(order.column_names.index("status"), "status", then)
    return made


def test_a_carrier_that_slows_is_told(shop: dict[str, pa.Table]) -> None:
    """Before, hardly an order says so; three nights after the first of its slow parcels most of its orders do."""
    shipment, case = shop["shipment"], Case(DELIVERY)
    slow = CARRIERS[SLOW_CARRIER]
    after = pc.and_(pc.equal(shipment["carrier"], slow), pc.greater_equal(shipment["handed_over_at"], _moment(BEGIN)))
    late = pc.and_(after, pc.greater(shipment["delivered_at"], shipment["promised_at"]))
    first = pc.min(shipment.filter(late)["delivered_at"]).as_py()

    def said(night: datetime) -> dict[str, float]:
        known = case.build({name: shop[name] for name in ("order", "shipment", "order_item", "stock")}, night)
        rows = case.score(case.fit(known), known)["order_promise"]
        carrier = dict(zip(*(known["open"][name].to_pylist() for name in ("order_id", "carrier")), strict=True))
        pairs = [(carrier[row["order_id"]], row["reason"]) for row in rows.to_pylist()]
        return {c: np.mean([f"{c} takes" in r or f"{c} has slowed" in r for w, r in pairs if w == c]) for c in CARRIERS}

    assert max(said(BEGIN - timedelta(days=5)).values()) < 0.2
    told = said(_midnight(first) + timedelta(days=NIGHTS))
    assert told.pop(slow) > 0.5 > 2 * max(told.values())


def test_a_supplier_that_fails_is_told(shop: dict[str, pa.Table]) -> None:
    """Three nights after its first order was due and did not come, and of no other supplier."""
    orders = shop["purchase_order"]
    failed = pc.and_(pc.equal(orders["supplier"], SUPPLIERS[FAILS]), pc.greater(orders["placed_at"], _moment(BEGIN)))
    due = pc.min(orders.filter(failed)["expected_at"]).as_py()

    def silent(night: datetime) -> set[str | None]:
        names, where = _suppliers(shop, night)
        return {name for name, count in zip(names, where.silent, strict=True) if count}

    assert silent(BEGIN) == set()
    assert silent(_midnight(due) + timedelta(days=NIGHTS)) == {SUPPLIERS[FAILS]}


def test_a_supplier_that_slows_is_told(shop: dict[str, pa.Table]) -> None:
    """Three nights after its first slow order was due and did not come; before, and of those that are punctual, never."""
    orders = shop["purchase_order"]
    slow = pc.and_(pc.equal(orders["supplier"], SUPPLIERS[SLOWS]), pc.greater(orders["placed_at"], _moment(BEGIN)))
    due = pc.min(orders.filter(slow)["expected_at"]).as_py()

    def slower(night: datetime) -> set[str | None]:
        names, where = _suppliers(shop, night)
        return {name for name, count in zip(names, where.slower, strict=True) if count}

    for days in range(0, 15, 7):
        assert slower(BEGIN - timedelta(days=days)) == set()
    found = slower(_midnight(due) + timedelta(days=NIGHTS))
    assert SUPPLIERS[SLOWS] in found
    assert found <= {SUPPLIERS[SLOWS], SUPPLIERS[FAILS]}


def _suppliers(shop: dict[str, pa.Table], night: datetime) -> tuple[list[str | None], Position]:
    """Each product's supplier, and where the products stand that night."""
    backend = ibis.duckdb.connect()
    made = stock_features.build(memory(shop), night, STOCK.params)
    known = {name: backend.to_pyarrow(table) for name, table in made.items()}
    there = shelf(known, STOCK.params.history_days, WIDTHS[-1])
    names = suppliers.names(known, there.product["product_id"].combine_chunks()).to_pylist()
    return names, position(known, there, STOCK.params)


def _moment(at: datetime) -> pa.Scalar:
    return pa.scalar(at, pa.timestamp("us", "UTC"))


def _midnight(at: datetime) -> datetime:
    """The night that begins after ``at``."""
    return datetime.fromtimestamp(-(-at.timestamp() // DAY_S) * DAY_S, UTC)

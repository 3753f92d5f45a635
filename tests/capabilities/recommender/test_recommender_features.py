"""What the recommender sees of a shop: worked by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from operator import itemgetter

import ibis
import pyarrow as pa
import pytest

from ml.capabilities.recommender import features
from ml.capabilities.recommender.spec import Params
from tests.contract.cases import whole

AS_OF = datetime(2025, 6, 1, tzinfo=UTC)
PARAMS = Params(weight_view=0.1, weight_cart=0.3)
MOMENT = pa.timestamp("us", "UTC")
TEXT = pa.string()


def _ago(*days: float | None) -> pa.Array:
    """Moments so many days before the night."""
    return pa.array([None if d is None else AS_OF - timedelta(days=d) for d in days], MOMENT)


def _shop() -> dict[str, pa.Table]:
    """Two known customers, one of tomorrow; three products, one of them of tomorrow."""
    tables = {
        "customer": pa.table(
            {
                "customer_id": ["ann", "bob", "new"],
                "registered_at": _ago(None, 50, -1),
                "segment": ["retail", None, None],
            }
        ),
        "product": pa.table(
            {
                "product_id": ["cup", "mug", "new", "tea"],
                "title": ["Cup", "", "New", None],
                "category": pa.nulls(4, TEXT),
                "active": [True, None, True, False],
                "listed_at": _ago(None, None, -1, 90),
            }
        ),
        "order": pa.table(
            {
                "order_id": ["1", "2", "3", "4", "5", "6"],
                "customer_id": pa.array(["ann", "ann", None, "bob", "bob", "ann"], TEXT),
                "ordered_at": _ago(10, 20, 5, 5, 1, -1),
                "status": pa.array(["delivered", None, "paid", "cancelled", "paid", "paid"], TEXT),
                "known_at": _ago(None, None, None, None, -2, None),
            }
        ),
        "order_item": pa.table(
            {
                "order_id": ["1", "1", "2", "3", "4", "5", "6"],
                "product_id": ["cup", "cup", "cup", "cup", "mug", "mug", "tea"],
                "quantity": [1.0, 2, 3, 4, 5, 6, 7],
                "unit_price": [9.0] * 7,
            }
        ),
        "event": pa.table(
            {
                "customer_id": pa.array(["bob", "bob", "bob", None, "bob"], TEXT),
                "product_id": pa.array(["mug", "mug", None, "mug", "mug"], TEXT),
                "kind": ["view", "cart", "search", "view", "view"],
                "occurred_at": _ago(10, 20, 1, 1, -1),
                "known_at": pa.nulls(5, MOMENT),
            }
        ),
        "stock": pa.table(
            {
                "product_id": ["cup", "cup", "mug", "mug"],
                "quantity": [5.0, 0.0, 0.0, 3.0],
                "counted_at": _ago(9, 2, 9, 2),
                "known_at": _ago(None, -1, None, None),
            }
        ),
    }
    return {name: whole(name, table) for name, table in tables.items()}


def _rows(tables: Mapping[str, pa.Table], params: Params = PARAMS) -> dict[str, list[dict]]:
    built = features.build({name: ibis.memtable(table) for name, table in tables.items()}, AS_OF, params)
    backend = ibis.duckdb.connect()
    return {name: backend.to_pyarrow(table).to_pylist() for name, table in built.items()}


def test_customers_are_numbered_in_the_order_of_their_ids() -> None:
    """Customers who registered before the night, from 0; one without a segment has the empty one."""
    rows = sorted(_rows(_shop())["customer"], key=lambda row: row["customer_no"])
    assert [tuple(row.values()) for row in rows] == [(0, "ann", "retail"), (1, "bob", "")]


def test_availability_is_that_of_the_last_known_count() -> None:
    """A count that was written too late does not count; an inactive product and one without stock are not available."""
    rows = sorted(_rows(_shop())["product"], key=lambda row: row["product_no"])
    assert [(row["product_id"], row["title"], row["available"]) for row in rows] == [
        ("cup", "Cup", True),
        ("mug", "mug", True),
        ("tea", "tea", False),
    ]


def test_the_log_holds_every_line_that_counts() -> None:
    """One row per line, guests' as customer -1; no line of an order that is cancelled or not known yet."""
    rows = sorted(_rows(_shop())["purchase"], key=lambda row: row["quantity"])
    assert [(r["customer_no"], r["product_no"], r["order_no"], r["quantity"]) for r in rows] == [
        (0, 0, 0, 1),
        (0, 0, 0, 2),
        (0, 0, 1, 3),
        (-1, 0, 2, 4),
    ]
    assert {r["at"] for r in rows} == {int((AS_OF - timedelta(days=d)).timestamp()) for d in (10, 20, 5)}


def test_only_what_was_sold_and_chosen_is_learnt() -> None:
    """No line of a draft, an unpaid or refunded order or of a word nobody knows, and no gift; what came back was bought."""
    tables = _shop()
    status = pa.array(["draft", "pending", "refunded", "unknown", "returned", "paid"], TEXT)
    order = tables["order"].set_column(tables["order"].schema.get_field_index("status"), "status", status)
    order = order.set_column(order.schema.get_field_index("known_at"), "known_at", _ago(*[None] * 6))
    rows = _rows(tables | {"order": order})["purchase"]
    assert [(row["order_no"], row["quantity"]) for row in rows] == [(0, 6)]
    item = tables["order_item"]
    free = item.set_column(item.schema.get_field_index("unit_price"), "unit_price", pa.array([0.0, *[9.0] * 6]))
    assert sorted(row["quantity"] for row in _rows(tables | {"order_item": free})["purchase"]) == [2, 3, 4]
    bought = features.truth(
        {n: ibis.memtable(t) for n, t in (tables | {"order_item": free, "order": order}).items()},
        AS_OF - timedelta(days=30),
        AS_OF,
        PARAMS,
    )
    assert ibis.duckdb.connect().to_pyarrow(bought).to_pylist() == [{"customer_id": "bob", "product_id": "mug"}]


def test_looks_are_kept_by_day() -> None:
    """One row per customer, product and day with what the day tells; nothing of guests, other events or the future."""
    tables = _shop()
    event = tables["event"]
    twice = event.slice(0, 1).set_column(
        event.schema.get_field_index("occurred_at"), "occurred_at", pa.array([AS_OF - timedelta(days=9.6)], MOMENT)
    )
    rows = sorted(_rows(tables | {"event": pa.concat_tables([event, twice])})["look"], key=itemgetter("at"))
    assert [(row["customer_no"], row["product_no"]) for row in rows] == [(1, 1), (1, 1)]
    assert [row["weight"] for row in rows] == [pytest.approx(0.3, abs=1e-6), pytest.approx(0.2, abs=1e-6)]
    assert rows[1]["at"] == int((AS_OF - timedelta(days=9.6)).timestamp())


def test_features_know_their_time() -> None:
    """One row with the moment that they were made for."""
    assert _rows(_shop())["moment"] == [{"as_of": int(AS_OF.timestamp())}]


def test_truth_is_what_was_bought_in_the_window() -> None:
    """Half open, each pair once, and only of orders known at its end."""
    tables = {name: ibis.memtable(table) for name, table in _shop().items()}
    backend = ibis.duckdb.connect()

    def pairs(start_days: float, end_days: float) -> list[tuple[str, str]]:
        start, end = (AS_OF - timedelta(days=days) for days in (start_days, end_days))
        rows = backend.to_pyarrow(features.truth(tables, start, end, PARAMS)).to_pylist()
        return sorted((row["customer_id"], row["product_id"]) for row in rows)

    assert pairs(20, 0) == [("ann", "cup")]
    assert pairs(10, 9) == [("ann", "cup")]
    assert pairs(20, 10) == [("ann", "cup")]
    assert pairs(19, 10) == []
    assert pairs(20, -3) == [("ann", "cup"), ("ann", "tea"), ("bob", "mug")]

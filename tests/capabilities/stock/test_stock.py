"""The plan speaks of what was planted."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ml.capabilities.stock import sample
from ml.capabilities.stock.score import shortage
from ml.capabilities.stock.spec import LEVELS, STOCK_PLAN
from ml.core.capability import Known
from ml.registry import capability
from tests.contract.cases import Case


@pytest.fixture(scope="module")
def case() -> Case:
    """The capability on its sample."""
    return Case(capability("stock"))


def test_a_shortage_is_that_of_drawn_demand() -> None:
    """Chance and mean of what is missing, beside a million draws of a normal distribution."""
    rng = np.random.default_rng(3)
    drawn = rng.normal(100, 20, 1_000_000)
    quantiles = np.quantile(drawn, LEVELS)[None]
    for there in (80.0, 100.0, 125.0):
        chance, lost = shortage(np.array([there]), quantiles)
        assert chance[0] == pytest.approx((drawn > there).mean(), abs=0.02)
        assert lost[0] == pytest.approx(np.maximum(drawn - there, 0).mean(), abs=0.6)


def test_the_plan_speaks_of_what_was_planted(case: Case) -> None:
    """Nothing left, far too much, an order that never came, a supplier that slowed, a lead time of 400 days."""
    told = {row["product_id"]: row for row in case.rows["stock_plan"].to_pylist()}
    empty, full, late, negative, slow, odd = (
        told[f"p{number:02d}"] for number in (sample.EMPTY, sample.FULL, sample.LATE, sample.NEGATIVE, 4, 6)
    )
    assert empty["order_now"]
    assert empty["sold_out_chance"] > 0.9
    assert full["overstock"] > 1000
    assert full["markdown"] > 0
    assert not full["order_now"]
    assert "not counted on" in late["reason"]
    assert late["on_order"] == 0
    assert negative["on_hand"] == 0
    assert slow["lead_days"] == pytest.approx(20, abs=1)
    assert "takes longer" in slow["reason"]
    assert odd["lead_days"] <= 60
    packs = np.array([row["order_pieces"] for row in told.values()]) / 6
    np.testing.assert_allclose(packs, np.round(packs))


def test_odd_rows_are_planned_and_said(case: Case) -> None:
    """No lead time, a price of 0, a count below nothing or below what was sold since, a product that never sold, or once."""
    tables = dict(case.tables)
    lead, price = tables["supply"]["lead_days"].to_pylist(), tables["product"]["price"].to_pylist()
    lead[10], price[11] = None, 0.0
    tables["supply"] = _set(tables["supply"], "lead_days", lead)
    tables["supply"] = tables["supply"].filter(pc.not_equal(tables["supply"]["product_id"], "p12"))
    tables["purchase_order"] = tables["purchase_order"].slice(0, 0)
    tables["product"] = _set(tables["product"], "price", price)
    items = tables["order_item"]
    once = pc.and_(
        pc.equal(items["product_id"], "p13"),
        pc.equal(items["order_id"], items.filter(pc.equal(items["product_id"], "p13"))["order_id"][0]),
    )
    gone = pc.or_(pc.equal(items["product_id"], "p14"), pc.and_(pc.equal(items["product_id"], "p13"), pc.invert(once)))
    tables["order_item"] = items.filter(pc.invert(gone))
    rows = case.score(case.young, Known(case.build(tables, case.as_of)))["stock_plan"]
    told = {row["product_id"]: row for row in rows.to_pylist()}
    assert len(told) == sample.PRODUCTS
    for product in ("p10", "p12"):
        assert "nobody says how long an order takes: 7 days are assumed" in told[product]["reason"]
    assert "without a price a lost sale counts nothing" in told["p11"]["reason"]
    assert "taken for 0: count it again" in told[f"p{sample.NEGATIVE:02d}"]["reason"]
    assert told["p14"]["order_pieces"] <= told["p13"]["order_pieces"] <= 30
    numbers = [column.name for column in STOCK_PLAN.columns if column.kind == "number"]
    assert all(np.isfinite(rows[name].to_numpy()).all() for name in numbers)


def test_a_count_that_contradicts_sales_is_not_believed(case: Case) -> None:
    """Counted at 2, and 40 sold since: nothing is left, and staff are asked to count again."""
    tables, day = dict(case.tables), case.as_of - timedelta(days=20)
    stock = tables["stock"].filter(pc.not_equal(tables["stock"]["product_id"], "p15"))
    counted = {"product_id": "p15", "counted_at": day, "quantity": 2.0}
    tables["stock"] = pa.concat_tables([stock, pa.Table.from_pylist([counted], schema=stock.schema)])
    rows = case.score(case.young, Known(case.build(tables, case.as_of)))["stock_plan"]
    row = next(row for row in rows.to_pylist() if row["product_id"] == "p15")
    assert row["on_hand"] == 0
    assert "count it again" in row["reason"]


def _set(table: pa.Table, name: str, values: list[float | None]) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values, pa.float64()))


def test_a_budget_is_kept(case: Case) -> None:
    """The most margin for the money is ordered first, and no more than the money there is."""
    budget = pa.table(
        {
            "margin_share": [None],
            "holding_share": [None],
            "review_days": [None],
            "placing_cost": [None],
            "budget": [3000.0],
            "most_pieces": [None],
        },
        schema=case.serve["cost"].schema,
    )
    rows = case.score(case.young, Known(dict(case.serve) | {"cost": budget}))["stock_order"]
    taken = rows.filter(rows["ordered"])
    assert 0 < pc.sum(taken["cost"]).as_py() <= 3000
    assert len(taken) < len(rows)


def test_a_product_without_a_count_has_no_plan(case: Case) -> None:
    """What nobody counted is not guessed."""
    tables = dict(case.tables)
    tables["stock"] = tables["stock"].filter(pc.not_equal(tables["stock"]["product_id"], "p05"))
    rows = case.score(case.young, Known(case.build(tables, case.as_of - timedelta(days=1))))["stock_plan"]
    assert "p05" not in rows["product_id"].to_pylist()
    assert len(rows) == sample.PRODUCTS - 1


def test_where_an_order_costs_it_waits_and_is_larger(case: Case) -> None:
    """With a cost of placing an order (s, S) serves: fewer products are ordered today, each for longer, and it is said."""
    costs = {name: [None] for name in case.serve["cost"].column_names} | {"placing_cost": [40.0]}
    dear = pa.table(costs, schema=case.serve["cost"].schema)
    model = case.fit(dict(case.known) | {"cost": dear})
    assert model.policy_.batch > 0
    rows = case.score(model, Known(dict(case.serve) | {"cost": dear}))["stock_plan"].to_pylist()
    usual = {row["product_id"]: row for row in case.rows["stock_plan"].to_pylist()}
    assert all(row["order_at"] == row["target"] for row in usual.values())
    waits = [row for row in rows if row["order_at"] < row["target"]]
    assert len(waits) > len(rows) / 2
    for row in waits:
        assert row["order_now"] == (row["on_hand"] + row["on_order"] <= row["order_at"])
        assert "an order costs 40.00 to place: it waits until" in row["reason"]
    ordered = [row for row in waits if row["order_now"]]
    assert 0 < len(ordered) < sum(usual[row["product_id"]]["order_now"] for row in waits)
    assert np.mean([row["order_pieces"] / usual[row["product_id"]]["target"] for row in ordered]) > 1

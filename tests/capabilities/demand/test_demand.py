"""The forecast on its sample: sums agree, the planted surprises are told, and odd shops are no fault."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ml.capabilities.demand import sample
from ml.capabilities.demand.model import AHEAD, Demand
from ml.capabilities.demand.spec import QUANTILES, SPEC
from ml.core.capability import Known
from ml.learn.series.sales import shelf
from ml.registry import capability
from tests.contract.cases import Case


@pytest.fixture(scope="module")
def case() -> Case:
    """The capability on its sample."""
    return Case(capability("demand"))


def of(table: pa.Table, **wanted: str) -> pa.Table:
    """The rows whose columns are as wanted."""
    for name, value in wanted.items():
        table = table.filter(pc.equal(table[name], value))
    return table


def test_days_weeks_products_and_categories_sum_up(case: Case) -> None:
    """The days of a week are the week; the products of a category are the category; the categories are the shop."""
    told, totals = case.rows["demand_forecast"], case.rows["demand_total"]
    days, weeks = of(told, period="day"), of(told, period="week")
    late = pa.scalar(case.as_of + timedelta(days=28), pa.timestamp("us", "UTC"))
    month = pc.sum(weeks.filter(pc.less(weeks["starts_on"], late))["mean"]).as_py()
    assert pc.sum(days["mean"]).as_py() == pytest.approx(month)
    for period in ("day", "week"):
        whole = pc.sum(of(told, period=period)["mean"]).as_py()
        for scope in ("category", "shop"):
            assert pc.sum(of(totals, scope=scope, period=period)["mean"]).as_py() == pytest.approx(whole)


def test_mean_and_quantiles_are_one_distribution(case: Case) -> None:
    """Quantiles rise; a week's mean lies from q05 to q95, a day's too unless the product sells on few days."""
    for name in ("demand_forecast", "demand_total"):
        rows = case.rows[name]
        at = np.stack([rows[q].to_numpy() for q in QUANTILES], axis=1)
        mean, week = rows["mean"].to_numpy(), pc.equal(rows["period"], "week").to_numpy(zero_copy_only=False)
        often = at[:, list(QUANTILES).index("q50")] >= mean / 4
        assert (np.diff(at, axis=1) >= 0).all()
        assert len(mean)
        assert (at[:, 0] >= 0).all()
        held = week | often
        assert held.sum() > len(held) / 2
        assert ((at[:, 0] <= mean + 1e-9) & (mean <= at[:, -1] + 1e-9))[held].all()


def test_planted_surprises_are_told(case: Case) -> None:
    """The product that sold ten times as much, and the one that stopped; and hardly another."""
    told = {row["product_id"]: row for row in case.rows["demand_alert"].to_pylist()}
    above, below = told[f"p{sample.ABOVE:02d}"], told[f"p{sample.BELOW:02d}"]
    assert above["direction"] == "above"
    assert below["direction"] == "below"
    assert below["sold"] == 0
    assert len(told) <= 5


def test_reasons_speak_of_what_was_planted(case: Case) -> None:
    """A new product is called new, and the season that returns is named."""
    told = {row["product_id"]: row["reason"] for row in case.rows["demand_forecast"].to_pylist()}
    assert told[f"p{sample.NEW:02d}"].startswith("new, sold ")
    assert any("at this time" in words for words in told.values())


def test_days_out_of_stock_are_left_out(case: Case) -> None:
    """From the day after a count of nothing to the day before the next."""
    shut = [row for row in case.serve["closed"].to_pylist() if row["product_id"] == f"p{sample.EMPTY:02d}"]
    assert sorted(row["day"] for row in shut) == list(range(-60, -47))


def test_odd_products_get_a_finite_forecast(case: Case) -> None:
    """Never sold, sold once, ten years on offer without a sale, no category, a price of 0, a negative stock."""
    as_of, stamp = case.as_of, pa.timestamp("us", "UTC")
    odd = case.tables | {
        "product": _more(
            case.tables["product"],
            [
                {"product_id": "never", "listed_at": as_of - timedelta(days=3650), "price": 0.0, "category": "garden"},
                {"product_id": "once"},
                {"product_id": "unseen", "listed_at": as_of - timedelta(days=1)},
            ],
        ),
        "order": _more(case.tables["order"], [{"order_id": "x", "ordered_at": as_of - timedelta(days=40)}]),
        "order_item": _more(
            case.tables["order_item"],
            [{"order_id": "x", "line_no": 1, "product_id": "once", "quantity": 1.0, "unit_price": 3.0}],
        ),
        "stock": pa.concat_tables(
            [
                case.tables["stock"],
                pa.table(
                    {
                        "product_id": ["once"],
                        "counted_at": pa.array([as_of - timedelta(days=39)], stamp),
                        "quantity": [-4.0],
                        "known_at": pa.nulls(1, stamp),
                    }
                ),
            ]
        ),
    }
    rows = case.score(case.young, Known(case.build(odd, as_of)))["demand_forecast"]
    month = {
        name: pc.sum(of(rows, product_id=name, period="day")["mean"]).as_py() for name in ("never", "once", "unseen")
    }
    assert month["never"] < 1
    assert month["once"] < 10
    assert month["unseen"] > 10
    for column in SPEC.publishes[0].columns:
        if column.kind == "number":
            assert np.isfinite(rows[column.name].to_numpy()).all()


def test_a_first_sale_is_no_rate(case: Case) -> None:
    """Each day ten products sell for the first time, and none of them again: known of each are the days after."""
    tables = dict(case.tables)
    ids = [f"once{i:03d}" for i in range(280)]
    day = [case.as_of - timedelta(days=1 + i // 10, hours=-3) for i in range(280)]
    both = list(zip(ids, day, strict=True))
    toys = [{"product_id": i, "title": i, "category": "toys", "listed_at": at} for i, at in both]
    tables["product"] = _more(tables["product"], toys)
    tables["order"] = _more(tables["order"], [{"order_id": i, "ordered_at": at, "status": "paid"} for i, at in both])
    line = {"line_no": 1, "quantity": 1.0, "unit_price": 5.0}
    tables["order_item"] = _more(tables["order_item"], [line | {"order_id": i, "product_id": i} for i in ids])
    known = Known(case.build(tables, case.as_of))
    shop = shelf(known, SPEC.params.history_days, AHEAD)
    mine = pc.starts_with(shop.product["product_id"], "once").to_numpy(zero_copy_only=False)
    assert np.nansum(shop.panel.pieces[mine]) == 0
    assert (np.isfinite(shop.panel.pieces[mine]).sum(axis=1) == np.repeat(np.arange(28), 10)).all()


def test_a_shop_whose_sales_ended_is_told(case: Case) -> None:
    """Twenty days after its last order each product says so."""
    known = Known(case.build(case.tables, case.as_of + timedelta(days=20)))
    rows = case.score(case.young, known)["demand_forecast"]
    assert all("sold nothing for 20 days" in reason for reason in rows["reason"].to_pylist())


def test_a_shop_of_one_day_gets_the_average(case: Case) -> None:
    """With nothing to learn from the model serves averages and does not fail."""
    as_of = case.as_of - timedelta(days=439)
    known = Known(case.build(case.tables, as_of))
    made = case.score(Demand(SPEC.params, 7).fit(known), known)["demand_forecast"]
    assert len(made) == 41 * len(known["product"])


def _more(table: pa.Table, rows: list[dict]) -> pa.Table:
    return pa.concat_tables([table, pa.Table.from_pylist(rows, schema=table.schema)])

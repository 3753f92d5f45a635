"""The simulator keeps its goods, and the plan speaks of what was planted."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.capabilities.stock import sample
from ml.capabilities.stock.learned import LearnedPolicy, columns, course, judged, try_out
from ml.capabilities.stock.policy import USUAL, Replay, costs, search
from ml.capabilities.stock.score import shortage
from ml.capabilities.stock.simulator import simulate
from ml.capabilities.stock.spec import LEVELS, STOCK_PLAN
from ml.core.capability import Known
from ml.learn.params import NetworkParams
from ml.registry import capability
from tests.contract.cases import Case


@pytest.fixture(scope="module")
def case() -> Case:
    """The capability on its sample."""
    return Case(capability("stock"))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.integers(1, 5))
def test_goods_are_neither_made_nor_lost(seed: int, back_orders: bool, review: int) -> None:
    """What was there and came is what was sold and is held; what was ordered came or is open; demand is sold or missed."""
    rng = np.random.default_rng(seed)
    demand, lead = rng.poisson(3, (6, 30)).astype(float), rng.integers(1, 9, 6)
    start, targets = rng.uniform(0, 20, 6), rng.uniform(0, 40, (6, 30))
    course = simulate(demand, targets, lead, start, review_days=review, back_orders=back_orders)
    np.testing.assert_allclose(start + course.arrived.sum(axis=1), course.sold.sum(axis=1) + course.held[:, -1])
    np.testing.assert_allclose(course.ordered.sum(axis=1), course.arrived.sum(axis=1) + course.open)
    missed = course.lost[:, -1] if back_orders else course.lost.sum(axis=1)
    np.testing.assert_allclose(demand.sum(axis=1), course.sold.sum(axis=1) + missed)
    assert min(course.held.min(), course.sold.min(), course.lost.min(), course.ordered.min()) >= 0


def test_an_order_arrives_when_its_lead_time_is_over() -> None:
    """By hand: four a day, ten at first, ordered up to ten; two days from order to arrival."""
    course = simulate(np.full((1, 4), 4.0), np.full((1, 4), 10.0), np.array([2]), np.array([10.0]))
    assert course.ordered.tolist() == [[0, 4, 4, 2]]
    assert course.arrived.tolist() == [[0, 0, 0, 4]]
    assert course.sold.tolist() == [[4, 4, 2, 4]]
    assert course.lost.tolist() == [[0, 0, 2, 0]]


def test_back_orders_wait_and_lost_sales_do_not() -> None:
    """Nothing at first: what waits is served when the goods come."""
    demand, targets = np.array([[3.0, 0, 0, 0]]), np.full((1, 4), 3.0)
    waits = simulate(demand, targets, np.array([1]), np.zeros(1), back_orders=True)
    assert waits.sold.tolist() == [[0, 3, 0, 0]]
    assert simulate(demand, targets, np.array([1]), np.zeros(1)).sold.sum() == 0


def test_a_shortage_is_that_of_drawn_demand() -> None:
    """Chance and mean of what is missing, beside a million draws of a normal distribution."""
    rng = np.random.default_rng(3)
    drawn = rng.normal(100, 20, 1_000_000)
    quantiles = np.quantile(drawn, LEVELS)[None]
    for there in (80.0, 100.0, 125.0):
        chance, lost = shortage(np.array([there]), quantiles)
        assert chance[0] == pytest.approx((drawn > there).mean(), abs=0.02)
        assert lost[0] == pytest.approx(np.maximum(drawn - there, 0).mean(), abs=0.6)


def test_a_learned_policy_serves_only_where_it_is_better() -> None:
    """Where the quantile is far too high the search finds less; where it is right the quantile stays."""
    rng = np.random.default_rng(5)

    def replays(upper: float) -> list[Replay]:
        return [
            Replay(
                rng.poisson(4, (60, 28)).astype(float),
                np.full((60, 28), 8.0),
                np.full((60, 28), upper),
                np.ones(60, np.int64),
                1,
                np.full(60, 1.0),
                np.full(60, 9.0),
            )
            for _ in range(3)
        ]

    assert search(replays(40.0), 7) != USUAL
    assert search([], 7) == USUAL


def _busy(rng: np.random.Generator, n: int = 60) -> Replay:
    """Two products at a time: of one the forecast is twice too high, of the other far too low; its shape tells which."""
    low = np.arange(n) % 2 == 0
    mean = np.where(low, 4.0, 8.0)
    upper = np.where(low, 24.0, 12.0)[:, None].repeat(28, axis=1)
    middle = np.where(low, 20.0, 2.0)[:, None].repeat(28, axis=1)
    lead = rng.integers(1, 4, n)
    return Replay(
        rng.poisson(mean[:, None], (n, 28)).astype(float), middle, upper, lead, 1, np.ones(n), np.full(n, 9.0)
    )


def test_the_simulator_of_the_network_is_the_simulator() -> None:
    """Cost of the same policy by TensorFlow and by numpy, for random weights."""
    from keras.initializers import RandomNormal

    from ml.learn import network

    keras = network.begin(3)
    net = network.dense(keras, 7, (6,), 2, NetworkParams(dropout=0.0), 3)
    net.layers[-1].kernel.assign(RandomNormal(0, 1.0, 4)((6, 2)))
    replay = _busy(np.random.default_rng(4), 20)
    fixed = np.stack([columns(replay, day) for day in range(28)], axis=1)
    money = np.stack([replay.holding, replay.penalty], axis=1)
    given = (
        fixed,
        np.stack([replay.demand, replay.middle, replay.upper], axis=2),
        np.eye(3)[replay.lead_days - 1],
        money,
    )
    told = course(keras, net, 1, 3, 28)([each.astype(np.float32) for each in given]).numpy()[:, 0]
    policy = LearnedPolicy(network.layers_of(net))
    np.testing.assert_allclose(told, costs(replay, policy.rule(replay)), rtol=1e-3)


def test_a_policy_is_learned_through_the_simulator_and_gated() -> None:
    """Where forecasts are wrong in a way that can be seen it costs less and serves; on noise of the future it does not."""
    rng, params = np.random.default_rng(8), NetworkParams(epochs=10, patience=10, dropout=0.0, batch=32, rate=0.02)
    replays = [_busy(rng) for _ in range(3)]
    policy, verdict = try_out(replays, USUAL, params, 7)
    assert policy is not None
    assert verdict.lower > 0.05
    turned = replays[-1]._replace(middle=replays[-1].middle[::-1], upper=replays[-1].upper[::-1] * 0.3)
    assert not judged(policy, turned, USUAL, 7).serves


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

"""Customer value: what is known of whom, by whose rules, and what odd shops get."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ml.capabilities.customer import blend, features, model, score, segments
from ml.capabilities.customer.evaluate import evaluate
from ml.capabilities.customer.spec import SPEC
from ml.core.capability import Known, Window
from tests.contract.cases import SEED, Case, memory, ordered

CASE = Case(SPEC)


@cache
def _fitted() -> model.CustomerValue:
    return model.fit(CASE.serve, SPEC.params, SEED)


def _rows(tables: dict[str, pa.Table]) -> pa.Table:
    return CASE.build(tables, CASE.as_of)["customer"].sort_by("customer_id")


def test_chances_rise_with_the_horizon_and_intervals_hold_the_mean() -> None:
    """Within 7 days is within 28 is within 90; low <= mean <= high; the total of the table is finite."""
    rows = score.score(_fitted(), CASE.serve, 0, 1, SPEC.params)["customer_value"]
    scored = pa.Table.from_batches(list(rows))
    chance = np.stack([scored[f"chance_{days}"].to_numpy() for days in (7, 28, 90)])
    assert (np.diff(chance, axis=0) >= 0).all()
    for name in ("orders_90", "orders_365", "spend_90", "spend_365"):
        low, middle, high = (scored[f"{name}{end}"].to_numpy() for end in ("_low", "", "_high"))
        assert (low <= middle).all(), name
        assert (middle <= high).all(), name


def test_the_country_changes_nothing_unless_the_shop_switches_it_on() -> None:
    """Origin is no feature by default; switched on, the model tells countries apart."""
    moved = CASE.serve["customer"].set_column(
        CASE.serve["customer"].column_names.index("country"), "country", pa.array(["XX"] * len(CASE.serve["customer"]))
    )
    before, after = (_fitted().value(table).chances for table in (CASE.serve["customer"], moved))
    np.testing.assert_array_equal(before, after)
    on = Known({**CASE.serve, "customer_setting": pa.table({"one": [True], "use_origin": [True]})}, CASE.serve.windows)
    assert model.fit(on, SPEC.params, SEED).countries_ == ("DE", "FR")


def test_a_link_adds_nothing_that_the_linked_persons_erasure_should_have_removed() -> None:
    """With somebody's rows and links gone, the features of those who were linked are as if there never was a link."""
    gone, kept = "c0001", "c0002"
    link = pa.table({"customer_id": [kept], "other_customer_id": [gone], "kind": ["friend"]})
    linked = _rows(CASE.tables | {"customer_link": link})
    row = linked.filter(pc.equal(linked["customer_id"], kept)).to_pylist()[0]
    assert row["circle"] == 1.0

    def without(table: pa.Table) -> pa.Table:
        for name in ("customer_id", "other_customer_id"):
            if name in table.column_names:
                table = table.filter(pc.not_equal(table[name], gone))
        return table

    left = {name: without(table) for name, table in CASE.tables.items()}
    orders = left["order"]["order_id"].combine_chunks()
    left["order_item"] = left["order_item"].filter(pc.is_in(left["order_item"]["order_id"], orders))
    erased, never = _rows(left | {"customer_link": without(link)}), _rows(left | {"customer_link": link.slice(0, 0)})
    assert ordered(erased) == ordered(never)


def test_who_links_to_oneself_has_no_circle() -> None:
    """A row that names one customer twice says nothing; what the circle ordered is counted once a person."""
    link = pa.table(
        {
            "customer_id": ["c0001", "c0001", "c0003", "c0001"],
            "other_customer_id": ["c0001", "c0003", "c0001", "c0003"],
            "kind": ["friend", "friend", "household", "referred_by"],
        }
    )
    rows = {row["customer_id"]: row for row in _rows(CASE.tables | {"customer_link": link}).to_pylist()}
    assert (rows["c0001"]["circle"], rows["c0003"]["circle"]) == (1.0, 1.0)
    assert (rows["c0003"]["referred"], rows["c0002"]["circle"]) == (1.0, 0.0)


def test_segments_follow_the_staffs_rules() -> None:
    """The first rule whose bounds hold decides; a rule of the staff's own comes first; nobody's is regular."""
    table = pa.table(
        {
            "orders": [1.0, 1.0, 8.0, 8.0, 3.0, 3.0],
            "days_since": [5.0, 200.0, 5.0, 300.0, 70.0, 10.0],
            "days_known": [5.0, 200.0, 300.0, 600.0, 130.0, 130.0],
            "spend": [10.0, 10.0, 900.0, 50.0, 60.0, 60.0],
        }
    )
    facts = segments.facts(table, 30.0, np.sort(table["spend"].to_numpy()))
    usual = segments.rules({})
    assert segments.segments(facts, usual).to_pylist() == [
        "new",
        "one-time",
        "champion",
        "lapsed",
        "at risk",
        "regular",
    ]
    own = {"place": 1, "segment": "key account", "spend_rank_from": 0.8}
    assert segments.segments(facts, [own, *usual]).to_pylist()[2] == "key account"


def test_the_interval_of_money_covers_what_it_says() -> None:
    """Drawn from what the interval assumes, four of five amounts lie in it, wherever nothing comes at most as often."""
    rng, n = np.random.default_rng(3), 40_000
    chance = rng.uniform(0.25, 1.0, n)
    level = np.exp(rng.normal(3, 1, n))
    rest = rng.normal(-0.32, 0.8, n)
    amount = np.where(rng.random(n) < chance, level * np.exp(rest), 0.0)
    low, high = blend.interval(level * chance, chance, np.quantile(rest, np.linspace(0, 1, 101)))
    covered = ((amount >= low) & (amount <= high)).mean()
    assert 0.79 < covered < 0.82
    low, high = blend.count_interval(np.array([2.0, 0.1]), np.array([0.8, 0.08]))
    assert low.tolist() == [0.0, 0.0]
    assert high[0] >= 3


def test_a_network_of_all_answers_is_one_of_the_candidates(tmp_path: Path) -> None:
    """It is learned where rows are enough, blended, saved without code, and scores the same when it is read back."""
    params = replace(SPEC.params, network_least=100, epochs=3, hidden=(8,))
    fitted = model.fit(CASE.serve, params, SEED)
    assert list(fitted.learners_) == list(model.PARTS)
    fitted.save(tmp_path)
    again = model.load(tmp_path).value(CASE.serve["customer"])
    for a, b in zip(fitted.value(CASE.serve["customer"]), again, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("fault", ["negative", "all_back", "whale", "one"])
def test_odd_shops_get_finite_rows(fault: str) -> None:
    """Negative totals count as nothing; all of it returned is worth nothing; half of the revenue of one is no other's."""
    tables = dict(CASE.tables)
    order, n = tables["order"], len(tables["order"])
    if fault == "negative":
        tables["order"] = order.set_column(order.column_names.index("total"), "total", pa.array([-5.0] * n))
    if fault == "all_back":
        tables["order_outcome"] = pa.table(
            {
                "order_id": order["order_id"],
                "kind": ["returned"] * n,
                "known_at": order["ordered_at"],
            }
        )
    if fault == "whale":
        whale = pc.equal(order["customer_id"], "c0004").to_numpy(zero_copy_only=False)
        tables["order"] = order.set_column(
            order.column_names.index("total"), "total", pa.array(np.where(whale, 1e6, 20.0))
        )
    if fault == "one":
        tables["order"] = order.filter(pc.equal(order["customer_id"], "c0004"))
    known = CASE.build(tables, CASE.cutoff)
    backend = ibis.duckdb.connect()
    truth = backend.to_pyarrow(features.truth(memory(tables), CASE.cutoff, CASE.as_of, SPEC.params))
    window = Window(CASE.cutoff, known, truth)
    fitted = model.fit(Known(known, [window]), SPEC.params, SEED)
    value = fitted.value(known["customer"])
    assert all(np.isfinite(part).all() for part in value)
    if fault in {"negative", "all_back"}:
        assert known["customer"]["spend"].to_numpy().max() == 0
    if fault == "whale":
        ids = known["customer"]["customer_id"].to_pylist()
        others = np.array([who != "c0004" for who in ids])
        assert np.median(value.spend[others]) < 1000
    evaluation = evaluate({"it": fitted}, known, truth, SPEC.params)["it"]
    assert np.isfinite(list(evaluation.metrics.values())).all()

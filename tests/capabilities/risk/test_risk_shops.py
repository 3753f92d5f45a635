"""Shops that a model could stumble over: each gets its tables, and a word where it matters."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ml.capabilities.risk import features
from ml.capabilities.risk.columns import NUMBERS
from ml.capabilities.risk.evaluate import evaluate, lacking
from ml.capabilities.risk.model import fit, fit_baseline
from ml.capabilities.risk.spec import SPEC
from ml.core.gate import decide, stopped
from tests.contract.cases import SEED, Case, memory

CASE = Case(SPEC)
PARAMS = SPEC.params


def _without_labels(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    return {name: table for name, table in tables.items() if name != "order_outcome"}


def _all_unknown(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    return {**tables, "order_outcome": tables["order_outcome"].slice(0, 0)}


def _only(*kinds: str) -> pa.Table:
    outcomes = CASE.tables["order_outcome"]
    return outcomes.filter(pc.is_in(outcomes["kind"], pa.array(kinds)))


SHOPS = {
    "no labels": _without_labels(CASE.tables),
    "all outcomes unknown": _all_unknown(CASE.tables),
    "good orders only": {**CASE.tables, "order_outcome": _only("ok", "returned")},
}


@cache
def _known(shop: str) -> dict[str, pa.Table]:
    """The features of a shop, made once: read them only."""
    return CASE.build(SHOPS[shop], CASE.as_of)


@pytest.mark.parametrize("shop", SHOPS)
def test_without_known_frauds_the_anomaly_score_serves(shop: str) -> None:
    """No probability is made up; open orders still have a decision, an anomaly score and a reason."""
    known = _known(shop)
    for model in (fit(known, PARAMS, SEED), fit_baseline(known, PARAMS, SEED)):
        scored = CASE.score(model, known)["order_risk"]
        assert scored["probability"].null_count == scored["expected_loss"].null_count == len(scored) > 0
        assert scored["reason"].null_count == scored["decision"].null_count == 0
        assert len(set(scored["anomaly_score"].to_pylist())) > 5


@pytest.mark.parametrize("shop", SHOPS)
def test_the_gate_says_that_there_is_nothing_to_measure_on(shop: str) -> None:
    """Every figure is finite; with too few units, or no fraud among them, the challenger is not served."""
    known = CASE.build(SHOPS[shop], CASE.cutoff)
    truth = ibis.duckdb.connect().to_pyarrow(features.truth(memory(SHOPS[shop]), CASE.cutoff, CASE.as_of, PARAMS))
    models = {"challenger": fit(known, PARAMS, SEED), SPEC.gate.baseline: fit_baseline(known, PARAMS, SEED)}
    evaluations = evaluate(models, known, truth, PARAMS)
    for evaluation in evaluations.values():
        assert np.isfinite(list(evaluation.metrics.values())).all()
    decision = decide(
        evaluations["challenger"].per_unit,
        None,
        evaluations[SPEC.gate.baseline].per_unit,
        same_recipe=False,
        gate=SPEC.gate,
        seed=SEED,
    )
    assert decision.outcome == "baseline"
    why = stopped(decision, evaluations["challenger"].stops, served=False).why
    assert "Logistic regression is served: " in why
    assert "0 known frauds" in why
    assert "how unusual an order is decides" in why
    assert "0 known frauds" in lacking(memory(SHOPS[shop]), CASE.cutoff, CASE.as_of, PARAMS)


def test_a_shop_that_knows_its_frauds_lacks_nothing() -> None:
    """With frauds before and in the window there is something to learn and to judge; without some in it there is not."""
    assert lacking(memory(CASE.tables), CASE.cutoff, CASE.as_of, PARAMS) == ""
    assert "too few to tell which model is better" in lacking(memory(CASE.tables), CASE.as_of, CASE.as_of, PARAMS)


def test_frauds_only_teach_nothing_either() -> None:
    """A shop that writes down frauds alone gets probabilities once its silent orders are old enough to count as good."""
    tables = {**CASE.tables, "order_outcome": _only("fraud", "chargeback")}
    known = CASE.build(tables, CASE.as_of)
    assert fit(known, PARAMS, SEED).learnt
    young = {**known, "order": known["order"].filter(pc.equal(known["order"]["label"], 1))}
    assert not fit(young, PARAMS, SEED).learnt


def test_when_labels_arrive_probabilities_do() -> None:
    """The same shop a night after its outcomes were written down: from the anomaly score to probabilities."""
    shops = (_known("no labels"), CASE.serve)
    tables = [CASE.score(fit(known, PARAMS, SEED), known)["order_risk"] for known in shops]
    assert [table["probability"].null_count == 0 for table in tables] == [False, True]
    assert tables[0]["anomaly_score"] == tables[1]["anomaly_score"]


def test_one_order() -> None:
    """A shop of one order scores it."""
    order = CASE.tables["order"].filter(pc.is_in(CASE.tables["order"]["status"], pa.array(["placed"]))).slice(0, 1)
    tables = {**CASE.tables, "order": order}
    for name in ("order_item", "payment", "order_outcome"):
        tables[name] = tables[name].filter(pc.is_in(tables[name]["order_id"], order["order_id"].combine_chunks()))
    known = CASE.build(tables, CASE.as_of)
    assert known["order"].num_rows == 1
    rows = CASE.score(fit(known, PARAMS, SEED), known)["order_risk"].to_pylist()
    assert [(row["order_id"], row["probability"]) for row in rows] == [(order["order_id"][0].as_py(), None)]
    assert 0 <= rows[0]["anomaly_score"] <= 1


def test_a_customer_with_a_hundred_thousand_orders() -> None:
    """Everything is counted, up to what a count may be, in time that grows with the rows only."""
    n, tables = 100_000, dict(CASE.tables)
    order = tables["order"].take(pa.array(np.zeros(n, int)))
    spread = np.datetime64("2025-03-01", "us") + (np.arange(n) * 60).astype("timedelta64[s]")
    new = {
        "order_id": pa.array([f"big{i}" for i in range(n)]),
        "ordered_at": pa.array(spread).cast(pa.timestamp("us", "UTC")),
        "known_at": pa.nulls(n, pa.timestamp("us", "UTC")),
    }
    for name, column in new.items():
        order = order.set_column(order.column_names.index(name), name, column)
    tables["order"] = pa.concat_tables([tables["order"], order])
    orders = CASE.build(tables, CASE.as_of)["order"]
    last = orders.filter(pc.equal(orders["order_id"], f"big{n - 1}")).to_pylist()[0]
    assert last["customer_orders"] >= n - 1
    assert (last["customer_orders_90d"], last["customer_orders_24h"]) == (32_767, 24 * 60)
    assert last["customer_devices_90d"] <= 9


@pytest.mark.parametrize("amount", [0.0, 1e12, None])
def test_amounts_of_any_size(amount: float | None) -> None:
    """Totals and prices of 0, of a million millions, or none: finite features and rows, nothing overflows."""
    rng = np.random.default_rng(SEED)
    tables = dict(CASE.tables)
    for table, column in (("order", "total"), ("order_item", "unit_price")):
        old = tables[table][column]
        new = pc.if_else(pa.array(rng.random(len(old)) < 0.3), pa.scalar(amount, pa.float64()), old)
        if amount is not None or table == "order":
            tables[table] = tables[table].set_column(tables[table].column_names.index(column), column, new)
    known = CASE.build(tables, CASE.as_of)
    for name in NUMBERS:
        assert pc.all(pc.is_finite(known["order"][name].cast(pa.float64()).drop_null())).as_py() in {True, None}, name
    scored = CASE.score(fit(known, PARAMS, SEED), known)["order_risk"]
    assert pc.all(pc.is_finite(scored["expected_loss"])).as_py()
    assert pc.all(pc.greater_equal(scored["expected_loss"], 0)).as_py()

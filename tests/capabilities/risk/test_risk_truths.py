"""What is said of an order is true: of a shop with a short history, after a ring, and in its reasons."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ml.capabilities.risk import money, reasons, variants
from ml.capabilities.risk.columns import ENCODED, NUMBERS, RECENT_FRAUDS
from ml.capabilities.risk.evaluate import evaluate, lacking, within
from ml.capabilities.risk.inputs import TEXTS
from ml.capabilities.risk.model import RiskModel, fit, fit_baseline
from ml.capabilities.risk.reasons import Usual, fact_of
from ml.capabilities.risk.spec import SPEC
from ml.core.capability import Split
from ml.core.gate import decide
from ml.learn.metrics import binary
from tests.contract.cases import SEED, Case, memory

CASE = Case(SPEC)
PARAMS = SPEC.params
MOMENT = pa.timestamp("us", "UTC")


def _since(days: int) -> dict[str, pa.Table]:
    """The sample shop as if it had opened ``days`` before the night."""
    opened = pa.scalar(CASE.as_of - timedelta(days=days), MOMENT)
    kept = CASE.tables["order"].filter(pc.greater_equal(CASE.tables["order"]["ordered_at"], opened))
    ids = kept["order_id"].combine_chunks()
    return {
        name: kept
        if name == "order"
        else table.filter(pc.is_in(table["order_id"], ids))
        if "order_id" in table.column_names
        else table
        for name, table in CASE.tables.items()
    }


@cache
def _split(days: int) -> Split | str:
    return within(CASE.build(_since(days), CASE.as_of), CASE.as_of, PARAMS)


@pytest.mark.parametrize("days", [99, 150])
def test_a_thin_history_is_split_by_time_inside_what_is_settled(days: int) -> None:
    """Where nothing was known 135 days ago, the settled orders teach and judge, the night says so, and the model serves."""
    assert lacking(memory(_since(days)), CASE.cutoff, CASE.as_of, PARAMS) != ""
    split = _split(days)
    assert isinstance(split, Split)
    assert f"The shop's orders cover {days} of 180 days" in split.words
    assert pc.max(split.features["order"]["at"]).as_py() < pc.min(split.truth["at"]).as_py()
    assert split.truth["label"].null_count == 0
    models = {
        "challenger": fit(split.features, PARAMS, SEED),
        SPEC.gate.baseline: fit_baseline(split.features, PARAMS, SEED),
    }
    per_unit = {name: one.per_unit for name, one in evaluate(models, split.features, split.truth, PARAMS).items()}
    decision = decide(
        per_unit["challenger"], None, per_unit[SPEC.gate.baseline], same_recipe=False, gate=SPEC.gate, seed=SEED
    )
    assert decision.outcome == "promote", decision.why


def test_a_history_too_thin_for_any_split_says_how_thin() -> None:
    """A shop of 50 days has hardly a settled order: how much history there is, and what is missing, stands in words."""
    refusal = _split(50)
    assert isinstance(refusal, str)
    assert "50 of 180 days" in refusal
    assert "too few to learn from" in refusal


def _after_a_ring() -> dict[str, pa.Table]:
    """The sample shop as if a ring that looks like everybody had placed a fifth of the settled orders, and none of the latest."""
    order = CASE.serve["order"]
    rng, settled = np.random.default_rng(SEED), order["settled"].to_numpy()
    labelled = order["label"].is_valid().to_numpy() & settled
    label = np.where(labelled, rng.random(len(order)) < 0.2, 0).astype(np.int8)
    days = np.where(label > 0, rng.uniform(5, 30, len(order)), np.nan).astype(np.float32)
    changed = order.set_column(order.schema.get_field_index("label"), "label", pa.array(label, mask=~labelled))
    at = changed.schema.get_field_index("fraud_days")
    return {**CASE.serve, "order": changed.set_column(at, "fraud_days", pa.array(days, from_pandas=True))}


def test_after_a_ring_a_quiet_month_is_seen_as_quiet() -> None:
    """Of the latest orders no fraud is known though some should be by now: the level falls, and reviews keep their bound."""
    known = _after_a_ring()
    model, blind = fit(known, PARAMS, SEED), RiskModel(PARAMS, SEED)
    blind._meet_the_latest = lambda *_: None  # type: ignore[method-assign]
    blind.fit(known)
    recent = known["order"].filter(pc.invert(known["order"]["settled"]))
    assert blind.predict(recent).mean() > 0.12
    assert model.predict(recent).mean() < 0.05
    total = np.nan_to_num(recent["total"].to_numpy())
    costs = money.costs({}, PARAMS)
    decided = model.decide(model.predict(recent), total, costs)
    assert (decided == money.REVIEW).sum() <= PARAMS.review_share * len(recent) + 1


def test_the_bounds_on_reviews_hold() -> None:
    """No more than the share of the orders, and none below the least chance; both are the staff's to set."""
    rng = np.random.default_rng(SEED)
    p, total = rng.uniform(0, 0.2, 1000), rng.uniform(50, 500, 1000)
    costs = money.Costs(1.0, 15.0, 3.0, 0.25, reviews_per_day=1e6, review_share=0.05, least_chance=0.1)
    bar = money.scarcity(money.review_gain(p, total, costs), 10.0, costs)
    decided = money.decide(p, total, costs, bar)
    assert 0 < (decided == money.REVIEW).sum() <= 50
    assert p[decided == money.REVIEW].min() >= 0.1


def test_a_reason_tells_a_fact_once() -> None:
    """One person under three names, and a one-line order's product, basket and category, are one fact each."""
    columns = (
        "customer_orders_1h",
        "email_orders_1h",
        "card_orders_24h",
        "product_frauds_7d",
        "basket_frauds",
        "device_customers_1h",
    )
    order = pa.table({name: [4.0] for name in columns})
    text = reasons.words(order, np.arange(len(columns), 0, -1.0)[None], Usual(columns, {})).to_pylist()[0]
    assert text == (
        "4 orders by this customer in 1 hour; 4 frauds with this dearest product that became known in 7 days; "
        "4 different customers from this device in 1 hour"
    )
    assert {fact_of(name) for name in NUMBERS} & {fact_of("payment")}


def test_what_is_usual_is_no_reason_and_a_rate_has_its_number() -> None:
    """Never '0 (usual 0)'; a learned rate is told with its share and the usual one, and only where it is above."""
    columns = ("device_orders_1h", "product_rate", "brand_rate")
    order = pa.table({"device_orders_1h": [0.0]})
    values = np.array([[0.0, 0.043, 0.001]], np.float32)
    texts = reasons.words(
        order, np.array([[3.0, 2.0, 1.0]]), Usual(columns, {"device_orders_1h": 0.0}, rate=0.009), values
    )
    assert texts.to_pylist() == ["4.3 % frauds among earlier orders with the dearest product (usual 0.9 %)"]


def test_every_held_order_says_why() -> None:
    """No order that is held says that nothing is unusual, with labels or without, and no reason names the usual value."""
    without = {**CASE.tables, "order_outcome": CASE.tables["order_outcome"].slice(0, 0)}
    held = []
    for known in (CASE.serve, CASE.build(without, CASE.as_of)):
        scored = CASE.score(fit(known, replace(PARAMS, review_cost=0.5), SEED), known)["order_risk"]
        held += scored.filter(pc.not_equal(scored["decision"], "allow"))["reason"].to_pylist()
        assert not [reason for reason in scored["reason"].to_pylist() if re.search(r"\b0 [^;]*\(usual 0\)", reason)]
    assert held
    assert reasons.NOTHING not in held


def _cards(days: int = 120, per_day: int = 120) -> tuple[pa.Table, np.ndarray]:
    """Orders whose product is hit by fraudsters for two weeks at a time, as far as the model's columns are needed."""
    rng = np.random.default_rng(SEED)
    n = days * per_day
    at = np.sort(rng.uniform(0, days, n))
    product = rng.integers(0, 150, n)
    hit = {(p, s) for s in range(0, days, 14) for p in rng.integers(0, 150, 3)}
    bad = np.array([(p, int(t) // 14 * 14) in hit for p, t in zip(product, at, strict=True)]) & (rng.random(n) < 0.8)
    columns = {name: np.zeros(n, np.float32) for name in NUMBERS}
    for row in range(n):
        recent = slice(np.searchsorted(at, at[row] - 9), np.searchsorted(at, at[row] - 2))
        same = product[recent] == product[row]
        columns["product_frauds_7d"][row] = bad[recent][same].sum()
    texts = {name: np.full(n, "") for name in (*TEXTS, "item", "basket", "goods_set", "kinds_set", "second")}
    order = pa.table({**columns, **texts, "product": product.astype(str), "at": (at * 86_400).astype(np.int64)})
    return order, bad.astype(np.int8)


def test_variants_are_chosen_by_what_tells_later_orders() -> None:
    """Where fraud moves from product to product within weeks, the frauds of the last days are kept, and what is best is best."""
    order, y = _cards()
    values = {name: [] for name in TEXTS}
    params = PARAMS.__class__(trees=30, settle_days=20)
    best = variants.chosen(order, y, values, params, SEED)
    assert best.recent_frauds == "yes"
    split = int(variants.LEARNED * len(y))
    ends = (int(np.searchsorted(order["at"].to_numpy(), order["at"][split].as_py() - 20 * 86_400)), split)
    every = [
        variants._worth(
            order,
            y,
            ends,
            values,
            PARAMS.__class__(trees=30, settle_days=20, rates=best.rates, recent_frauds=recent),
            SEED,
        )
        for recent in variants.RECENT
    ]
    assert every[0] > every[1]
    few = variants.chosen(order, np.zeros_like(y), values, params, SEED)
    assert few == variants.usual(params)
    assert not set(RECENT_FRAUDS) & set(ENCODED)
    assert binary.average_precision(y, order["product_frauds_7d"].to_numpy()) > 2 * y.mean()

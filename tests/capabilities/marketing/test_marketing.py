"""Marketing: the allocation beside the best there is, the law about protected attributes, and what odd trials get."""

from __future__ import annotations

from functools import cache

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy.optimize import linprog

from ml.capabilities.marketing import effects, model
from ml.capabilities.marketing.allocation import allocate
from ml.capabilities.marketing.config import ACTION, BUDGET, CONTROL
from ml.capabilities.marketing.spec import SPEC
from ml.core.capability import published
from tests.contract.cases import SEED, Case, memory

CASE = Case(SPEC)


@cache
def _fitted() -> model.Marketing:
    return model.fit(CASE.serve, SPEC.params, SEED)


def _with_budget(**given: float | None) -> pa.Table:
    return pa.Table.from_pylist(
        [{"one": True, "budget": None, "margin_share": 0.3, "control_share": 0.1, "rest_days": 7} | given]
    )


def test_the_allocation_is_nearly_the_best_and_keeps_every_limit() -> None:
    """Beside the linear program's optimum, which may cut customers in two, it loses less than 1 %."""
    rng, n = np.random.default_rng(1), 300
    profit, cost = rng.normal(1, 2, (n, 4)), rng.uniform(0.1, 2, (n, 4))
    profit[rng.random((n, 4)) < 0.2] = -np.inf
    budget, most = 60.0, np.array([40.0, np.inf, 10.0, np.inf])
    chosen = allocate(profit, cost, budget, most)
    rows = np.flatnonzero(chosen >= 0)
    assert cost[rows, chosen[rows]].sum() <= budget + 1e-9
    assert (np.bincount(chosen[rows], minlength=4) <= most).all()
    assert np.isfinite(profit[rows, chosen[rows]]).all()
    gain = np.where(np.isfinite(profit), profit, -1e6).ravel()
    once = np.kron(np.eye(n), np.ones(4))
    pieces = np.tile(np.eye(4), n)[[0, 2]]
    best = -linprog(
        -gain, A_ub=np.vstack([once, pieces, cost.ravel()]), b_ub=[*np.ones(n), 40, 10, budget], bounds=(0, 1)
    ).fun
    assert profit[rows, chosen[rows]].sum() > 0.99 * best


def test_targets_obey_consent_rest_budget_and_lot() -> None:
    """Nobody without consent is written to; the cost stays in the budget; about the share is kept as control."""
    known = {**CASE.serve, BUDGET.name: _with_budget(budget=2.0)}
    tables = published(SPEC, _fitted(), known)
    target = tables["campaign_target"]
    consent = dict(
        zip(
            CASE.serve["customer"]["customer_id"].to_pylist(),
            CASE.serve["customer"]["consent"].to_pylist(),
            strict=True,
        )
    )
    planned = target.filter(pc.not_equal(target["planned"], "nothing"))
    assert 0 < len(planned) <= 100  # two cents each
    assert all(consent[who] for who in planned["customer_id"].to_pylist())
    assert min(planned["expected_profit"].to_pylist()) > 0
    every = published(SPEC, _fitted(), {**CASE.serve, BUDGET.name: _with_budget(control_share=0.5)})["campaign_target"]
    planned = every.filter(pc.not_equal(every["planned"], "nothing"))
    control = planned["control"].to_numpy(zero_copy_only=False).astype(bool)
    assert 0.35 < control.mean() < 0.65
    assert set(pc.unique(planned["propensity"]).to_pylist()) == {0.5}
    assert set(planned.filter(pa.array(control))["action"].to_pylist()) == {"nothing"}


def test_what_the_shop_protects_never_decides() -> None:
    """With another country, and with segment and channel protected another of these too, every target stays the same."""
    protected = {"marketing_protected": ibis.memtable(pa.table({"attribute": ["country", "segment", "channel"]}))}
    targets = []
    for values in ({}, {"country": "XX", "segment": "wholesale"}):
        tables = dict(CASE.tables)
        for name, value in values.items():
            at = tables["customer"].column_names.index(name)
            tables["customer"] = tables["customer"].set_column(at, name, pa.array([value] * len(tables["customer"])))
        if values:
            at = tables["order"].column_names.index("channel")
            tables["order"] = tables["order"].set_column(at, "channel", pa.array(["store"] * len(tables["order"])))
        built = CASE.part("features").build(memory(tables) | protected, CASE.as_of, SPEC.params)
        known = {name: ibis.duckdb.connect().to_pyarrow(table) for name, table in built.items()}
        targets.append(published(SPEC, model.fit(known, SPEC.params, SEED), known)["campaign_target"])
    assert targets[0] == targets[1]


@pytest.mark.parametrize(
    ("trial", "words"),
    [("none", "it was never tried"), ("no control", "no control group"), ("control of 3", "only 3 customers")],
)
def test_without_a_trial_it_says_so_and_plans_one(trial: str, words: str) -> None:
    """No campaigns, no control, a control of three: not known, in words; by value, half of them as control; and a plan."""
    mail = CASE.serve["mail"]
    control = pc.equal(mail["arm"], CONTROL).to_numpy(zero_copy_only=False).astype(bool)
    kept = np.cumsum(control) <= 3
    mail = {
        "none": mail.slice(0, 0),
        "no control": mail.filter(pa.array(~control)),
        "control of 3": mail.filter(pa.array(~control | (control & kept))),
    }[trial]
    known = {"customer": CASE.serve["customer"], "mail": mail}
    tables = published(SPEC, model.fit(known, SPEC.params, SEED), known)
    uplift, target, effect = tables["campaign_uplift"], tables["campaign_target"], tables["campaign_effect"]
    assert uplift["uplift_orders"].null_count == len(uplift)
    assert words in uplift["reason"][0].as_py()
    planned = target.filter(pc.not_equal(target["planned"], "nothing"))
    assert set(planned["propensity"].to_pylist()) == {0.5}
    assert set(planned["expected_profit"].to_pylist()) == {0.0}
    plan = effect.filter(pc.equal(effect["campaign_id"], effects.PLAN)).to_pylist()
    assert len(plan) == 1
    assert plan[0]["control"] > 100
    assert "keep" in plan[0]["reason"]


def test_the_effect_by_hand() -> None:
    """Forty of each group, 20 and 10 orders, a coupon of 1 for each: ten orders more, half of the coupons given anyway."""
    n = 80
    treated = np.arange(n) < 40
    ordered = np.r_[np.arange(40) < 20, np.arange(40) < 10].astype(np.float64)
    numbers = {name: np.zeros(n, np.float32) for name in model.NUMBERS}
    mail = pa.table(
        {
            "campaign_id": ["m1"] * n,
            "customer_id": [f"c{i:02d}" for i in range(n)],
            "arm": np.where(treated, "email", CONTROL),
            "sent_at": pa.array([0] * n, pa.timestamp("us", "UTC")),
            "sent": [0] * n,
            **numbers,
            "visited": np.zeros(n),
            "ordered": ordered,
            "money": 10 * ordered,
            "discount": np.where(treated, ordered, 0.0),
        }
    )
    columns = effects.effects(mail, CASE.serve["customer"], [], SPEC.params)
    row = {name: column[0].as_py() for name, column in columns.items()}
    assert (row["customers"], row["control"], row["visits"]) == (40, 40, None)
    assert row["orders"] == pytest.approx(10)
    assert row["money"] == pytest.approx(100)
    assert row["orders_low"] < 10 < row["orders_high"]
    assert (row["discount"], row["discount_anyway"]) == (20.0, pytest.approx(10.0))


def test_a_coupon_that_everyone_used_costs_what_everyone_takes() -> None:
    """An action with a discount costs the share of the orders that come anyway too; its profit is the less for it."""
    rows = [
        dict(ACTION.rows[0]),
        dict(ACTION.rows[0]) | {"action": "e-mail with 30 %", "discount_share": 0.3, "coupon": "X"},
    ]
    known = {**CASE.serve, ACTION.name: pa.Table.from_pylist(rows)}
    uplifts = published(SPEC, _fitted(), known)["campaign_uplift"]
    plain, dear = (uplifts.filter(pc.equal(uplifts["action"], row["action"])).sort_by("customer_id") for row in rows)
    assert (dear["cost"].to_numpy() >= plain["cost"].to_numpy()).all()
    assert dear["expected_profit"].to_numpy().sum() < plain["expected_profit"].to_numpy().sum()

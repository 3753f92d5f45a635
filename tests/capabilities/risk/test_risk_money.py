"""Decisions by money, the staff's time, and the lists."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.capabilities.risk import money, rules
from ml.capabilities.risk.money import ALLOW, BLOCK, REVIEW, Costs

COSTS = Costs(loss_share=1.0, loss_fixed=15.0, review_cost=3.0, margin_share=0.25, reviews_per_day=2)


def _one(p: float, total: float, bar: float = 0.0) -> int:
    return int(money.decide(np.array([p]), np.array([total]), COSTS, bar)[0])


@given(st.floats(0, 1), st.floats(0, 1e12))
def test_the_decision_costs_least_on_average(p: float, total: float) -> None:
    """Without scarcity no other decision is cheaper by expectation."""
    price = {ALLOW: p * (total + 15), REVIEW: 3.0, BLOCK: (1 - p) * 0.25 * total}
    assert price[_one(p, total)] == pytest.approx(min(price.values()))


def test_decisions_by_hand() -> None:
    """A harmless, a doubtful and a sure order of 100; a worthless order is never worth a review."""
    assert [_one(p, 100.0) for p in (0.01, 0.3, 0.99)] == [ALLOW, REVIEW, BLOCK]
    assert _one(0.1, 0.0) == BLOCK  # no margin is lost, and fees are saved
    assert _one(0.0, 0.0) == ALLOW


def test_scarce_reviews_go_where_they_gain_most() -> None:
    """With the bar at the scarcity of a day's orders exactly as many are reviewed as the staff can do, the best ones."""
    p, total = np.full(8, 0.2), np.arange(1.0, 9.0) * 50
    gain = money.review_gain(p, total, COSTS)
    decision = money.decide(p, total, COSTS, money.scarcity(gain, 1.0, COSTS))
    assert np.flatnonzero(decision == REVIEW).tolist() == [6, 7]
    assert (money.decide(p, total, COSTS) == REVIEW).sum() == 8


def test_savings_by_hand() -> None:
    """A fraud of 100 stopped saves 115, by review 112; a review of a good order costs 3, its block the margin."""
    label, decision = np.array([1, 1, 1, 0, 0, 0]), np.array([ALLOW, REVIEW, BLOCK] * 2)
    saved = money.saved(label, np.full(6, 100.0), decision, COSTS)
    assert saved.tolist() == [0, 112, 115, 0, -3, -25]
    assert money.at_stake(label, np.full(6, 100.0), COSTS) == 345


def test_true_probabilities_save_at_least_what_any_threshold_saves() -> None:
    """Deciding by calibrated probabilities and money beats every fixed threshold for a block, on average."""
    rng = np.random.default_rng(5)
    p, total = rng.beta(0.3, 6, 200_000), rng.lognormal(4, 1, 200_000)
    label = (rng.random(len(p)) < p).astype(int)
    ours = money.saved(label, total, money.decide(p, total, COSTS), COSTS).sum()
    for bar in (0.05, 0.1, 0.2, 0.5, 0.8):
        assert ours > money.saved(label, total, np.where(p > bar, BLOCK, ALLOW), COSTS).sum()


def test_while_nothing_is_known_the_most_unusual_are_looked_at_and_none_is_blocked() -> None:
    """One percent, or fewer if the staff cannot do so many; a shop without any grid of anomalies reviews none."""
    unusual = np.linspace(0, 0.999, 1000)
    assert (money.decide_unlearnt(unusual, 100.0, COSTS) == REVIEW).sum() == 10
    assert (money.decide_unlearnt(unusual, 1000.0, COSTS) == REVIEW).sum() == 2
    assert not money.decide_unlearnt(np.zeros(5), 1.0, COSTS).any()


def test_the_shops_costs_come_before_the_defaults() -> None:
    """A value that the shop left empty is the default; a shop without the table has defaults alone."""
    from ml.capabilities.risk.spec import Params

    cost_rows = pa.table({"review_cost": [9.0], "loss_fixed": pa.array([None], pa.float64()), "reviews_per_day": [7]})
    costs = money.costs({"cost": cost_rows}, Params())
    assert (costs.review_cost, costs.loss_fixed, costs.reviews_per_day) == (9.0, 15.0, 7.0)
    assert money.costs({}, Params()) == money.costs({"cost": cost_rows.slice(0, 0)}, Params())


ORDER = pa.table(
    {
        "customer_id": ["c1", "c2", None, "c4"],
        "device": ["d1", "d1", "d3", None],
        "card": pa.nulls(4, pa.string()),
        "address": ["a", "b", "c", "d"],
        "ip": pa.nulls(4, pa.string()),
        "email": pa.nulls(4, pa.string()),
        "shipping_country": ["DE", "", "", "FR"],
        "billing_country": ["DE", "XX", "", "FR"],
    }
)


def _rule(*entries: tuple[str, str, str, str | None]) -> pa.Table:
    return pa.table(
        {
            name: pa.array([entry[i] for entry in entries], pa.string())
            for i, name in enumerate(("kind", "entity", "value", "note"))
        }
    )


def test_lists_decide_and_deny_wins() -> None:
    """An entry decides for the orders that it names, in either country; the rule says which it was."""
    rule = _rule(
        ("allow", "device", "d1", None),
        ("deny", "customer", "c2", "ring of May"),
        ("deny", "country", "XX", ""),
        ("deny", "country", "FR", ""),
    )
    decision, words = rules.decisions(ORDER, rule)
    assert decision.tolist() == [ALLOW, BLOCK, rules.NONE, BLOCK]
    assert words.to_pylist() == ["allow device d1", "deny customer c2: ring of May", None, "deny country FR"]


def test_no_entries_decide_nothing() -> None:
    """An empty list, or one that names nobody here, leaves every order to the model."""
    for rule in (_rule(), _rule(("deny", "ip", "10.0.0.1", None), ("allow", "planet", "Mars", None))):
        decision, words = rules.decisions(ORDER, rule)
        assert (decision == rules.NONE).all()
        assert words.null_count == 4

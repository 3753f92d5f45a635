"""What a change of the costs would do to the open orders, computed from published rows."""

from __future__ import annotations

from ml.capabilities.risk.console import CONSOLE
from ml.capabilities.risk.spec import DEFAULTS
from ml.core.console import Estimate

COST = {
    **DEFAULTS,
    "loss_share": 1.0,
    "loss_fixed": 10.0,
    "review_cost": 5.0,
    "margin_share": 0.3,
    "reviews_per_day": 1,
}
COST |= {"review_share": 1.0, "least_chance": 0.0}


def order(chance: float, total: float, decision: str, *, listed: bool = False) -> dict:
    """A row as it was published: what allowing it costs is the chance times total and 10."""
    return {"probability": chance, "loss": chance * (total + 10), "decision": decision, "listed": listed}


def test_dearer_reviews_are_fewer_and_the_staffs_list_stays():
    """At 5 a review, the one that saves most is made (one a day); at 500 none is, and it is blocked. What the list decides is not decided anew."""
    (estimate,) = CONSOLE.probes["risk_cost"]
    assert isinstance(estimate, Estimate)
    orders = [
        order(0.3, 490, "review"),
        order(0.2, 190, "allow"),
        order(0.001, 90, "allow"),
        order(0.9, 990, "allow", listed=True),
    ]
    lists = {"chances": "probability", "losses": "loss", "decisions": "decision", "listed": "listed"}
    row = {name: [order[key] for order in orders] for name, key in lists.items()} | {"days": 1.0}
    before, after = ({"cost": [cost], "orders": [row]} for cost in (COST, COST | {"review_cost": 500.0}))
    rows = estimate.compare(before, after).rows
    assert rows["review"] == {"orders": (1.0, 0.0), "expected loss": (150.0, 0.0)}
    assert {name: found["orders"] for name, found in rows.items()} == {
        "allow": (3.0, 3.0),
        "review": (1.0, 0.0),
        "block": (0.0, 1.0),
    }
    assert rows["allow"]["expected loss"][0] == 940.1
    assert estimate.compare({"cost": [COST], "orders": []}, before).rows == {}

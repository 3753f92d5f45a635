"""What a change of the costs does to the orders that are open, before it is saved."""

from __future__ import annotations

from ml.core.console import Compared, Console, Estimate, Found

FIGURES = ("orders", "expected loss")
BAR = "How much a review must save for the staff to manage is set on these orders alone; the night sets it on those it learned from."
LISTED = "Orders that the staff's list decides stay as they are."
UNLEARNT = "Orders whose chance is not known are left out."

_SELECTS = {
    "cost": "SELECT * FROM ml_config.risk_cost",
    "orders": """
SELECT array_agg(probability::float8) AS chances, array_agg(expected_loss::float8) AS losses, array_agg(decision) AS decisions,
    array_agg(rule IS NOT NULL) AS listed,
    greatest(extract(epoch FROM max(ordered_at) - min(ordered_at)) / 86400, 1)::float8 AS days
FROM (SELECT * FROM ml.order_risk WHERE probability IS NOT NULL ORDER BY expected_loss DESC, order_id LIMIT 50000) AS o
HAVING count(*) > 0
""",
}
"""The orders are one row of lists: fifty thousand rows take a page half a second to fetch."""


def compare(before: Found, after: Found) -> Compared:
    """Orders by decision, and what those that are let through are expected to cost."""
    import numpy as np
    import pyarrow as pa

    from ml.capabilities.risk import money
    from ml.capabilities.risk.spec import SPEC

    if not before["orders"]:
        return Compared({}, (UNLEARNT,))
    (orders,) = before["orders"]
    old, new = (
        money.costs({"cost": pa.Table.from_pylist([dict(row) for row in found["cost"]])}, SPEC.params)
        for found in (before, after)
    )
    chance, loss = (np.array(orders[name], np.float64) for name in ("chances", "losses"))
    listed = np.array(orders["listed"], bool)
    place_of = {name: place for place, name in enumerate(money.DECISIONS)}
    stays = np.array([place_of[decision] for decision in orders["decisions"]], np.int64)
    # What an order is worth follows from what it is expected to cost.
    total = np.maximum(loss / np.maximum(chance, 1e-12) - old.loss_fixed, 0) / max(old.loss_share, 1e-12)

    def decided(costs: money.Costs) -> dict[str, tuple[float, float]]:
        bar = money.scarcity(money.review_gain(chance, total, costs), orders["days"], costs)
        chosen = np.where(listed, stays, money.decide(chance, total, costs, bar))
        cost = money.expected_loss(chance, total, costs)
        return {
            name: (float((chosen == place).sum()), round(float(cost[chosen == place].sum()), 2))
            for place, name in enumerate(money.DECISIONS)
        }

    first, second = decided(old), decided(new)
    rows = {name: {f: (first[name][i], second[name][i]) for i, f in enumerate(FIGURES)} for name in money.DECISIONS}
    return Compared(rows, (BAR, LISTED) if listed.any() else (BAR,))


CONSOLE = Console(
    probes={
        "risk_cost": (Estimate("What is decided of the open orders", _SELECTS, compare, FIGURES, same=("orders",)),)
    },
    later={
        "risk_cost": "The lane and the next night decide by it.",
        "risk_list": "The lane and the next night read the list before they ask the model.",
    },
)

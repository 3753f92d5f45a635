"""What ``order_soon`` needs, publishes and promises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ml.core.spec import Capability, Example, Gate, Published, PublishedColumn


@dataclass(frozen=True)
class Params:
    """Parameters of ``order_soon``."""

    horizon_days: int = 14
    """Soon: within so many days."""
    strength: float = 1.0
    """C of the logistic regression: the larger, the closer it follows what was seen."""


PARAMS = Params()
_HORIZON = timedelta(days=PARAMS.horizon_days)

ORDER_SOON = Published(
    "order_soon",
    "The chance of each customer who has ordered to order again soon.",
    ("customer_id",),
    (
        PublishedColumn("customer_id", "text", "The customer."),
        PublishedColumn("chance", "number", "Chance of an order within the next 14 days.", "0 to 1"),
        PublishedColumn("orders", "integer", "Orders so far."),
        PublishedColumn("days_since", "number", "Since the last order.", "days"),
        PublishedColumn("reason", "text", "What the chance comes from, in words."),
    ),
)

SPEC = Capability(
    name="order_soon",
    title="Order soon",
    question="Which customers will order within two weeks?",
    package="examples.capability",
    needs=("customer", "product", "order", "order_item"),
    wants=(),
    publishes=(ORDER_SOON,),
    params=PARAMS,
    gate=Gate(metric="skill", baseline="one chance for all", horizon=_HORIZON, min_units=30),
    train_schedule="0 4 * * 0",
    cutoffs=tuple(_HORIZON * number for number in (1, 2, 3)),
    examples=(
        Example(
            "Customers likely to order soon",
            "SELECT customer_id AS customer, round(chance::numeric, 2) AS chance, reason FROM ml.order_soon "
            "ORDER BY chance DESC, customer_id LIMIT 3",
        ),
    ),
    headlines={"customers likely to order soon": "SELECT count(*) FROM ml.order_soon WHERE chance >= 0.5"},
)

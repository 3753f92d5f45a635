"""What customer value needs, publishes and promises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ml.capabilities.customer.config import CONFIG
from ml.core.spec import Capability, Example, Gate, Published, PublishedColumn
from ml.learn.params import BoostingParams, NetworkParams


@dataclass(frozen=True)
class Params(NetworkParams, BoostingParams):
    """Parameters of customer value."""

    trees: int = 200
    leaves: int = 5
    learning_rate: float = 0.02
    column_share: float = 0.25
    min_leaf: int = 40
    strength: float = 0.05
    """C of the logistic regressions. Chosen, as the trees, on times before those of the bench."""
    epochs: int = 25
    patience: int = 3
    batch: int = 512
    hidden: tuple[int, ...] = (64, 32)
    """Sizes of the network's layers."""
    network_least: int = 8_000
    """Fewer rows to learn from: no network."""
    forest_trees: int = 80
    train_rows: int = 150_000
    """At most so many rows (a customer at a cutoff) are learned from, drawn by lot."""
    history_customers: int = 20_000
    """At most so many customers decide the parameters of the purchase model."""
    twins: int = 5
    """Most alike customers of each that are published."""
    twin_pool: int = 20_000
    """Among at most so many customers, drawn by lot."""


HORIZON = timedelta(days=90)
PARAMS = Params()

_MONEY = "shop currency"


def _interval(name: str, meaning: str, unit: str = "") -> tuple[PublishedColumn, ...]:
    return (
        PublishedColumn(name, "number", f"{meaning}, on average.", unit),
        PublishedColumn(
            f"{name}_low", "number", f"{meaning}: lower end of an interval that four of five fall into.", unit
        ),
        PublishedColumn(f"{name}_high", "number", f"{meaning}: upper end of it.", unit),
    )


CUSTOMER_VALUE = Published(
    "customer_value",
    "Every customer who has ordered: chance and money of what comes, segment and habits.",
    ("customer_id",),
    (
        PublishedColumn("customer_id", "text", "Who."),
        *(
            PublishedColumn(f"chance_{days}", "number", f"Chance of an order within {days} days.", "0 to 1")
            for days in (7, 28, 90)
        ),
        *_interval("orders_90", "Orders in 90 days"),
        *_interval("orders_365", "Orders in 365 days, as the purchase model carries the 90 days on"),
        *_interval("spend_90", "Money in 90 days, returns taken off", _MONEY),
        *_interval("spend_365", "Money in 365 days, as the purchase model carries the 90 days on", _MONEY),
        PublishedColumn("chance_left", "number", "Chance that no further order will ever come.", "0 to 1"),
        PublishedColumn(
            "days_to_next",
            "number",
            "Days until the next order is as likely as not; null: not within a year.",
            "days",
            nullable=True,
        ),
        PublishedColumn("segment", "text", "By the rules in ml_config.customer_segment_rule."),
        PublishedColumn("preferred", "text", "Up to three categories, by money.", nullable=True),
        PublishedColumn("price_level", "text", "low, middle or high: what is bought beside others of its category."),
        PublishedColumn("channel", "text", "Where they order most.", nullable=True),
        PublishedColumn("hour", "integer", "Hour at which they order most.", "UTC, 0 to 23", nullable=True),
        PublishedColumn("reason", "text", "What the 90 days' chance comes from, in words."),
    ),
    indexes=(("segment",), ("spend_90",), ("chance_28",)),
)

CUSTOMER_SEGMENT_CHANGE = Published(
    "customer_segment_change",
    "Customers who are in another segment than 30 days ago.",
    ("customer_id",),
    (
        PublishedColumn("customer_id", "text", "Who."),
        PublishedColumn("before", "text", "Segment 30 days ago; 'none': had not ordered yet."),
        PublishedColumn("after", "text", "Segment now."),
        PublishedColumn("spend_90", "number", "Money that is expected of them in 90 days.", _MONEY),
        PublishedColumn("reason", "text", "What changed, in words."),
    ),
    indexes=(("before", "after"),),
)

CUSTOMER_LIKE = Published(
    "customer_like",
    "For each customer those who buy most alike, for audiences that look like one that is known.",
    ("customer_id", "rank"),
    (
        PublishedColumn("customer_id", "text", "Who."),
        PublishedColumn("rank", "integer", "1: the most alike."),
        PublishedColumn("other_customer_id", "text", "Who is like them."),
        PublishedColumn(
            "likeness", "number", "1: the same in all that is compared; towards 0 the less they share.", "0 to 1"
        ),
        PublishedColumn("reason", "text", "What they share, in words."),
    ),
    indexes=(("other_customer_id",),),
    for_all=True,
)

SPEC = Capability(
    name="customer",
    title="Customer value",
    question="Who will buy, how much will they be worth, and who is leaving?",
    package="ml.capabilities.customer",
    needs=("customer", "product", "order", "order_item"),
    wants=("order_outcome", "event", "search", "ticket", "campaign", "coupon", "review", "customer_link"),
    publishes=(CUSTOMER_VALUE, CUSTOMER_SEGMENT_CHANGE, CUSTOMER_LIKE),
    params=PARAMS,
    gate=Gate(metric="skill", baseline="logistic regression on recency and frequency", horizon=HORIZON, min_units=100),
    train_schedule="0 4 * * 0",
    draws={"customer": ("customer_id",), "month_ago": ("customer_id",), "truth": ("customer_id",)},
    cutoffs=tuple(timedelta(days=days) for days in (90, 135, 180, 225, 270)),
    config=CONFIG,
    examples=(
        Example(
            "Good customers who are about to leave",
            'SELECT customer_id AS customer, segment, round(chance_90::numeric, 2) AS "chance in 90 days", '
            "round(spend_365::numeric) AS \"worth in a year\", reason FROM ml.customer_value WHERE segment = 'at risk' "
            "ORDER BY spend_365 DESC, customer_id LIMIT 3",
        ),
    ),
    headlines={
        "customers likely to order within 28 days": "SELECT count(*) FROM ml.customer_value WHERE chance_28 >= 0.5",
        "money expected in 90 days": "SELECT round(sum(spend_90)::numeric) FROM ml.customer_value",
        "customers who changed segment in a month": "SELECT count(*) FROM ml.customer_segment_change",
    },
)

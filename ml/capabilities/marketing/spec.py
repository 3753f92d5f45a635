"""What marketing needs, publishes and promises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ml.capabilities.marketing.config import CONFIG
from ml.core.spec import Capability, Example, Gate, Published, PublishedColumn
from ml.learn.params import BoostingParams


@dataclass(frozen=True)
class Params(BoostingParams):
    """Parameters of marketing."""

    trees: int = 60
    leaves: int = 6
    learning_rate: float = 0.05
    min_leaf: int = 100
    column_share: float = 0.6
    ridge: float = 20.0
    effect_days: int = 14
    """What happens within so many days after a message counts as after it."""
    fewest: int = 100
    """Customers in an arm, and in its control group, below which nothing is learned from a trial."""
    train_rows: int = 200_000
    """At most so many rows of an arm and its control are learned from, the youngest."""
    prior_orders: float = 3.0
    """A customer's value of an order is drawn to the shop's as if by so many orders."""


HORIZON = timedelta(days=190)
"""Two campaigns a year are usual: one lies in it."""

_MONEY = "shop currency"

_UPLIFT = (
    PublishedColumn(
        "uplift_visits", "number", "By how much it raises the chance of a visit; null: not known.", nullable=True
    ),
    PublishedColumn(
        "uplift_orders", "number", "By how much it raises the number of orders; null: not known.", nullable=True
    ),
    PublishedColumn("uplift_money", "number", "Money that it brings; null: not known.", _MONEY, nullable=True),
    PublishedColumn(
        "uplift_money_low", "number", "Lower end of an interval that four of five fall into.", _MONEY, nullable=True
    ),
    PublishedColumn("uplift_money_high", "number", "Upper end of it.", _MONEY, nullable=True),
)

CAMPAIGN_UPLIFT = Published(
    "campaign_uplift",
    "For each customer and each action that was tried with a control group: what it would change, and what it costs.",
    ("customer_id", "action"),
    (
        PublishedColumn("customer_id", "text", "Who."),
        PublishedColumn("action", "text", "What could be done, of ml_config.marketing_action."),
        *_UPLIFT,
        PublishedColumn("cost", "number", "Message, and coupon where it is used, on average.", _MONEY),
        PublishedColumn(
            "expected_profit", "number", "Money that it brings times the shop's share, less the cost.", _MONEY
        ),
        PublishedColumn("may", "boolean", "Consent and rest allow it."),
        PublishedColumn("reason", "text", "What it comes from, in words."),
    ),
)

CAMPAIGN_TARGET = Published(
    "campaign_target",
    "What to do for each customer, or nothing: one allocation under budget, limits, consent, rest and control share.",
    ("customer_id",),
    (
        PublishedColumn("customer_id", "text", "Who."),
        PublishedColumn("action", "text", "Of ml_config.marketing_action, or nothing."),
        PublishedColumn("planned", "text", "What the lot chose between: this action, or nothing as control."),
        PublishedColumn("coupon", "text", "Code of the coupon; null: none.", nullable=True),
        PublishedColumn("discount_share", "number", "What the coupon takes off.", "0 to 1"),
        *_UPLIFT,
        PublishedColumn("expected_profit", "number", "Of the action that is planned; 0 for nothing.", _MONEY),
        PublishedColumn("control", "boolean", "Kept without the planned action, by lot, to measure it."),
        PublishedColumn("propensity", "number", "Chance with which the lot gave this row its action.", "0 to 1"),
        PublishedColumn("reason", "text", "Why, in words."),
    ),
    indexes=(("action",), ("expected_profit",)),
    for_all=True,
)

AUDIENCE = Published(
    "audience",
    "Who is in each audience of ml_config.marketing_audience; ml.audience_export gives their hashed e-mails.",
    ("audience", "customer_id"),
    (
        PublishedColumn("audience", "text", "Its name."),
        PublishedColumn("customer_id", "text", "Who; accepts marketing."),
        PublishedColumn("rank", "integer", "1: fits best."),
        PublishedColumn("reason", "text", "Why, in words."),
    ),
    for_all=True,
)

CAMPAIGN_EFFECT = Published(
    "campaign_effect",
    "What each past campaign changed, by group of customers, beside its control group.",
    ("campaign_id", "arm", "segment"),
    (
        PublishedColumn("campaign_id", "text", "The campaign."),
        PublishedColumn("arm", "text", "What was sent."),
        PublishedColumn("segment", "text", "all; or recent, earlier, never: when they had ordered last."),
        PublishedColumn("sent_at", "timestamp", "When the first was sent; null: only planned.", "UTC", nullable=True),
        PublishedColumn("customers", "integer", "Who got it."),
        PublishedColumn("control", "integer", "Who was kept without, by lot."),
        *(
            PublishedColumn(f"{name}{end}", "number", f"{words}{more}; null: not known.", unit, nullable=True)
            for name, words, unit in (
                ("visits", "Visits that it brought", ""),
                ("orders", "Orders that it brought", ""),
                ("money", "Money that it brought", _MONEY),
            )
            for end, more in (("", ""), ("_low", ", lower end of the 95 % interval"), ("_high", ", upper end"))
        ),
        PublishedColumn("discount", "number", "What coupons took off in the orders after it.", _MONEY),
        PublishedColumn(
            "discount_anyway",
            "number",
            "Of which to people who would have ordered anyway; null: not known.",
            _MONEY,
            nullable=True,
        ),
        PublishedColumn("reason", "text", "How to read it, in words."),
    ),
    for_all=True,
)

SPEC = Capability(
    name="marketing",
    title="Marketing by what it moves",
    question="Whom does a message or coupon move, whom should we leave alone, and what did past campaigns bring?",
    package="ml.capabilities.marketing",
    needs=("customer", "product", "order", "order_item"),
    wants=("campaign", "coupon", "order_outcome", "event"),
    publishes=(CAMPAIGN_UPLIFT, CAMPAIGN_TARGET, AUDIENCE, CAMPAIGN_EFFECT),
    params=Params(),
    gate=Gate(metric="uplift_skill", baseline="the same uplift for all", horizon=HORIZON, min_units=200),
    train_schedule="0 4 * * 1",
    draws={"customer": ("customer_id",), "mail": ("customer_id",), "truth": ("customer_id",)},
    config=CONFIG,
    functions=("offer.sql",),
    examples=(
        Example(
            "What the last campaigns brought",
            'SELECT campaign_id AS campaign, customers, control, round(visits::numeric, 1) AS "visits brought", '
            "round(visits_low::numeric, 1) || ' to ' || round(visits_high::numeric, 1) AS \"95 %\", reason "
            "FROM ml.campaign_effect WHERE segment = 'all' ORDER BY sent_at DESC NULLS LAST, campaign_id LIMIT 3",
        ),
        Example(
            "Customers whom a message moves most",
            "SELECT customer_id AS customer, action, round(100 * uplift_visits::numeric, 1) || ' %' AS \"more visits\", "
            "round(expected_profit::numeric, 2) AS profit, reason FROM ml.campaign_target WHERE action <> 'nothing' "
            "ORDER BY expected_profit DESC, customer_id LIMIT 3",
        ),
    ),
    headlines={
        "customers to write to": "SELECT count(*) FROM ml.campaign_target WHERE action <> 'nothing'",
        "customers kept as control": "SELECT count(*) FROM ml.campaign_target WHERE control",
        "expected profit of tonight's targets": (
            "SELECT round(coalesce(sum(expected_profit), 0)::numeric) FROM ml.campaign_target WHERE action <> 'nothing'"
        ),
    },
)

"""What order risk needs, publishes and promises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ml.capabilities.risk.config import CONFIG, DEFAULTS
from ml.core.spec import Capability, Example, Gate, Live, Published, PublishedColumn
from ml.learn.params import BoostingParams


@dataclass(frozen=True)
class Params(BoostingParams):
    """Parameters of order risk. Costs are defaults for a shop that has not filled in its own (table ``risk_cost``)."""

    settle_days: int = 45
    """Outcomes of orders younger than this are not learnt from or tested on: of these, the bad ones are known first."""
    mature_days: int = 120
    """An order this old without any outcome counts as good: a card payment can be disputed for 120 days."""
    decide_minutes: int = 60
    """An order is decided about no sooner than so long after it was placed: a payment up to then belongs to it."""
    open_days: int = 30
    """An order older than this is not held any more, whatever its status says."""
    prior_orders: float = 20.0
    """Rates of customers and entities are drawn to the shop's as if by so many more orders."""
    train_orders: int = 1_000_000
    """At most so many labelled orders are learned from, the youngest; the rates of entities are of all."""
    rates: str = "chosen"
    """Rates of frauds of ids: ``late`` (a row of the training sees the labels known when it was placed), ``early`` (also those of
    the ``settle_days`` before it, but for ``early_days``), ``none``, or what :mod:`variants` finds best."""
    early_days: int = 5
    recent_frauds: str = "chosen"
    """Counts and shares of the frauds that became known in the last 7 and 30 days: ``yes``, ``no``, or what is best."""
    trials: int = 0
    """Proposals that :mod:`ml.learn.boosters_tuning` tries at each training of a shop with enough frauds; 0: the parameters as they are."""
    fraud_weight: float = 1.0
    """How many good orders a fraud weighs while learning. The calibration takes it out of the probabilities again."""
    loss_share: float = DEFAULTS["loss_share"]
    """Share of the order value that a fraud costs."""
    loss_fixed: float = DEFAULTS["loss_fixed"]
    """What a fraud costs beside it: fees, work."""
    review_cost: float = DEFAULTS["review_cost"]
    margin_share: float = DEFAULTS["margin_share"]
    """Share of the order value that blocking a good order costs."""
    reviews_per_day: int = int(DEFAULTS["reviews_per_day"])
    review_share: float = DEFAULTS["review_share"]
    """At most this share of the orders is sent to review, however many the staff could look at."""
    least_chance: float = DEFAULTS["least_chance"]
    """An order less likely a fraud than this is not sent to review, whatever it is worth."""


ORDER_RISK = Published(
    "order_risk",
    "Open orders: which to hold before they ship, and why.",
    ("order_id",),
    (
        PublishedColumn("order_id", "text", "The order."),
        PublishedColumn("customer_id", "text", "Who placed it; null for a guest.", nullable=True),
        PublishedColumn("ordered_at", "timestamp", "When it was placed.", "UTC"),
        PublishedColumn(
            "probability",
            "number",
            "That it turns out a fraud or chargeback; null while the shop has no known frauds to learn from.",
            "0 to 1",
            nullable=True,
        ),
        PublishedColumn("decision", "text", "allow, review or block."),
        PublishedColumn(
            "expected_loss",
            "number",
            "What allowing it costs on average; null where probability is.",
            "shop currency",
            nullable=True,
        ),
        PublishedColumn("anomaly_score", "number", "How unusual it is among the shop's orders.", "0 to 1"),
        PublishedColumn("reason", "text", "Why, in words: what moved the probability (or the anomaly score) most."),
        PublishedColumn("rule", "text", "The entry of the allow or deny list that decided; null: none.", nullable=True),
    ),
    indexes=(("customer_id",), ("decision", "expected_loss")),
)

CUSTOMER_RISK = Published(
    "customer_risk",
    "What is known of each customer's orders.",
    ("customer_id",),
    (
        PublishedColumn("customer_id", "text", "Who."),
        PublishedColumn("orders", "integer", "Orders so far."),
        PublishedColumn("frauds", "integer", "Of which known frauds and chargebacks."),
        PublishedColumn("rate", "number", "Share of frauds, drawn to the shop's where orders are few.", "0 to 1"),
        PublishedColumn("last_order_at", "timestamp", "The latest order.", "UTC"),
        PublishedColumn(
            "score", "number", "Highest probability among the open orders; null: none.", "0 to 1", nullable=True
        ),
    ),
    for_all=True,
)

ENTITY_RISK = Published(
    "entity_risk",
    "Devices, cards and addresses that several customers share or that a known fraud used.",
    ("entity", "kind"),
    (
        PublishedColumn("entity", "text", "The device, card or address, as a keyed hash."),
        PublishedColumn("kind", "text", "device, card or address."),
        PublishedColumn("orders", "integer", "Orders with it so far."),
        PublishedColumn("customers", "integer", "Different customers among them."),
        PublishedColumn("frauds", "integer", "Known frauds and chargebacks among them."),
        PublishedColumn("rate", "number", "Share of frauds, drawn to the shop's where orders are few.", "0 to 1"),
        PublishedColumn("last_order_at", "timestamp", "The latest order with it.", "UTC"),
    ),
    for_all=True,
)

ORDER_LINK = Published(
    "order_link",
    "Which open orders hang together: by a device, card or address that both have.",
    ("order_id", "rank"),
    (
        PublishedColumn("order_id", "text", "The order."),
        PublishedColumn("rank", "integer", "Its links, the nearest in time of a kind first, at most 8."),
        PublishedColumn("other_order_id", "text", "The order that hangs together with it."),
        PublishedColumn("kind", "text", "What both have: device, card or address."),
    ),
    for_all=True,
)

SPEC = Capability(
    name="risk",
    title="Order risk",
    question="Which orders should we hold before they ship, and why?",
    package="ml.capabilities.risk",
    needs=("customer", "product", "order", "order_item"),
    wants=("order_outcome", "payment"),
    publishes=(ORDER_RISK, CUSTOMER_RISK, ENTITY_RISK, ORDER_LINK),
    params=Params(),
    gate=Gate(metric="log_loss_skill", baseline="logistic regression", horizon=timedelta(days=135), min_units=200),
    train_schedule="0 3 * * *",
    draws={"order": ("customer_id", "order_id"), "truth": ("customer_id", "order_id")},
    examples=(
        Example(
            "Orders to look at before they ship",
            """
            SELECT r.order_id AS "order", r.decision, round(100 * r.probability::numeric, 1) || ' %' AS "chance of fraud",
                   concat_ws(' ', round(o.total::numeric, 2), to_jsonb(o) ->> 'currency') AS "order value",
                   concat_ws(' ', round(r.expected_loss::numeric, 2), to_jsonb(o) ->> 'currency') AS "expected loss", r.reason
            FROM ml.order_risk r LEFT JOIN shop."order" o ON o.order_id::text = r.order_id WHERE r.decision <> 'allow'
            ORDER BY r.expected_loss DESC NULLS LAST, r.anomaly_score DESC, r.order_id LIMIT 3
            """,
        ),
    ),
    headlines={
        "open orders": "SELECT count(*) FROM ml.order_risk",
        "orders to review": "SELECT count(*) FROM ml.order_risk WHERE decision = 'review'",
        "orders to block": "SELECT count(*) FROM ml.order_risk WHERE decision = 'block'",
        "expected loss, had these been let through": (
            "SELECT CASE WHEN count(*) = count(expected_loss) THEN coalesce(sum(expected_loss), 0) END "
            "FROM ml.order_risk WHERE decision <> 'allow'"
        ),
    },
    config=CONFIG,
    live=Live(
        {"order": ("order_id",)}, ("customer", "product", "order_item", "order_outcome", "payment"), "order_risk"
    ),
)

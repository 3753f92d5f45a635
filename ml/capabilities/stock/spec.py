"""What the stock plan needs, publishes and promises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ml.core.spec import Capability, ConfigColumn, ConfigTable, Example, Gate, Published, PublishedColumn

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98)
WIDTHS = (1, 3, 7, 14, 21, 28, 42, 63, 91)
"""Days ahead whose demand is learned; what lies between two is read off a straight line."""


@dataclass(frozen=True)
class Params:
    """Parameters of the stock plan. Costs are those of a shop that has not filled in its own (table ``stock_cost``)."""

    history_days: int = 420
    most_series: int = 10_000
    rows: int = 30_000
    trees: int = 60
    replayed_series: int = 3_000
    """At most so many products are replayed for a policy to be chosen, drawn by lot."""
    network_seconds: float = 40.0
    """A learned policy is trained for so long at most; 0: none is."""
    network_products: int = 1_000
    """A shop with fewer products trains none."""
    lead_days: float = 7.0
    """From order to arrival where neither the shop nor what came says more."""
    longest_lead_days: float = 60.0
    """A lead time beyond this is taken for this, and said."""
    review_days: float = 7.0
    margin_share: float = 0.35
    """What a lost sale costs, as a share of the price."""
    holding_share: float = 0.25
    """What a piece in stock costs in a year, as a share of its cost."""
    placing_cost: float = 0.0
    """What an order of one product costs, whatever its size; above 0 an (s, S) policy is tried."""
    cost_share: float = 0.6
    """Cost of a piece, as a share of its price, where the shop does not say."""
    elasticity: float = 2.0
    """A price lower by 1 % sells so many per cent more: assumed for mark-downs."""
    most_markdown: float = 0.5


STOCK_PLAN = Published(
    "stock_plan",
    "What to order of each product today, and when it would be sold out.",
    ("product_id",),
    (
        PublishedColumn("product_id", "text", "The product."),
        PublishedColumn(
            "on_hand", "number", "At the last count, less what was sold since; 0 where it would be below.", "pieces"
        ),
        PublishedColumn("on_order", "number", "Ordered from suppliers and expected to come.", "pieces"),
        PublishedColumn("supplier", "text", "Who would deliver; null: not known.", nullable=True),
        PublishedColumn(
            "lead_days", "number", "From order to arrival, by the supplier and by what came of late.", "days"
        ),
        PublishedColumn("order_now", "boolean", "Whether to order today."),
        PublishedColumn("order_pieces", "number", "How many to order; 0: none.", "pieces"),
        PublishedColumn("target", "number", "Stock and orders together should be as many.", "pieces"),
        PublishedColumn(
            "order_at", "number", "At so many in stock and on order together, or fewer, it is ordered.", "pieces"
        ),
        PublishedColumn(
            "sold_out_at",
            "timestamp",
            "When it is sold out without an order; null: not within 91 days.",
            "UTC",
            nullable=True,
        ),
        PublishedColumn("sold_out_chance", "number", "That it is sold out before an order of today arrives.", "0 to 1"),
        PublishedColumn("expected_lost", "number", "Sales that are lost by then, on average.", "pieces"),
        PublishedColumn("lost_money", "number", "Their margin.", "shop currency"),
        PublishedColumn(
            "holding_money", "number", "What the order costs in stock until it is sold, on average.", "shop currency"
        ),
        PublishedColumn("overstock", "number", "More than is sold within 91 days, in 19 of 20 cases.", "pieces"),
        PublishedColumn(
            "markdown", "number", "Suggested, to sell the overstock within 91 days; 0: none.", "share of the price"
        ),
        PublishedColumn("order_cost", "number", "What the order costs, with placing it.", "shop currency"),
        PublishedColumn("reason", "text", "Why, in words."),
    ),
    indexes=(("order_now", "lost_money"),),
)

STOCK_ORDER = Published(
    "stock_order",
    "What to order today under the budget and the room that there are: the most margin saved for the money first.",
    ("product_id",),
    (
        PublishedColumn("product_id", "text", "The product."),
        PublishedColumn("rank", "integer", "1: the most margin saved for its money."),
        PublishedColumn("pieces", "number", "To order.", "pieces"),
        PublishedColumn("cost", "number", "What they cost.", "shop currency"),
        PublishedColumn("ordered", "boolean", "Within the budget; false: it has to wait."),
        PublishedColumn("reason", "text", "Why, in words."),
    ),
    for_all=True,
)

COST = ConfigTable(
    "stock_cost",
    "What stock costs, and what may be ordered in a night; one row.",
    ("one",),
    (
        ConfigColumn("one", "boolean", "Always true: there is one row.", default="true"),
        ConfigColumn("margin_share", "number", "What a lost sale costs, as a share of the price; null: the default."),
        ConfigColumn(
            "holding_share",
            "number",
            "What a piece in stock costs in a year, as a share of its cost; null: the default.",
        ),
        ConfigColumn("review_days", "number", "Days between two looks at what to order; null: the default.", "days"),
        ConfigColumn(
            "placing_cost",
            "number",
            "What placing an order of one product costs, whatever its size: above 0 it may wait and be larger; null: nothing.",
            "shop currency",
        ),
        ConfigColumn("budget", "number", "Most money for orders of a night; null: no limit.", "shop currency"),
        ConfigColumn(
            "most_pieces", "number", "Most pieces that a night may order, as a truck holds; null: no limit.", "pieces"
        ),
    ),
    checks={
        "there is one row": "one",
        "margin_share is between 0 and 1": "margin_share BETWEEN 0 AND 1",
        "holding_share is between 0 and 10": "holding_share BETWEEN 0 AND 10",
        "review_days is between 1 and 60": "review_days BETWEEN 1 AND 60",
        "placing_cost is 0 or more": "placing_cost >= 0",
        "budget is 0 or more": "budget >= 0",
        "most_pieces is 0 or more": "most_pieces >= 0",
    },
    rows=({"one": True, "margin_share": 0.35, "holding_share": 0.25, "review_days": 7.0},),
    examples={
        "An order of a product costs 4.50 to place: order less often, and more.": "UPDATE ml_config.stock_cost SET placing_cost = 4.5",
        "No more than 5,000 for orders in a night.": "UPDATE ml_config.stock_cost SET budget = 5000",
    },
)

SPEC = Capability(
    name="stock",
    title="Stock",
    question="What should be ordered today, how much, and what will be sold out?",
    package="ml.capabilities.stock",
    needs=("product", "order", "order_item", "stock"),
    wants=("supply", "purchase_order"),
    publishes=(STOCK_PLAN, STOCK_ORDER),
    params=Params(),
    gate=Gate(metric="saving", baseline="base stock by mean and spread", horizon=timedelta(days=28), min_units=20),
    train_schedule="45 3 * * 0",
    config=(COST,),
    examples=(
        Example(
            "What to order today",
            'SELECT s.product_id AS product, s.on_hand AS "in stock", s.order_pieces AS order, '
            "round(100 * s.sold_out_chance::numeric) || ' %' AS \"sold out before\", s.reason FROM ml.stock_plan s "
            "WHERE s.order_now ORDER BY s.lost_money DESC, s.product_id LIMIT 3",
        ),
    ),
    headlines={
        "products to order today": "SELECT count(*) FROM ml.stock_order WHERE ordered",
        "margin at risk before an order arrives": "SELECT round(sum(lost_money)) FROM ml.stock_plan",
    },
)

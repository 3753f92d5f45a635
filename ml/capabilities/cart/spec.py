"""What carts need, publish and promise."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ml.capabilities.cart.config import CONFIG
from ml.core.spec import Capability, Example, Gate, Live, Published, PublishedColumn


@dataclass(frozen=True)
class Params:
    """Parameters of carts."""

    half_life_days: float = 120.0
    """A basket this old counts half."""
    again_half_life_days: float = 180.0
    """A customer's own purchase this old counts half."""
    history_days: int = 730
    """Baskets younger than this are learned from."""
    products: int = 12_000
    """So many products, those most bought, speak for others; the inverse behind it is dense."""
    neighbours: int = 60
    """Add-ons kept of each product."""
    again: int = 40
    """Own products kept of each customer."""
    open_days: int = 30
    """A cart line older than this is forgotten."""
    horizon_days: int = 7
    """Bought: within so many days."""
    observed_hours: tuple[float, ...] = (0.0, 1.0, 6.0, 24.0, 72.0)
    """Ages at which the cart lines of the past are looked at."""
    abandoned_hours: float = 1.0
    """A cart in which nothing happened for so long may be reminded of."""
    visit_days: int = 120
    """Visits younger than this are learned from."""
    visit_minutes: int = 60
    """A visit ends in an order: its customer orders within so many minutes."""
    visit_events: tuple[int, ...] = (1, 2, 3, 5, 8, 13, 21, 34)
    """Visits of the past are looked at right after these events."""


PARAMS = Params()
VISIT_COLUMNS = ("views", "carts", "wishes", "searches", "products", "minutes")
"""What is known of a visit so far: its events by kind, different products, minutes since the first."""

ADDON = Published(
    "cart_addon",
    "What belongs into a basket that holds a product.",
    ("product_id", "addon_id"),
    (
        PublishedColumn("product_id", "text", "The product in the basket."),
        PublishedColumn("addon_id", "text", "What goes with it."),
        PublishedColumn("rank", "integer", "1 is the best."),
        PublishedColumn(
            "score", "number", "What it adds to the add-on's score; the scores of a basket's products add up."
        ),
        PublishedColumn("reason", "text", "Why, in words."),
    ),
    for_all=True,
)
AGAIN = Published(
    "cart_again",
    "What a customer bought before, as far as it speaks for buying it with the next basket.",
    ("customer_id", "product_id"),
    (
        PublishedColumn("customer_id", "text", "Who."),
        PublishedColumn("product_id", "text", "What was bought before."),
        PublishedColumn("score", "number", "What it adds to the add-on's score of ml.cart."),
    ),
)
PRODUCT = Published(
    "cart_product",
    "What ml.cart says of a product in a cart: its stock and prices.",
    ("product_id",),
    (
        PublishedColumn("product_id", "text", "The product."),
        PublishedColumn("title", "text", "Its title.", nullable=True),
        PublishedColumn("category", "text", "Its category.", nullable=True),
        PublishedColumn("price", "number", "List price.", "shop currency", nullable=True),
        PublishedColumn(
            "usual_price",
            "number",
            "Median of what was paid for it in the last 90 days; null: nothing sold.",
            "shop currency",
            nullable=True,
        ),
        PublishedColumn("stock", "number", "Pieces at the last count; null: not counted.", "pieces", nullable=True),
        PublishedColumn("available", "boolean", "On sale and not sold out."),
    ),
    for_all=True,
)
LINE = Published(
    "cart_line",
    "Lines of open carts and the chance that each is bought.",
    ("cart_id", "product_id"),
    (
        PublishedColumn("cart_id", "text", "The cart."),
        PublishedColumn("product_id", "text", "What is in it."),
        PublishedColumn("customer_id", "text", "Whose; null: a guest.", nullable=True),
        PublishedColumn("quantity", "number", "How many.", "pieces"),
        PublishedColumn("added_at", "timestamp", "When it was put in.", "UTC"),
        PublishedColumn("chance", "number", "Chance that it is bought within 7 days.", "0 to 1"),
        PublishedColumn("reason", "text", "What the chance comes from, in words."),
    ),
    indexes=(("customer_id",),),
)
REMINDER = Published(
    "cart_reminder",
    "Abandoned carts, by what a reminder is about: when to send it, with which product, and what to expect.",
    ("cart_id",),
    (
        PublishedColumn("cart_id", "text", "The cart."),
        PublishedColumn("customer_id", "text", "Whose."),
        PublishedColumn(
            "remind_at", "timestamp", "When: not sooner than the shop's pause after the last change.", "UTC"
        ),
        PublishedColumn("product_id", "text", "The product to lead with: the most expected money."),
        PublishedColumn(
            "value", "number", "What the cart's lines cost; lines without a price are left out.", "shop currency"
        ),
        PublishedColumn(
            "chance_without", "number", "Chance that something of it is bought within 7 days anyway.", "0 to 1"
        ),
        PublishedColumn(
            "chance_with",
            "number",
            "The same with a reminder; null: not known, no reminders by lot tell it yet.",
            "0 to 1",
            nullable=True,
        ),
        PublishedColumn("reason", "text", "Why, in words."),
    ),
    indexes=(("customer_id",),),
    for_all=True,
)
VISIT = Published(
    "cart_visit_box",
    "What ml.visit adds up: the points of the boxes that a visit lies in are the log-odds that it ends in an order.",
    ("box",),
    (
        PublishedColumn("box", "integer", "Number of the box."),
        *(
            PublishedColumn(f"{name}_{side}", "number", words, unit)
            for name, unit in zip(
                VISIT_COLUMNS, ("events", "events", "events", "events", "products", "minutes"), strict=True
            )
            for side, words in (("above", "More than this."), ("to", "At most this."))
        ),
        PublishedColumn("points", "number", "What it adds to the log-odds."),
    ),
    for_all=True,
)

SPEC = Capability(
    name="cart",
    title="Cart",
    question="What of a cart will be bought, what belongs with it, and which carts are worth a reminder?",
    package="ml.capabilities.cart",
    needs=("customer", "product", "order", "order_item", "cart"),
    wants=("stock", "campaign", "event"),
    publishes=(ADDON, AGAIN, PRODUCT, LINE, REMINDER, VISIT),
    params=PARAMS,
    gate=Gate(metric="addon_ndcg", baseline="cosine of products in baskets", horizon=timedelta(days=28), min_units=50),
    train_schedule="30 3 * * 0",
    draws={
        "basket": ("customer_id", "order_id"),
        "again": ("customer_id",),
        "seen": ("customer_id", "cart_id"),
        "visit": ("session_id",),
        "truth": ("customer_id", "order_id"),
    },
    config=CONFIG,
    functions=("live.sql",),
    live=Live({"cart": ("cart_id", "product_id")}, ("customer", "product", "order", "order_item"), "cart_line"),
    headlines={
        "carts worth a reminder": "SELECT count(*) FROM ml.cart_reminder",
        "what lies in them": "SELECT coalesce(sum(value), 0) FROM ml.cart_reminder",
    },
    examples=(
        Example(
            "Carts to remind of",
            "SELECT customer_id AS customer, round(value::numeric, 2) AS value, "
            "round(100 * chance_without::numeric, 1) || ' %' AS \"chance without\", reason "
            "FROM ml.cart_reminder ORDER BY value * (1 - chance_without) DESC, cart_id LIMIT 3",
        ),
    ),
)

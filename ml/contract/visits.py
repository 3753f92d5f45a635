"""What visitors did, searched and put into carts, and what they were sent and given."""

from __future__ import annotations

from ml.contract.columns import KNOWN_AT, WHO, required
from ml.contract.table import ORDER_MONEY, Column, Table

EVENT = Table(
    "event",
    "Something a visitor did with a product.",
    ("event_id",),
    (
        required("event_id", "text", "Unique id."),
        WHO,
        Column("session_id", "text", "Visit that it belongs to."),
        Column(
            "product_id",
            "text",
            "The product; null where there is none.",
            references="product.product_id",
            gone="left out",
        ),
        required("kind", "text", "view, cart, wish or search.", words="event.kind"),
        required("occurred_at", "timestamp", "When.", "UTC"),
        KNOWN_AT,
    ),
    event_time="occurred_at",
    known_time="known_at",
)

REVIEW = Table(
    "review",
    "A customer's opinion of a product.",
    ("review_id",),
    (
        required("review_id", "text", "Unique id."),
        Column(
            "product_id",
            "text",
            "The product; null: about the order as a whole.",
            references="product.product_id",
            gone="left out",
        ),
        WHO,
        Column("order_id", "text", "The order, where known.", references="order.order_id"),
        Column("stars", "integer", "1 (worst) to 5 (best).", "stars"),
        Column("title", "text", "Headline."),
        Column("text", "text", "What was written, in any language."),
        required("written_at", "timestamp", "When.", "UTC"),
        KNOWN_AT,
    ),
    event_time="written_at",
    known_time="known_at",
)

CART = Table(
    "cart",
    "A line in a customer's cart.",
    ("cart_id", "product_id"),
    (
        required("cart_id", "text", "The cart."),
        required("product_id", "text", "The product.", references="product.product_id"),
        WHO,
        required("quantity", "number", "How many.", "pieces"),
        required("added_at", "timestamp", "When it was put in.", "UTC"),
        Column("order_id", "text", "The order it became; null: not bought (yet).", references="order.order_id"),
    ),
    event_time="added_at",
)

SEARCH = Table(
    "search",
    "A query in the shop's search box.",
    ("search_id",),
    (
        required("search_id", "text", "Unique id."),
        WHO,
        Column("session_id", "text", "Visit that it belongs to."),
        required("query", "text", "What was typed."),
        Column("results", "integer", "How many products were found."),
        Column(
            "clicked_product_id",
            "text",
            "What was clicked; null: nothing.",
            references="product.product_id",
            gone="left out",
        ),
        Column("clicked_position", "integer", "Place of what was clicked in the list, from 1; null: not known."),
        required("searched_at", "timestamp", "When.", "UTC"),
    ),
    event_time="searched_at",
)

CAMPAIGN = Table(
    "campaign",
    "One customer in one campaign.",
    ("campaign_id", "customer_id"),
    (
        required("campaign_id", "text", "The campaign."),
        required("customer_id", "text", "Who.", references="customer.customer_id"),
        required("arm", "text", "What was sent; 'control': nothing, by lot.", words="campaign.arm"),
        required("sent_at", "timestamp", "When (for the control: when it would have been).", "UTC"),
        Column("visited_at", "timestamp", "First visit after it.", "UTC", later=True),
    ),
    event_time="sent_at",
)

COUPON = Table(
    "coupon",
    "A coupon that a customer used.",
    ("coupon_id",),
    (
        required("coupon_id", "text", "Unique id."),
        required("order_id", "text", "The order.", references="order.order_id"),
        required("code", "text", "Code that was typed."),
        required("discount", "number", "Amount taken off.", ORDER_MONEY),
    ),
    known_with="order_id",
)

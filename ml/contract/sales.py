"""Who buys, what is sold, and what was ordered."""

from __future__ import annotations

from ml.contract.columns import KNOWN_AT, MONEY, WHO, required
from ml.contract.table import ORDER_MONEY, Column, Table

CUSTOMER = Table(
    "customer",
    "A person or company that can buy.",
    ("customer_id",),
    (
        required("customer_id", "text", "The shop's own id; returned as it is in every table of ours."),
        Column(
            "registered_at",
            "timestamp",
            "When the account was opened, or the first order if that is earlier; null: always known.",
            "UTC",
        ),
        Column("country", "text", "Country of residence, as the shop writes it."),
        Column("segment", "text", "The shop's own grouping (retail, wholesale, …); popularity is counted per segment."),
        Column("email", "text", "E-mail address.", personal=True),
        Column("birth_date", "text", "Date of birth, ISO 8601.", personal=True),
        Column("accepts_marketing", "boolean", "Agreed to be written to."),
    ),
    required=True,
    event_time="registered_at",
)

CUSTOMER_LINK = Table(
    "customer_link",
    "Two customers who belong together; of two who live together or are friends one row is enough.",
    ("customer_id", "other_customer_id", "kind"),
    (
        required("customer_id", "text", "Who.", references="customer.customer_id"),
        required("other_customer_id", "text", "To whom they belong.", references="customer.customer_id"),
        required(
            "kind",
            "text",
            "household, friend, or referred_by (the other one brought this one).",
            words="customer_link.kind",
        ),
    ),
)

ERASURE = Table(
    "erasure",
    "A customer's request to be forgotten.",
    ("customer_id",),
    (
        required("customer_id", "text", "Who; may be gone from shop.customer already."),
        required("requested_at", "timestamp", "When.", "UTC"),
    ),
    event_time="requested_at",
)

PRODUCT = Table(
    "product",
    "Something that can be bought.",
    ("product_id",),
    (
        required("product_id", "text", "The shop's own id."),
        Column("title", "text", "Name as customers see it; used in reasons."),
        Column("description", "text", "Longer text."),
        Column("category", "text", "Category, the most specific level."),
        Column("brand", "text", "Brand or maker."),
        Column("price", "number", "Current price, tax included.", MONEY),
        Column("active", "boolean", "False: not for sale now, never recommended. Null counts as true."),
        Column(
            "listed_at",
            "timestamp",
            "When it was first offered, or its first sale if that is earlier; null: always known.",
            "UTC",
        ),
    ),
    required=True,
    event_time="listed_at",
)

ORDER = Table(
    "order",
    "An order that a customer placed.",
    ("order_id",),
    (
        required("order_id", "text", "The shop's own id."),
        WHO,
        required("ordered_at", "timestamp", "When it was placed.", "UTC"),
        Column(
            "status",
            "text",
            "placed, paid, shipped, delivered, cancelled, returned …: one of the words below. Draft, pending, cancelled and "
            "refunded orders are no purchases, nor are those of a word that is not known.",
            words="order.status",
        ),
        Column("total", "number", "What the customer pays, shipping included.", ORDER_MONEY),
        Column("shipping", "number", "Of which shipping.", ORDER_MONEY),
        Column(
            "currency",
            "text",
            "Of this order and of its lines, payments and coupons; null: the shop's.",
            "ISO 4217",
            words="currency",
        ),
        Column(
            "exchange_rate",
            "number",
            "What one unit of the order's currency was worth in the shop's; null: it is the shop's.",
            MONEY,
        ),
        Column("channel", "text", "web, app, store, phone …", words="order.channel"),
        Column("shipping_country", "text", "Country that it is sent to."),
        Column("billing_country", "text", "Country of the invoice."),
        Column("shipping_address", "text", "Address that it is sent to.", personal=True),
        Column("email", "text", "E-mail given with the order.", personal=True),
        Column("ip", "text", "IP address of the buyer.", personal=True),
        Column("device_id", "text", "Device fingerprint or cookie.", personal=True),
        KNOWN_AT,
    ),
    required=True,
    event_time="ordered_at",
    known_time="known_at",
)

ORDER_ITEM = Table(
    "order_item",
    "One line of an order.",
    ("order_id", "line_no"),
    (
        required("order_id", "text", "The order.", references="order.order_id"),
        required("line_no", "integer", "Number of the line in its order, from 1."),
        required("product_id", "text", "What was bought.", references="product.product_id"),
        required("quantity", "number", "How many; more than 0.", "pieces"),
        required("unit_price", "number", "Price of one piece, tax included.", ORDER_MONEY),
    ),
    required=True,
    known_with="order_id",
)

ORDER_OUTCOME = Table(
    "order_outcome",
    "How an order turned out: a label, and when it became known. An ok known after a chargeback or fraud (a dispute that "
    "was won) takes that back from then on.",
    ("order_id", "kind"),
    (
        required("order_id", "text", "The order.", references="order.order_id"),
        required("kind", "text", "ok, returned, cancelled, chargeback or fraud.", words="order_outcome.kind"),
        required("known_at", "timestamp", "When the shop learned it; training sees it only from then on.", "UTC"),
    ),
    event_time="known_at",
)

PAYMENT = Table(
    "payment",
    "A payment of an order.",
    ("payment_id",),
    (
        required("payment_id", "text", "Unique id."),
        required("order_id", "text", "The order.", references="order.order_id"),
        required("method", "text", "card, transfer, voucher, boleto …", words="payment.method"),
        required("amount", "number", "Amount.", ORDER_MONEY),
        Column("instalments", "integer", "Number of instalments."),
        Column("card", "text", "Card fingerprint, never the number.", personal=True),
        Column(
            "paid_at",
            "timestamp",
            "When; null: with the order. Up to an hour after its order it belongs to it in risk's features.",
            "UTC",
        ),
    ),
    event_time="paid_at",
    known_with="order_id",
)

"""The contract with the shop: each table of schema ``shop``, its columns, types, units and meaning.

The shop offers these as tables or, better, as views over its own. Everything that Nightshift knows about the shop's
data is here: DDL, extract, checks and the README's tables are made from it.
"""

from __future__ import annotations

from ml.contract.table import ORDER_MONEY, Column, Gone, Table
from ml.core.spec import Kind

MONEY = "shop currency"

_DELETED = ("customer.customer_id", "product.product_id")
"""What shops delete while its history stays."""

_CUSTOMER = Column("customer_id", "text", "Who; null for a guest.", references="customer.customer_id", gone="null")
_KNOWN = Column(
    "known_at", "timestamp", "When the row was written, if later than the event; null: at the event.", "UTC"
)


def _req(
    name: str, kind: Kind, meaning: str, unit: str = "", references: str = "", words: str = "", *, masked: bool = False
) -> Column:
    gone: Gone = "left out" if references in _DELETED else "fault"
    return Column(name, kind, meaning, unit, True, references=references, gone=gone, words=words, masked=masked)


CUSTOMER = Table(
    "customer",
    "A person or company that can buy.",
    ("customer_id",),
    (
        _req("customer_id", "text", "The shop's own id; returned as it is in every table of ours."),
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

PRODUCT = Table(
    "product",
    "Something that can be bought.",
    ("product_id",),
    (
        _req("product_id", "text", "The shop's own id."),
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
        _req("order_id", "text", "The shop's own id."),
        _CUSTOMER,
        _req("ordered_at", "timestamp", "When it was placed.", "UTC"),
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
        _KNOWN,
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
        _req("order_id", "text", "The order.", references="order.order_id"),
        _req("line_no", "integer", "Number of the line in its order, from 1."),
        _req("product_id", "text", "What was bought.", references="product.product_id"),
        _req("quantity", "number", "How many; more than 0.", "pieces"),
        _req("unit_price", "number", "Price of one piece, tax included.", ORDER_MONEY),
    ),
    required=True,
    known_with="order_id",
)

EVENT = Table(
    "event",
    "Something a visitor did with a product.",
    ("event_id",),
    (
        _req("event_id", "text", "Unique id."),
        _CUSTOMER,
        Column("session_id", "text", "Visit that it belongs to."),
        Column(
            "product_id",
            "text",
            "The product; null where there is none.",
            references="product.product_id",
            gone="left out",
        ),
        _req("kind", "text", "view, cart, wish or search.", words="event.kind"),
        _req("occurred_at", "timestamp", "When.", "UTC"),
        _KNOWN,
    ),
    event_time="occurred_at",
    known_time="known_at",
)

REVIEW = Table(
    "review",
    "A customer's opinion of a product.",
    ("review_id",),
    (
        _req("review_id", "text", "Unique id."),
        Column(
            "product_id",
            "text",
            "The product; null: about the order as a whole.",
            references="product.product_id",
            gone="left out",
        ),
        _CUSTOMER,
        Column("order_id", "text", "The order, where known.", references="order.order_id"),
        Column("stars", "integer", "1 (worst) to 5 (best).", "stars"),
        Column("title", "text", "Headline."),
        Column("text", "text", "What was written, in any language."),
        _req("written_at", "timestamp", "When.", "UTC"),
        _KNOWN,
    ),
    event_time="written_at",
    known_time="known_at",
)

ORDER_OUTCOME = Table(
    "order_outcome",
    "How an order turned out: a label, and when it became known. An ok known after a chargeback or fraud (a dispute that "
    "was won) takes that back from then on.",
    ("order_id", "kind"),
    (
        _req("order_id", "text", "The order.", references="order.order_id"),
        _req("kind", "text", "ok, returned, cancelled, chargeback or fraud.", words="order_outcome.kind"),
        _req("known_at", "timestamp", "When the shop learned it; training sees it only from then on.", "UTC"),
    ),
    event_time="known_at",
)

PAYMENT = Table(
    "payment",
    "A payment of an order.",
    ("payment_id",),
    (
        _req("payment_id", "text", "Unique id."),
        _req("order_id", "text", "The order.", references="order.order_id"),
        _req("method", "text", "card, transfer, voucher, boleto …", words="payment.method"),
        _req("amount", "number", "Amount.", ORDER_MONEY),
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

STOCK = Table(
    "stock",
    "How many pieces there were at a count; the latest count before the night holds.",
    ("product_id", "counted_at"),
    (
        _req("product_id", "text", "The product.", references="product.product_id"),
        _req("counted_at", "timestamp", "When it was counted.", "UTC"),
        _req("quantity", "number", "Pieces in stock; 0 or less: out of stock.", "pieces"),
        _KNOWN,
    ),
    event_time="counted_at",
    known_time="known_at",
)

CART = Table(
    "cart",
    "A line in a customer's cart.",
    ("cart_id", "product_id"),
    (
        _req("cart_id", "text", "The cart."),
        _req("product_id", "text", "The product.", references="product.product_id"),
        _CUSTOMER,
        _req("quantity", "number", "How many.", "pieces"),
        _req("added_at", "timestamp", "When it was put in.", "UTC"),
        Column("order_id", "text", "The order it became; null: not bought (yet).", references="order.order_id"),
    ),
    event_time="added_at",
)

SEARCH = Table(
    "search",
    "A query in the shop's search box.",
    ("search_id",),
    (
        _req("search_id", "text", "Unique id."),
        _CUSTOMER,
        Column("session_id", "text", "Visit that it belongs to."),
        _req("query", "text", "What was typed."),
        Column("results", "integer", "How many products were found."),
        Column(
            "clicked_product_id",
            "text",
            "What was clicked; null: nothing.",
            references="product.product_id",
            gone="left out",
        ),
        Column("clicked_position", "integer", "Place of what was clicked in the list, from 1; null: not known."),
        _req("searched_at", "timestamp", "When.", "UTC"),
    ),
    event_time="searched_at",
)

TICKET = Table(
    "ticket",
    "A question or complaint to customer service.",
    ("ticket_id",),
    (
        _req("ticket_id", "text", "Unique id."),
        _CUSTOMER,
        Column("order_id", "text", "The order, where known.", references="order.order_id"),
        Column("subject", "text", "Subject line.", masked=True),
        _req(
            "text",
            "text",
            "What was written; of a call, what was understood, or empty: it is then transcribed here.",
            masked=True,
        ),
        Column("intent", "text", "What it was about, as the staff filed it."),
        _req("opened_at", "timestamp", "When.", "UTC"),
        Column("channel", "text", "web, mail, chat, phone, app, review …"),
        Column("language", "text", "Language that it is written in, where the shop knows.", "ISO 639-1"),
        Column("audio_uri", "text", "Recording of a call: a path in the folder NIGHTSHIFT_RECORDINGS."),
        Column(
            "transcript_confidence",
            "number",
            "How sure the words of the text are, where it was transcribed. Found when the recording is read.",
            "0 to 1",
        ),
        Column(
            "transcript_of",
            "text",
            "Engine and file that the text was transcribed from. Found when it is read: leave it out.",
        ),
        Column("unheard", "text", "Why the recording was not transcribed. Found when it is read: leave it out."),
        Column("status", "text", "open, answered, solved or reopened; null: by the times below."),
        Column("team", "text", "Team that has it, as in ml_config.service_team."),
        Column("first_answer_at", "timestamp", "When it was first answered; null: not yet.", "UTC"),
        Column("solved_at", "timestamp", "When it was last closed as solved; null: not yet.", "UTC"),
        Column("reopened_at", "timestamp", "When the customer came back after it was solved; null: never.", "UTC"),
        Column("rating", "integer", "What the customer thought of the service, 1 (worst) to 5 (best).", "stars"),
        Column("sent_answer_id", "text", "Answer of ml_config.answer that was sent; null: none of them."),
        Column("answer_changed", "boolean", "Staff changed that answer before it was sent."),
    ),
    event_time="opened_at",
)

TICKET_MESSAGE = Table(
    "ticket_message",
    "A message in the thread of a ticket, after the one that opened it.",
    ("message_id",),
    (
        _req("message_id", "text", "Unique id."),
        _req("ticket_id", "text", "The ticket.", references="ticket.ticket_id"),
        _req("author", "text", "Who wrote: customer, agent or system (an answer that was sent by itself)."),
        _req("text", "text", "What was written.", masked=True),
        _req("written_at", "timestamp", "When.", "UTC"),
    ),
    event_time="written_at",
)

CAMPAIGN = Table(
    "campaign",
    "One customer in one campaign.",
    ("campaign_id", "customer_id"),
    (
        _req("campaign_id", "text", "The campaign."),
        _req("customer_id", "text", "Who.", references="customer.customer_id"),
        _req("arm", "text", "What was sent; 'control': nothing, by lot.", words="campaign.arm"),
        _req("sent_at", "timestamp", "When (for the control: when it would have been).", "UTC"),
        Column("visited_at", "timestamp", "First visit after it.", "UTC"),
    ),
    event_time="sent_at",
)

COUPON = Table(
    "coupon",
    "A coupon that a customer used.",
    ("coupon_id",),
    (
        _req("coupon_id", "text", "Unique id."),
        _req("order_id", "text", "The order.", references="order.order_id"),
        _req("code", "text", "Code that was typed."),
        _req("discount", "number", "Amount taken off.", ORDER_MONEY),
    ),
    known_with="order_id",
)

PRODUCT_IMAGE = Table(
    "product_image",
    "A picture of a product.",
    ("product_id", "image_no"),
    (
        _req("product_id", "text", "The product.", references="product.product_id"),
        _req("image_no", "integer", "Number of the picture, from 1."),
        _req(
            "uri",
            "text",
            "Where the file is: a path in the folder NIGHTSHIFT_PICTURES, https:, s3:, gs:, az: or data:. A changed picture "
            "gets another address. With content: its name.",
        ),
        Column(
            "content",
            "text",
            "The file itself, where it lies in the database: bytea, or base64. In the lake: its thumbnail.",
            whole=True,
        ),
        Column("content_hash", "text", "SHA-256 of the file. Found when it is read: leave it out."),
        Column("width", "integer", "Found when it is read: leave it out.", "pixels"),
        Column("height", "integer", "Found when it is read: leave it out.", "pixels"),
        Column("unread", "text", "Why it cannot be read. Found when it is read: leave it out."),
    ),
    known_with="product_id",
)

CUSTOMER_LINK = Table(
    "customer_link",
    "Two customers who belong together; of two who live together or are friends one row is enough.",
    ("customer_id", "other_customer_id", "kind"),
    (
        _req("customer_id", "text", "Who.", references="customer.customer_id"),
        _req("other_customer_id", "text", "To whom they belong.", references="customer.customer_id"),
        _req(
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
        _req("customer_id", "text", "Who; may be gone from shop.customer already."),
        _req("requested_at", "timestamp", "When.", "UTC"),
    ),
    event_time="requested_at",
)

SUPPLY = Table(
    "supply",
    "How a product can be bought anew from a supplier.",
    ("product_id", "supplier"),
    (
        _req("product_id", "text", "The product.", references="product.product_id"),
        _req("supplier", "text", "The supplier, as the shop calls it."),
        Column("lead_days", "number", "From order to arrival, on average; null: by what came.", "days"),
        Column("lead_spread_days", "number", "Standard deviation of that.", "days"),
        Column("pack_size", "number", "Ordered in multiples of so many; null: 1.", "pieces"),
        Column("minimum_order", "number", "At least so many at once; null: 1.", "pieces"),
        Column("cost", "number", "What a piece costs the shop.", MONEY),
        Column("holding_cost", "number", "What a piece in stock costs in a year; null: a share of its cost.", MONEY),
        Column("shelf_life_days", "number", "Sold within so many days or not at all; null: it keeps.", "days"),
    ),
    known_with="product_id",
)

PURCHASE_ORDER = Table(
    "purchase_order",
    "What the shop ordered from a supplier: on its way, or arrived.",
    ("purchase_order_id", "product_id"),
    (
        _req("purchase_order_id", "text", "The shop's own id."),
        _req("product_id", "text", "The product.", references="product.product_id"),
        Column("supplier", "text", "The supplier, as in supply."),
        _req("quantity", "number", "How many were ordered.", "pieces"),
        _req("placed_at", "timestamp", "When it was ordered.", "UTC"),
        Column("expected_at", "timestamp", "When the supplier said it would come.", "UTC"),
        Column("arrived_at", "timestamp", "When it came; null: it has not.", "UTC"),
    ),
    event_time="placed_at",
)

SHIPMENT = Table(
    "shipment",
    "A parcel of an order: when it was promised, and when it came. One that has not been handed over has no times yet.",
    ("shipment_id",),
    (
        _req("shipment_id", "text", "Unique id."),
        _req("order_id", "text", "The order.", references="order.order_id"),
        Column("promised_at", "timestamp", "When the customer was told that it will be there at the latest.", "UTC"),
        Column("handed_over_at", "timestamp", "When the carrier got it; null: not yet.", "UTC"),
        Column("delivered_at", "timestamp", "When the customer got it; null: not yet.", "UTC"),
        Column("carrier", "text", "Who carries it."),
        Column("origin", "text", "Where it is sent from: a warehouse, a region."),
        Column("destination", "text", "Region that it is sent to: a postal area, a state, a country."),
    ),
    known_with="order_id",
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        CUSTOMER,
        PRODUCT,
        ORDER,
        ORDER_ITEM,
        EVENT,
        REVIEW,
        ORDER_OUTCOME,
        PAYMENT,
        STOCK,
        CART,
        SEARCH,
        TICKET,
        TICKET_MESSAGE,
        CAMPAIGN,
        COUPON,
        PRODUCT_IMAGE,
        CUSTOMER_LINK,
        ERASURE,
        SUPPLY,
        PURCHASE_ORDER,
        SHIPMENT,
    )
}
"""By name, each after the tables that it references."""

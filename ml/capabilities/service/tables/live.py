"""What ``ml.answer`` reads."""

from __future__ import annotations

from ml.capabilities.service.tables.columns import CHANCE
from ml.core.spec import Published, PublishedColumn

TERM = Published(
    "service_term",
    "The index of ml.answer by word, pair of words and beginning of a word.",
    ("term",),
    (
        PublishedColumn("term", "text", "The word, the pair, or five letters and a star."),
        PublishedColumn("idf", "number", "How rare it is."),
        PublishedColumn("intents", "integers", "Numbers of the intents that it speaks for or against."),
        PublishedColumn("weights", "numbers", "How much."),
    ),
    for_all=True,
)

SETTING = Published(
    "service_setting",
    "How ml.answer reads a question. One row, for the SQL functions.",
    ("name",),
    (
        PublishedColumn("name", "text", "Always shop."),
        PublishedColumn("rules", "texts", "Letters and regular expressions by which a text is cut into words."),
        PublishedColumn("intents", "texts", "The intents, by number from 0."),
        PublishedColumn("strange", "number", "idf of what nobody wrote yet."),
        PublishedColumn("sharpness", "number", "Chances are softmax(sharpness · score)."),
        PublishedColumn("top", "number", "Weight of the best score in the chance that a text is known."),
        PublishedColumn("second", "number", "Of the next."),
        PublishedColumn("bias", "number", "Of neither."),
        PublishedColumn("least_chance", "number", "An intent is named where it is at least so likely.", CHANCE),
    ),
    for_all=True,
)

ORDER = Published(
    "service_order",
    "The latest order of each customer who ordered in 90 days, for ml.answer.",
    ("customer_id",),
    (
        PublishedColumn("customer_id", "text", "The customer."),
        PublishedColumn("order_id", "text", "The order."),
        PublishedColumn("order_state", "text", "open, late, sent, delivered or cancelled."),
        PublishedColumn("ordered", "integer", "When it was placed.", "µs since 1970"),
        PublishedColumn(
            "promised", "integer", "When it was promised; null: it was not.", "µs since 1970", nullable=True
        ),
        PublishedColumn(
            "delivered", "integer", "When all of it had come; null: not yet.", "µs since 1970", nullable=True
        ),
        PublishedColumn("carrier", "text", "Who carries it; null: not known.", nullable=True),
        PublishedColumn("order_value", "number", "What was paid; null: not known.", "shop currency", nullable=True),
        PublishedColumn("products", "texts", "Ids of what is in it."),
    ),
    for_all=True,
)

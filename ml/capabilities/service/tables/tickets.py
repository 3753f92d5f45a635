"""What is said of one ticket: what it asks for, its answer, solved ones that are like it."""

from __future__ import annotations

from ml.capabilities.service.tables.columns import CHANCE, INTENT, LANGUAGE, REASON, TICKET, WHO
from ml.core.spec import Published, PublishedColumn

TRIAGE = Published(
    "ticket_triage",
    "What each ticket of the last 180 days asks for, how soon, who should answer, and what.",
    ("ticket_id",),
    (
        TICKET,
        WHO,
        PublishedColumn("order_id", "text", "The customer's own order that it is about; null: none.", nullable=True),
        PublishedColumn("opened_at", "timestamp", "When it was opened.", "UTC"),
        PublishedColumn("state", "text", "open, answered, solved or reopened."),
        PublishedColumn("channel", "text", "Where it came in; empty: not known."),
        LANGUAGE,
        INTENT,
        PublishedColumn("chance", "number", "Chance that this is right, if it is one of those known.", CHANCE),
        PublishedColumn("known", "boolean", "It asks for something that the shop knows."),
        PublishedColumn("known_chance", "number", "Chance of that.", CHANCE),
        PublishedColumn("second", "text", "The next likely intent; empty: there is none."),
        PublishedColumn("second_chance", "number", "Chance of that.", CHANCE),
        PublishedColumn("third", "text", "The one after it; empty: there is none."),
        PublishedColumn("third_chance", "number", "Chance of that.", CHANCE),
        PublishedColumn("also", "text", "A second wish in another sentence; empty: none."),
        PublishedColumn("sentiment", "number", "How the writer feels: 1 good, -1 bad.", "-1 to 1"),
        PublishedColumn(
            "urgency", "number", "How soon an answer is needed, by what is said and what was promised.", CHANCE
        ),
        PublishedColumn("customer_value", "number", "What the customer bought in a year.", "shop currency"),
        PublishedColumn("order_value", "number", "Of the order; null: none.", "shop currency", nullable=True),
        PublishedColumn("order_state", "text", "open, late, sent, delivered or cancelled; empty: no order."),
        PublishedColumn("team", "text", "Who should answer."),
        PublishedColumn("priority", "number", "What a day of waiting is expected to cost.", "shop currency"),
        PublishedColumn(
            "expected_hours",
            "number",
            "Until it is usually solved, and longer where its team is closed or has more than a day of work; null: not known yet.",
            "hours",
            nullable=True,
        ),
        PublishedColumn("decision", "text", "send, suggest or person: what of the answer below should be done."),
        PublishedColumn("answer", "text", "The shop's answer, filled; empty: none."),
        REASON,
    ),
    indexes=(("team", "priority"), ("customer_id",), ("opened_at",)),
)

ANSWER = Published(
    "ticket_answer",
    "The answer to each ticket that nobody answered yet: from the shop's knowledge base, filled with the customer's own order.",
    ("ticket_id",),
    (
        TICKET,
        WHO,
        LANGUAGE,
        INTENT,
        PublishedColumn("answer_id", "text", "Row of ml_config.answer; empty: none fits."),
        PublishedColumn("answer", "text", "Its text, filled; empty: none."),
        PublishedColumn("sources", "texts", "What it rests on: the answer's name, the order."),
        PublishedColumn("solves", "number", "Chance that it solves the ticket.", CHANCE),
        PublishedColumn("decision", "text", "send, suggest or person: what costs least."),
        PublishedColumn("propensity", "number", "Chance of this decision by lot: 1 where it was not drawn.", CHANCE),
        PublishedColumn("cost", "number", "Expected cost of the decision.", "shop currency"),
        REASON,
    ),
    indexes=(("decision",), ("customer_id",)),
)

LIKE = Published(
    "ticket_like",
    "Solved tickets that are like one that waits, for whoever answers it.",
    ("ticket_id", "rank"),
    (
        TICKET,
        PublishedColumn("rank", "integer", "1 is nearest."),
        PublishedColumn("likeness", "number", "Cosine of their words and letters.", CHANCE),
        PublishedColumn("intent", "text", "What the other was filed as; unknown: it was not."),
        PublishedColumn("solved_at", "timestamp", "When the other was solved.", "UTC"),
        PublishedColumn("asked", "text", "What the other asked, shortened.", quotes=True),
        PublishedColumn("reply", "text", "What an agent answered it, shortened; empty: not known.", quotes=True),
        REASON,
    ),
    for_all=True,
)

"""What customer service needs, publishes and promises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ml.capabilities.service.config import CONFIG
from ml.core.spec import Capability, Example, Gate, Live, Published, PublishedColumn
from ml.text.params import IntentParams

UNKNOWN = "unknown"
"""Stands as intent where a text asks for none of those that the shop knows."""
DECISIONS = ("send", "suggest", "person")


@dataclass(frozen=True)
class Params(IntentParams):
    """Parameters of customer service; those of the classifier come from its floor."""

    history_days: int = 180
    """Tickets of so many days are triaged and answered."""
    order_days: int = 90
    """A ticket without an order may be about the customer's latest one, if it is not older."""
    least_chance: float = 0.3
    """An intent is named where it is at least so likely; else the text asks for something unknown."""
    second_wish: float = 0.5
    """A further sentence asks for something else where that is at least so likely."""
    least_heard: float = 0.6
    """A recording of whose words the engine is less sure goes to a person."""
    alike: int = 3
    """Solved tickets that are shown beside one."""
    topic_days: int = 14
    """Topics are compared with the time before these days."""
    phrase_texts: int = 4_000
    """At most so many texts teach the index of ml.answer."""
    fewest: int = 3
    """k: no topic, gap or figure of fewer tickets."""
    false_alarms: float = 0.05
    """Expected share of false ones among the topics that are said to grow."""


_TICKET = PublishedColumn("ticket_id", "text", "The ticket.")
_WHO = PublishedColumn("customer_id", "text", "Who asks; null: not known.", nullable=True)
_INTENT = PublishedColumn("intent", "text", "What is asked for; unknown: none of what the shop knows.")
_LANGUAGE = PublishedColumn("language", "text", "ISO 639-1; und: cannot be told; zxx: no words.")
_REASON = PublishedColumn("reason", "text", "Why, in words.")
_CHANCE = "0 to 1"

TRIAGE = Published(
    "ticket_triage",
    "What each ticket of the last 180 days asks for, how soon, who should answer, and what.",
    ("ticket_id",),
    (
        _TICKET,
        _WHO,
        PublishedColumn("order_id", "text", "The customer's own order that it is about; null: none.", nullable=True),
        PublishedColumn("opened_at", "timestamp", "When it was opened.", "UTC"),
        PublishedColumn("state", "text", "open, answered, solved or reopened."),
        PublishedColumn("channel", "text", "Where it came in; empty: not known."),
        _LANGUAGE,
        _INTENT,
        PublishedColumn("chance", "number", "Chance that this is right, if it is one of those known.", _CHANCE),
        PublishedColumn("known", "boolean", "It asks for something that the shop knows."),
        PublishedColumn("known_chance", "number", "Chance of that.", _CHANCE),
        PublishedColumn("second", "text", "The next likely intent; empty: there is none."),
        PublishedColumn("second_chance", "number", "Chance of that.", _CHANCE),
        PublishedColumn("third", "text", "The one after it; empty: there is none."),
        PublishedColumn("third_chance", "number", "Chance of that.", _CHANCE),
        PublishedColumn("also", "text", "A second wish in another sentence; empty: none."),
        PublishedColumn("sentiment", "number", "How the writer feels: 1 good, -1 bad.", "-1 to 1"),
        PublishedColumn(
            "urgency", "number", "How soon an answer is needed, by what is said and what was promised.", _CHANCE
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
        _REASON,
    ),
    indexes=(("team", "priority"), ("customer_id",), ("opened_at",)),
)

ANSWER = Published(
    "ticket_answer",
    "The answer to each ticket that nobody answered yet: from the shop's knowledge base, filled with the customer's own order.",
    ("ticket_id",),
    (
        _TICKET,
        _WHO,
        _LANGUAGE,
        _INTENT,
        PublishedColumn("answer_id", "text", "Row of ml_config.answer; empty: none fits."),
        PublishedColumn("answer", "text", "Its text, filled; empty: none."),
        PublishedColumn("sources", "texts", "What it rests on: the answer's name, the order."),
        PublishedColumn("solves", "number", "Chance that it solves the ticket.", _CHANCE),
        PublishedColumn("decision", "text", "send, suggest or person: what costs least."),
        PublishedColumn("propensity", "number", "Chance of this decision by lot: 1 where it was not drawn.", _CHANCE),
        PublishedColumn("cost", "number", "Expected cost of the decision.", "shop currency"),
        _REASON,
    ),
    indexes=(("decision",), ("customer_id",)),
)

FIGURES = Published(
    "service_figures",
    "How customer service does: by channel, team, intent, language and answer, and as a whole.",
    ("kind", "name"),
    (
        PublishedColumn("kind", "text", "all, channel, team, intent, language or answer."),
        PublishedColumn("name", "text", "Which one."),
        PublishedColumn("tickets", "integer", "Tickets of the last 180 days."),
        PublishedColumn(
            "answer_hours", "number", "Median hours to the first answer; null: none yet.", "hours", nullable=True
        ),
        PublishedColumn("solve_hours", "number", "Median hours until solved; null: none yet.", "hours", nullable=True),
        PublishedColumn("open", "integer", "Of which are open or reopened."),
        PublishedColumn("reopened_share", "number", "Share of the solved ones that were reopened.", _CHANCE),
        PublishedColumn("rating", "number", "Mean rating; null: none.", "stars", nullable=True),
        PublishedColumn("solved_share", "number", "Share that the last half solved for good.", _CHANCE, nullable=True),
        PublishedColumn("solved_before", "number", "The same share in the half before.", _CHANCE, nullable=True),
        PublishedColumn(
            "q_value",
            "number",
            "Expected share of false ones among changes as strong as this; null: too few.",
            _CHANCE,
            nullable=True,
        ),
        _REASON,
    ),
    for_all=True,
)

LIKE = Published(
    "ticket_like",
    "Solved tickets that are like one that waits, for whoever answers it.",
    ("ticket_id", "rank"),
    (
        _TICKET,
        PublishedColumn("rank", "integer", "1 is nearest."),
        PublishedColumn("likeness", "number", "Cosine of their words and letters.", _CHANCE),
        PublishedColumn("intent", "text", "What the other was filed as; unknown: it was not."),
        PublishedColumn("solved_at", "timestamp", "When the other was solved.", "UTC"),
        PublishedColumn("asked", "text", "What the other asked, shortened.", quotes=True),
        PublishedColumn("reply", "text", "What an agent answered it, shortened; empty: not known.", quotes=True),
        _REASON,
    ),
    for_all=True,
)

TOPIC = Published(
    "service_topic",
    "What comes up: clusters of tickets of which some are of the last 14 days, and whether they grow.",
    ("topic",),
    (
        PublishedColumn("topic", "text", "Words that stand in its tickets more than in others."),
        _INTENT,
        PublishedColumn("n", "integer", "Tickets of the last 14 days."),
        PublishedColumn("n_before", "integer", "Tickets before."),
        PublishedColumn("growth", "number", "Tickets a day, against before."),
        PublishedColumn("grows", "boolean", "By more than chance."),
        PublishedColumn("p_value", "number", "Chance of as many if its share of all tickets had stayed.", _CHANCE),
        PublishedColumn("q_value", "number", "Expected share of false ones among topics as strong as this.", _CHANCE),
        PublishedColumn("quote", "text", "One of its tickets, shortened.", quotes=True),
        _REASON,
    ),
    for_all=True,
)

GAP = Published(
    "service_gap",
    "Questions that the knowledge base does not answer, by how often they come; with a draft from a thread of an agent.",
    ("gap",),
    (
        PublishedColumn("gap", "text", "Words that stand in these tickets more than in others."),
        PublishedColumn("n", "integer", "Tickets of the last 180 days."),
        PublishedColumn("customers", "integer", "Different customers among them."),
        PublishedColumn("unanswered", "number", "Share of them without an answer.", _CHANCE),
        PublishedColumn("quote", "text", "One of them, shortened.", quotes=True),
        PublishedColumn(
            "draft",
            "text",
            "What an agent answered to one of them: to be read before it becomes an answer; empty: none.",
            quotes=True,
        ),
        _REASON,
    ),
    for_all=True,
)

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
        PublishedColumn("least_chance", "number", "An intent is named where it is at least so likely.", _CHANCE),
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

SPEC = Capability(
    name="service",
    title="Customer service",
    question="What does this customer need, who should answer, and what do we answer?",
    package="ml.capabilities.service",
    needs=("customer", "order", "ticket"),
    wants=("order_item", "shipment", "ticket_message"),
    publishes=(TRIAGE, ANSWER, LIKE, TOPIC, GAP, FIGURES, TERM, SETTING, ORDER),
    params=Params(),
    gate=Gate(metric="accuracy", baseline="nearest question", horizon=timedelta(days=28), min_units=30, enough=200),
    train_schedule="15 4 * * 0",
    draws={"history": ("customer_id", "ticket_id"), "truth": ("ticket_id",)},
    examples=(
        Example(
            "Tickets to answer first",
            "SELECT ticket_id AS ticket, intent, round(chance::numeric, 2) AS chance, team, decision, reason FROM ml.ticket_triage "
            "WHERE state IN ('open', 'reopened') ORDER BY priority DESC, ticket_id LIMIT 3",
        ),
        Example(
            "What is answered",
            "SELECT intent, language, answer, round(solves::numeric, 2) AS solves, decision FROM ml.ticket_answer "
            "WHERE answer <> '' ORDER BY solves DESC, ticket_id LIMIT 3",
        ),
        Example(
            "Questions that nothing answers yet",
            "SELECT gap, n AS tickets, quote, draft FROM ml.service_gap ORDER BY n DESC, gap LIMIT 3",
        ),
    ),
    headlines={
        "open tickets": "SELECT count(*) FROM ml.ticket_triage WHERE state IN ('open', 'reopened')",
        "of which an answer is at hand": "SELECT count(*) FROM ml.ticket_answer WHERE decision <> 'person'",
        "share that asks for something unknown": "SELECT coalesce(avg((NOT known)::int), 0) FROM ml.ticket_triage",
    },
    config=CONFIG,
    functions=("ml.text:words.sql", "answer.sql"),
    live=Live(
        {"ticket": ("ticket_id",)},
        ("customer", "order", "shipment", "ticket_message"),
        "ticket_triage",
        also=("ticket_answer",),
        schedule="* * * * *",
    ),
)

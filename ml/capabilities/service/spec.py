"""What customer service needs, publishes and promises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ml.capabilities.service.config import CONFIG
from ml.capabilities.service.tables.live import ORDER, SETTING, TERM
from ml.capabilities.service.tables.tickets import ANSWER, LIKE, TRIAGE
from ml.capabilities.service.tables.together import FIGURES, GAP, TOPIC
from ml.core.spec import Capability, Example, Gate, Live
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

"""What is said of tickets together: figures, topics, questions without an answer."""

from __future__ import annotations

from ml.capabilities.service.tables.columns import CHANCE, INTENT, REASON
from ml.core.spec import Published, PublishedColumn

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
        PublishedColumn("reopened_share", "number", "Share of the solved ones that were reopened.", CHANCE),
        PublishedColumn("rating", "number", "Mean rating; null: none.", "stars", nullable=True),
        PublishedColumn("solved_share", "number", "Share that the last half solved for good.", CHANCE, nullable=True),
        PublishedColumn("solved_before", "number", "The same share in the half before.", CHANCE, nullable=True),
        PublishedColumn(
            "q_value",
            "number",
            "Expected share of false ones among changes as strong as this; null: too few.",
            CHANCE,
            nullable=True,
        ),
        REASON,
    ),
    for_all=True,
)

TOPIC = Published(
    "service_topic",
    "What comes up: clusters of tickets of which some are of the last 14 days, and whether they grow.",
    ("topic",),
    (
        PublishedColumn("topic", "text", "Words that stand in its tickets more than in others."),
        INTENT,
        PublishedColumn("n", "integer", "Tickets of the last 14 days."),
        PublishedColumn("n_before", "integer", "Tickets before."),
        PublishedColumn("growth", "number", "Tickets a day, against before."),
        PublishedColumn("grows", "boolean", "By more than chance."),
        PublishedColumn("p_value", "number", "Chance of as many if its share of all tickets had stayed.", CHANCE),
        PublishedColumn("q_value", "number", "Expected share of false ones among topics as strong as this.", CHANCE),
        PublishedColumn("quote", "text", "One of its tickets, shortened.", quotes=True),
        REASON,
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
        PublishedColumn("unanswered", "number", "Share of them without an answer.", CHANCE),
        PublishedColumn("quote", "text", "One of them, shortened.", quotes=True),
        PublishedColumn(
            "draft",
            "text",
            "What an agent answered to one of them: to be read before it becomes an answer; empty: none.",
            quotes=True,
        ),
        REASON,
    ),
    for_all=True,
)

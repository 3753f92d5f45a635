"""What the shop's staff tells: the answers that it gives, who answers what, what must go to a person, and what mistakes cost."""

from __future__ import annotations

from ml.capabilities.service.starter import ANSWERS
from ml.core.spec import ConfigColumn, ConfigTable

ANSWER = ConfigTable(
    "answer",
    "The knowledge base: what customers ask, and what the shop answers. Every sentence that is sent stands here.",
    ("answer_id",),
    (
        ConfigColumn("answer_id", "text", "Its name."),
        ConfigColumn("intent", "text", "What it is about, as the staff files tickets.", required=True),
        ConfigColumn("language", "text", "Of the answer and its questions; null: any.", "ISO 639-1"),
        ConfigColumn(
            "questions", "text", "How customers ask it, a line each; the more different, the better.", required=True
        ),
        ConfigColumn(
            "answer",
            "text",
            "What is answered. {order}, {ordered_on}, {promised_on}, {delivered_on}, {carrier} and {total} are filled with the "
            "customer's own order.",
            required=True,
        ),
        ConfigColumn(
            "needs_order",
            "boolean",
            "Only about an order of the customer's that is known.",
            required=True,
            default="false",
        ),
        ConfigColumn(
            "order_state",
            "text",
            "Only while that order is open, late, sent, delivered or cancelled; null: whatever it is.",
        ),
        ConfigColumn(
            "product_id",
            "text",
            "Only about an order of the customer's that has this product; null: any.",
            references="product.product_id",
        ),
        ConfigColumn("starts_on", "date", "First day; null: always."),
        ConfigColumn("ends_on", "date", "Last day; null: it stays."),
        ConfigColumn(
            "approved",
            "boolean",
            "It may be sent without a person. The answers that came with the platform may not until "
            "somebody has read them.",
            required=True,
            default="true",
        ),
    ),
    checks={
        "answer is not empty": "length(trim(answer)) > 0",
        "language has two letters": "language ~ '^[a-z]{2}$'",
        "order_state is open, late, sent, delivered or cancelled": "order_state IN ('open', 'late', 'sent', 'delivered', 'cancelled')",
        "an order_state needs an order": "order_state IS NULL OR needs_order",
        "ends_on is not before starts_on": "ends_on >= starts_on",
    },
    rows=ANSWERS,
    examples={
        "An answer of our own, in English.": (
            "INSERT INTO ml_config.answer (answer_id, intent, language, questions, answer)\n"
            "VALUES ('vouchers', 'voucher', 'en', E'My voucher does not work.\\nThe discount code is refused.',\n"
            "        'A voucher works from a basket of 30 on, once for each customer.')"
        ),
        "We have read the answers that came along: they may be sent.": "UPDATE ml_config.answer SET approved = true",
        "An answer for the Christmas weeks alone.": (
            "UPDATE ml_config.answer SET starts_on = '2026-12-01', ends_on = '2026-12-26' WHERE answer_id = 'vouchers'"
        ),
    },
)

TEAM = ConfigTable(
    "service_team",
    "Who answers: the first team by name that has the intent, the language and room gets the ticket; where none has room, the one with the fewest days of work.",
    ("team",),
    (
        ConfigColumn("team", "text", "Its name."),
        ConfigColumn("languages", "text", "Codes with spaces between them; null: all.", "ISO 639-1"),
        ConfigColumn("intents", "text", "Intents with commas between them; null: all, after the teams that name it."),
        ConfigColumn(
            "opens",
            "integer",
            "First hour of its day: until then a ticket waits, and is expected to; null: 0.",
            "hour, shop's time",
        ),
        ConfigColumn("closes", "integer", "Hour that it closes; not before it opens; null: 24.", "hour, shop's time"),
        ConfigColumn(
            "capacity",
            "integer",
            "Tickets that it answers in a day: with as many waiting it has no room; null: not known, there is room.",
            "tickets",
        ),
    ),
    checks={
        "opens is between 0 and 23": "opens BETWEEN 0 AND 23",
        "closes is between 1 and 24": "closes BETWEEN 1 AND 24",
        "capacity is above 0": "capacity > 0",
        "it closes after it opens": "coalesce(closes, 24) > coalesce(opens, 0)",
    },
    rows=({"team": "service", "languages": None, "intents": None, "opens": 8, "closes": 18, "capacity": None},),
    examples={
        "Payments go to the accountants, in English and German.": (
            "INSERT INTO ml_config.service_team (team, languages, intents, capacity)\n"
            "VALUES ('accounting', 'en de', 'payment, refund, invoice', 120)"
        )
    },
)

RULE = ConfigTable(
    "service_rule",
    "What always goes to a person, whatever it costs: words of the law, of danger, of the press; or a whole intent.",
    ("rule",),
    (
        ConfigColumn("rule", "text", "A word or a phrase in the text, or an intent."),
        ConfigColumn("kind", "text", "word or intent.", required=True, default="'word'"),
        ConfigColumn("why", "text", "law, safety, press, payment …", required=True),
        ConfigColumn("team", "text", "Who gets it; null: by intent and language.", references="service_team.team"),
        ConfigColumn("urgent", "boolean", "Before all others.", required=True, default="false"),
    ),
    checks={"kind is word or intent": "kind IN ('word', 'intent')", "a rule has 2 letters": "length(trim(rule)) >= 2"},
    rows=tuple(
        {"rule": word, "kind": "word", "why": why, "team": None, "urgent": urgent}
        for why, urgent, words in (
            (
                "law",
                False,
                (
                    "lawyer, attorney, legal action, court, sue, anwalt, rechtsanwalt, klage, gericht, advogado, procon, "
                    "processo judicial, gdpr, dsgvo, lgpd"
                ),
            ),
            (
                "safety",
                True,
                (
                    "injured, burned, caught fire, electric shock, allergic, hospital, verletzt, gebrannt, stromschlag, "
                    "allergisch, krankenhaus, feriu, pegou fogo, choque, alergia"
                ),
            ),
            ("press", False, "journalist, newspaper, reporter, zeitung, jornal, jornalista"),
            ("payment", False, "chargeback, rückbuchung, fraud, betrug, fraude, stolen card"),
        )
        for word in words.split(", ")
    ),
    examples={
        "Everything about invoices goes to a person.": (
            "INSERT INTO ml_config.service_rule (rule, kind, why) VALUES ('invoice', 'intent', 'tax')"
        )
    },
)

COST = ConfigTable(
    "service_cost",
    "What answering costs, and how much is left to people on purpose; one row.",
    ("one",),
    (
        ConfigColumn("one", "boolean", "Always true: there is one row.", default="true"),
        ConfigColumn("person", "number", "What it costs when a person answers; null: 4.", "shop currency"),
        ConfigColumn("suggest", "number", "When a person reads a suggestion and sends it; null: 1.5.", "shop currency"),
        ConfigColumn("wrong", "number", "An answer that does not solve it, sent; null: 12.", "shop currency"),
        ConfigColumn(
            "random_share",
            "number",
            "Share of what would be sent that goes to a person instead, by lot: without it only what is "
            "sent already would be learned of; null: 0.05.",
            "0 to 0.5",
        ),
        ConfigColumn("hourly", "number", "What an hour of waiting costs for one ticket; null: 0.1.", "shop currency"),
    ),
    checks={
        "there is one row": "one",
        "person is 0 or more": "person >= 0",
        "suggest is 0 or more": "suggest >= 0",
        "wrong is 0 or more": "wrong >= 0",
        "random_share is between 0 and 0.5": "random_share BETWEEN 0 AND 0.5",
        "hourly is 0 or more": "hourly >= 0",
    },
    rows=({"one": True, "person": 4.0, "suggest": 1.5, "wrong": 12.0, "random_share": 0.05, "hourly": 0.1},),
    examples={"A wrong answer costs us a customer: 40.": "UPDATE ml_config.service_cost SET wrong = 40"},
)

CONFIG = (ANSWER, TEAM, RULE, COST)

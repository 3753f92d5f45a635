"""What the shop's staff tells order risk: what mistakes cost, and whom to let through or hold whatever the model says."""

from __future__ import annotations

from types import MappingProxyType

from ml.core.spec import ConfigColumn, ConfigTable

DEFAULTS = MappingProxyType(
    {
        "loss_share": 1.0,
        "loss_fixed": 15.0,
        "review_cost": 3.0,
        "margin_share": 0.25,
        "reviews_per_day": 50,
        "review_share": 0.05,
        "least_chance": 0.0,
    }
)
"""Costs of a shop that has not told its own."""

PERSONAL = ("device", "card", "address", "ip", "email")
"""What the contract with the shop calls personal: the lake knows only its keyed hash."""
ENTITIES = ("order", "customer", *PERSONAL, "country")

COST = ConfigTable(
    "risk_cost",
    "What mistakes about an order cost, and how many orders a day the staff can look at; one row.",
    ("one",),
    (
        ConfigColumn("one", "boolean", "Always true: there is one row.", default="true"),
        ConfigColumn(
            "loss_share", "number", "Share of the order value that a fraud costs; null: the default.", "0 to 10"
        ),
        ConfigColumn(
            "loss_fixed", "number", "What a fraud costs beside it: fees, work; null: the default.", "shop currency"
        ),
        ConfigColumn("review_cost", "number", "What looking at an order costs; null: the default.", "shop currency"),
        ConfigColumn(
            "margin_share",
            "number",
            "Share of the order value that blocking a good order costs; null: the default.",
            "0 to 1",
        ),
        ConfigColumn("reviews_per_day", "integer", "Orders that the staff can look at in a day; null: the default."),
        ConfigColumn(
            "review_share", "number", "At most this share of the orders is sent to review; null: the default.", "0 to 1"
        ),
        ConfigColumn(
            "least_chance",
            "number",
            "An order less likely a fraud than this is not sent to review, whatever it is worth; null: the default.",
            "0 to 1",
        ),
        ConfigColumn("currency", "text", "In which these amounts are, for who reads them."),
    ),
    checks={
        "there is one row": "one",
        "loss_share is between 0 and 10": "loss_share BETWEEN 0 AND 10",
        "margin_share is between 0 and 1": "margin_share BETWEEN 0 AND 1",
        "loss_fixed is between 0 and 1e9": "loss_fixed BETWEEN 0 AND 1e9",
        "review_cost is between 0 and 1e9": "review_cost BETWEEN 0 AND 1e9",
        "review_share is between 0 and 1": "review_share BETWEEN 0 AND 1",
        "least_chance is between 0 and 1": "least_chance BETWEEN 0 AND 1",
        "reviews_per_day is between 0 and 1,000,000,000": "reviews_per_day BETWEEN 0 AND 1000000000",
    },
    rows=({"one": True, **DEFAULTS},),
    examples={
        "What a fraud and a look at an order cost us, and how many orders we can look at in a day.": (
            "UPDATE ml_config.risk_cost SET loss_fixed = 20, review_cost = 2.5, reviews_per_day = 30, currency = 'EUR'"
        ),
        "Look at no more than one order in fifty, and at none that is less likely a fraud than 2 %.": (
            "UPDATE ml_config.risk_cost SET review_share = 0.02, least_chance = 0.02"
        ),
        "A blocked good order loses us 40 % of its value.": "UPDATE ml_config.risk_cost SET margin_share = 0.4",
    },
)

_NAMES = ", ".join(f"'{name}'" for name in ENTITIES)

LIST = ConfigTable(
    "risk_list",
    "Orders to allow or to block before the model is asked. Of two entries that fit an order, deny wins.",
    ("id",),
    (
        ConfigColumn("id", "integer", "Number; given by the database.", numbered=True),
        ConfigColumn("kind", "text", "allow or deny.", required=True),
        ConfigColumn("entity", "text", "What the value is: " + ", ".join(ENTITIES) + ".", required=True),
        ConfigColumn(
            "value",
            "text",
            "As the shop writes it; or, of a device, card, address, ip or email, the hash that ml.entity_risk shows.",
            required=True,
            personal={"entity": PERSONAL},
        ),
        ConfigColumn("note", "text", "Why; stands in ml.order_risk.rule."),
        ConfigColumn("ends_on", "date", "Last day on which it holds; null: until it is deleted."),
        ConfigColumn(
            "decided_at",
            "timestamp",
            "When it was written or last changed; the training learns from an order's entry what was known by then. Null: not "
            "known, nothing is learned from it.",
            stamped=True,
        ),
    ),
    checks={
        "kind is allow or deny": "kind IN ('allow', 'deny')",
        "entity is one of those that an order has": f"entity IN ({_NAMES})",
        "value is not empty": "trim(value) <> ''",
    },
    examples={
        "Always let a customer through.": (
            "INSERT INTO ml_config.risk_list (kind, entity, value, note)\n"
            "VALUES ('allow', 'customer', '12680', 'wholesale, known for years')"
        ),
        "Block an e-mail address until the end of the year.": (
            "INSERT INTO ml_config.risk_list (kind, entity, value, note, ends_on)\n"
            "VALUES ('deny', 'email', 'mallory@example.org', 'chargebacks in May', '2026-12-31')"
        ),
        "Block a device by the hash that ml.entity_risk shows.": (
            "INSERT INTO ml_config.risk_list (kind, entity, value) VALUES ('deny', 'device', 'q3vJm0c1XbT9sLwA')"
        ),
        "Release an order that was looked at.": (
            "INSERT INTO ml_config.risk_list (kind, entity, value, note) VALUES ('allow', 'order', '4711', 'anna: called them')"
        ),
        "Take an entry back.": "DELETE FROM ml_config.risk_list WHERE entity = 'customer' AND value = '12680'",
    },
)

CONFIG = (COST, LIST)

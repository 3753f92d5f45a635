"""What the shop's staff tells: what can be done, what it costs, how much may be spent, whom, and what must never decide."""

from __future__ import annotations

from ml.core.spec import ConfigColumn, ConfigTable

CONTROL = "control"
NOTHING = "nothing"

ACTION = ConfigTable(
    "marketing_action",
    "What can be done for a customer: a message, with or without a coupon.",
    ("action",),
    (
        ConfigColumn("action", "text", "Its name, as ml.campaign_target shall show it."),
        ConfigColumn(
            "arm",
            "text",
            "The arm of shop.campaign in which it was tried; its uplift is learned from there.",
            required=True,
        ),
        ConfigColumn(
            "message_cost",
            "number",
            "What sending it to one customer costs.",
            "shop currency",
            required=True,
            default="0",
        ),
        ConfigColumn(
            "discount_share",
            "number",
            "Share of the order's value that its coupon takes off.",
            "0 to 1",
            required=True,
            default="0",
        ),
        ConfigColumn("coupon", "text", "Code of the coupon; null: none."),
        ConfigColumn("most", "integer", "At most so many a night; null: no limit."),
        ConfigColumn(
            "needs_consent", "boolean", "Only to customers who accept marketing.", required=True, default="true"
        ),
        ConfigColumn("active", "boolean", "False: not now.", required=True, default="true"),
    ),
    checks={
        "action is not control or nothing": "action NOT IN ('control', 'nothing')",
        "message_cost is between 0 and 1e6": "message_cost BETWEEN 0 AND 1e6",
        "discount_share is between 0 and 1": "discount_share BETWEEN 0 AND 1",
        "most is 0 or more": "most >= 0",
    },
    rows=(
        {
            "action": "e-mail",
            "arm": "email",
            "message_cost": 0.02,
            "discount_share": 0.0,
            "coupon": None,
            "most": None,
            "needs_consent": True,
            "active": True,
        },
    ),
    examples={
        "An e-mail with ten per cent off, tried in the campaigns as arm email10, to 5,000 customers a night at most.": (
            "INSERT INTO ml_config.marketing_action (action, arm, message_cost, discount_share, coupon, most)\n"
            "VALUES ('e-mail with 10 %', 'email10', 0.02, 0.1, 'NIGHT10', 5000)"
        ),
    },
)

BUDGET = ConfigTable(
    "marketing_budget",
    "What may be spent, and on whom; one row.",
    ("one",),
    (
        ConfigColumn("one", "boolean", "Always true: there is one row.", default="true"),
        ConfigColumn(
            "budget", "number", "Messages and coupons of a night may cost so much; null: no limit.", "shop currency"
        ),
        ConfigColumn("margin_share", "number", "Share of an order's value that the shop keeps; null: 0.3.", "0 to 1"),
        ConfigColumn(
            "control_share",
            "number",
            "Share of those who would get something that is kept as control, by lot; null: 0.1.",
            "0 to 0.5",
        ),
        ConfigColumn("rest_days", "integer", "Nobody gets a second message within so many days; null: 7.", "days"),
    ),
    checks={
        "there is one row": "one",
        "budget is 0 or more": "budget >= 0",
        "margin_share is between 0 and 1": "margin_share BETWEEN 0 AND 1",
        "control_share is between 0 and 0.5": "control_share BETWEEN 0 AND 0.5",
        "rest_days is between 0 and 365": "rest_days BETWEEN 0 AND 365",
    },
    rows=({"one": True, "budget": None, "margin_share": 0.3, "control_share": 0.1, "rest_days": 7},),
    examples={
        "We spend 500 a night and keep a fifth of a sale.": (
            "UPDATE ml_config.marketing_budget SET budget = 500, margin_share = 0.2"
        )
    },
)

ATTRIBUTES = ("country", "segment", "channel")
"""What is known of a person that a shop may have to leave out of its offers."""

PROTECTED = ConfigTable(
    "marketing_protected",
    "What must never decide about an offer. Age and sex never do; origin does not unless the row is deleted.",
    ("attribute",),
    (
        ConfigColumn("attribute", "text", "country, segment or channel."),
        ConfigColumn("note", "text", "Why: the law, or a promise."),
    ),
    checks={"attribute is country, segment or channel": "attribute IN ('country', 'segment', 'channel')"},
    rows=({"attribute": "country", "note": "origin"},),
    examples={
        "The shop's own grouping must not decide either.": (
            "INSERT INTO ml_config.marketing_protected VALUES ('segment', 'same offers for all groups')"
        )
    },
)

AUDIENCE = ConfigTable(
    "marketing_audience",
    "Audiences to export: who is in each.",
    ("audience",),
    (
        ConfigColumn("audience", "text", "Its name."),
        ConfigColumn("kind", "text", "high_value, lapsing, category_fan or look_alike.", required=True),
        ConfigColumn("category", "text", "Of a category_fan: the category.", references="product.category"),
        ConfigColumn("share", "number", "At most this share of the customers; null: a tenth.", "0 to 1"),
    ),
    checks={
        "kind is one of the four": "kind IN ('high_value', 'lapsing', 'category_fan', 'look_alike')",
        "a category_fan has a category": "kind <> 'category_fan' OR category IS NOT NULL",
        "share is between 0 and 1": "share BETWEEN 0 AND 1",
    },
    rows=(
        {"audience": "best customers", "kind": "high_value", "category": None, "share": 0.1},
        {"audience": "about to leave", "kind": "lapsing", "category": None, "share": 0.1},
        {"audience": "like the best", "kind": "look_alike", "category": None, "share": 0.1},
    ),
    examples={
        "Those who buy lamps.": (
            "INSERT INTO ml_config.marketing_audience (audience, kind, category) VALUES ('lamp lovers', 'category_fan', 'lamps')"
        )
    },
)

CONFIG = (ACTION, BUDGET, PROTECTED, AUDIENCE)

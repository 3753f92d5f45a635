"""What the shop's staff tells of carts: the bar of free shipping, the pause before a reminder, coupons that run."""

from __future__ import annotations

from ml.core.spec import ConfigColumn, ConfigTable

SETTING = ConfigTable(
    "cart_setting",
    "What ml.cart and the reminders follow; one row.",
    ("one",),
    (
        ConfigColumn("one", "boolean", "Always true: there is one row.", default="true"),
        ConfigColumn(
            "free_shipping_from", "number", "Total from which shipping is free; null: no such bar.", "shop currency"
        ),
        ConfigColumn("few_left", "integer", "At or below so many pieces 'only n left' is said.", "pieces"),
        ConfigColumn("remind_after_hours", "number", "Pause after the last change of a cart.", "hours"),
        ConfigColumn("least_value", "number", "A cart worth less is not reminded of.", "shop currency"),
        ConfigColumn(
            "campaign",
            "text",
            "Reminders are the campaigns in shop.campaign whose id begins so; arm 'control' got none, by lot.",
        ),
    ),
    checks={
        "there is one row": "one",
        "free_shipping_from is above 0": "free_shipping_from > 0",
        "few_left is between 0 and 1,000": "few_left BETWEEN 0 AND 1000",
        "remind_after_hours is between 0 and 720": "remind_after_hours BETWEEN 0 AND 720",
        "least_value is 0 or more": "least_value >= 0",
    },
    rows=({"one": True, "few_left": 3, "remind_after_hours": 4, "least_value": 0, "campaign": "cart_reminder"},),
    examples={
        "Shipping is free from 50.": "UPDATE ml_config.cart_setting SET free_shipping_from = 50",
        "Remind after a day, and only of carts worth 20 or more.": (
            "UPDATE ml_config.cart_setting SET remind_after_hours = 24, least_value = 20"
        ),
    },
)

COUPON = ConfigTable(
    "cart_coupon",
    "Coupons of which ml.cart tells whoever can use them.",
    ("code",),
    (
        ConfigColumn("code", "text", "What is typed."),
        ConfigColumn("words", "text", "What it gives, for the customer: 10 % off.", required=True),
        ConfigColumn("least_total", "number", "From which total of the cart on; null: any.", "shop currency"),
        ConfigColumn(
            "category",
            "text",
            "Only with a product of this category in the cart; null: any.",
            references="product.category",
        ),
        ConfigColumn("starts_on", "date", "First day; null: at once."),
        ConfigColumn("ends_on", "date", "Last day; null: no end."),
    ),
    checks={
        "least_total is 0 or more": "least_total >= 0",
        "it ends no sooner than it starts": "ends_on >= starts_on",
    },
    examples={
        "10 % off from 40 on, until the end of the year.": (
            "INSERT INTO ml_config.cart_coupon (code, words, least_total, ends_on) "
            "VALUES ('WINTER10', '10 % off', 40, '2026-12-31')"
        )
    },
)

CONFIG = (SETTING, COUPON)

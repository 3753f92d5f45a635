"""The numbers that are known of a customer at a time, by the names that features, models and reasons share."""

from __future__ import annotations

SPANS = (7, 28, 90, 365)
"""Days over which what happened lately is counted."""

HORIZONS = (7, 28, 90)
"""Days ahead within which a chance of an order is given; the last is the gate's horizon."""

NUMBERS = (
    "orders",
    "days_since",
    "days_known",
    "mean_gap",
    "gap_deviation",
    "last_gap",
    "late",
    *(f"orders_{days}" for days in SPANS),
    "spend",
    "spend_90",
    "spend_365",
    "mean_order",
    "largest_order",
    "last_order",
    "pieces",
    "lines",
    "products",
    "categories",
    "returned",
    "price_level",
    "season_orders",
    "season_spend",
    "weekend_share",
    "app_share",
    "store_share",
    "coupon_share",
    "account_days",
    "views_7",
    "views_28",
    "carts_28",
    "days_since_event",
    "searches_28",
    "mails_90",
    "mail_visits",
    "tickets_90",
    "stars",
    "circle",
    "circle_orders_90",
    "referred",
)
"""Columns that a model may use; null where the shop cannot know. Money is in the shop's currency, times in days."""

"""Columns that several tables have."""

from __future__ import annotations

from ml.core.spec import PublishedColumn

TICKET = PublishedColumn("ticket_id", "text", "The ticket.")
WHO = PublishedColumn("customer_id", "text", "Who asks; null: not known.", nullable=True)
INTENT = PublishedColumn("intent", "text", "What is asked for; unknown: none of what the shop knows.")
LANGUAGE = PublishedColumn("language", "text", "ISO 639-1; und: cannot be told; zxx: no words.")
REASON = PublishedColumn("reason", "text", "Why, in words.")
CHANCE = "0 to 1"

"""The reasons: their codes, and their English words. Data only, so that what staff edits can start from them."""

from __future__ import annotations

from collections.abc import Mapping

REASON_CODES = ("again", "because", "looked", "category", "segment", "popular", "explore", "pinned", "range")
"""Codes of a customer's recommendations; ``Ranked.code`` is a place in it."""

TEMPLATES: Mapping[str, str] = {
    "again": "bought again about every {days} days",
    "because": "because you bought {source}",
    "looked": "because you looked at {source}",
    "category": "new in {category}, a category you follow",
    "segment": "popular with {segment} customers this month",
    "popular": "popular this month",
    "explore": "to get to know it",
    "pinned": "chosen by the shop",
    "range": "from our range",
    "bought": "because you bought it before",
    "daily": "bought again about every day",
    "first": "what new customers choose first",
    "together": "often bought together with {source}",
    "compared": "looked at or bought by the same customers",
    "alike": "similar to {source}",
    "trending": "in demand: bought more than before",
}
"""English words of each code: ``REASON_CODES``, ``bought`` and ``daily`` (again, where no
interval is known or it is a day), and those of the other tables."""

"""The reasons: their codes, and their English words. Data only, so that what staff edits can start from them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, auto


class Reason(IntEnum):
    """Why a product is shown: first those of a customer's recommendations, then those of the other tables."""

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[int]) -> int:  # noqa: ARG004
        return count

    AGAIN = auto()
    BECAUSE = auto()
    LOOKED = auto()
    CATEGORY = auto()
    SEGMENT = auto()
    POPULAR = auto()
    EXPLORE = auto()
    PINNED = auto()
    RANGE = auto()
    BOUGHT = auto()
    """``AGAIN`` where nothing but a purchase of yesterday is known."""
    DAILY = auto()
    """``AGAIN`` where the interval is a day."""
    BUYERS = auto()
    """``AGAIN`` where the customer bought it on one or two days, and others buy it regularly."""
    LAST = auto()
    """``AGAIN`` where it does not come back regularly, or is long overdue."""
    FIRST = auto()
    TOGETHER = auto()
    COMPARED = auto()
    ALIKE = auto()
    TRENDING = auto()
    LOOKS = auto()

    @property
    def code(self) -> str:
        """The name in tables that the shop reads or writes."""
        return self.name.lower()


REASON_CODES = tuple(reason.code for reason in Reason if reason <= Reason.RANGE)
"""Codes of ``recommendation.reason_code``, in the order of :class:`Reason`."""

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
    "buyers": "its buyers need it again about every {days} days",
    "last": "because you bought it {days} days ago",
    "first": "what new customers choose first",
    "together": "often bought together with {source}",
    "compared": "looked at or bought by the same customers",
    "alike": "similar to {source}",
    "trending": "in demand: bought more than before",
    "looks": "looks like {source}",
}
"""English words of each :attr:`Reason.code`, in the order of the reasons."""

"""What looks like a value of the shop and names nobody and nothing."""

from __future__ import annotations

NO_VALUE = (
    "NULL",
    "null",
    "Null",
    "(null)",
    "<null>",
    "\\N",
    "N/A",
    "n/a",
    "#N/A",
    "None",
    "none",
    "nan",
    "NaN",
    "NaT",
    "nil",
    "undefined",
    "-",
    "--",
)
"""Words that programs write where there is no value."""

COMMON_SHARE, COMMON_CUSTOMERS = 0.5, 5
"""A device, card, address, IP or e-mail that more than this share of the customers have, and so many at least, is nobody's.

It is that of a proxy, a till or a test, or stands for "unknown".
"""

STRUCTURED = r"^\s*([\[{]\s*[\"{\[\]}]|[aO]:[0-9]+:)"
"""How JSON and PHP's serialised values begin; no name of a product does."""

WORDED = {"product": ("title", "description"), "review": ("title", "text")}
"""Columns whose words are shown or learnt from: a structure is none, and becomes null."""

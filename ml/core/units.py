"""Units that several places count in."""

from __future__ import annotations

DAY_S = 86_400
"""Seconds of a day."""
DAY_US = 86_400_000_000
"""Microseconds of a day."""

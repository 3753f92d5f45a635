"""Splits by time: what was known before a cutoff, and what happened after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Window:
    """A test window ``[start, end)``. Train on what was known before ``start``, test on what happened in the window."""

    start: datetime
    end: datetime


def windows(end: datetime, horizon: timedelta, count: int = 1) -> tuple[Window, ...]:
    """Cut ``count`` adjacent windows of length ``horizon`` that end at ``end``, oldest first.

    Choose parameters on the older ones and report the last: it has then been looked at once.

    Examples
    --------
    >>> [w.start.day for w in windows(datetime(2020, 1, 29), timedelta(days=7), count=2)]
    [15, 22]
    """
    if horizon <= timedelta(0):
        raise ValueError(f"horizon must be positive, got {horizon}")
    return tuple(Window(end - (i + 1) * horizon, end - i * horizon) for i in reversed(range(count)))

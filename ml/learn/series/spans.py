"""Spans of a forecast: their kinds, and which of them are over by a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ml.learn.series.panel import Span

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

KINDS = 4
"""Kinds of spans whose errors are alike: see :func:`kinds`."""


def kinds(spans: Sequence[Span]) -> Longs:
    """Kind of each span: a period of the next seven, a later one, a longer span of the next 28, and a later one.

    Examples
    --------
    >>> kinds([(0, 1), (20, 1), (0, 7), (70, 7)]).tolist()
    [0, 1, 2, 3]
    """
    end = np.array([start + width for start, width in spans])
    single = np.array([width == 1 for _, width in spans])
    return np.where(single, np.where(end <= 7, 0, 1), np.where(end <= 28, 2, 3)).astype(np.int64)


def held(length: int, spans: tuple[Span, ...], season: int) -> int:
    """How many of the newest periods weigh the methods and make intervals conformal: the longest span and two seasons.

    At most a third of all there are.
    """
    return min(max(start + width for start, width in spans) + 2 * season, length // 3)


def until_then(truth: Floats, origin: int, spans: tuple[Span, ...], until: int) -> Floats:
    """``truth`` (n_series, n_spans), nan where a span is not over by ``until``."""
    over = np.array([origin + start + width > until for start, width in spans])
    return np.where(over, np.nan, truth)

"""Simple forecasts of many series at once: each is a peer, a candidate of a combination, and what a model must beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from ml.learn.series.columns import Past, Seen
from ml.learn.series.panel import Span

Floats = npt.NDArray[np.float64]

_PERIODS = 182
"""Smoothing looks at so many periods at most: what is older weighs nothing at any rate used here."""


def average(past: Past, origin: int, spans: tuple[Span, ...], seen: Seen) -> Floats:  # noqa: ARG001
    """Mean of the longest window times the season's factor, shape (n_series, n_spans)."""
    return seen.level[:, None] * seen.profile


def seasonal_naive(past: Past, origin: int, spans: tuple[Span, ...], seen: Seen) -> Floats:
    """The latest span that lies whole seasons before; the level where nothing is known of it."""
    season, made = past.panel.rhythm.season, []
    for start, width in spans:
        begin = origin + start - -(-(start + width) // season) * season
        value = past.sold.mean(begin, begin + width)
        made.append(np.where(np.isnan(value), seen.level, value))
    return np.stack(made, axis=1)


def smoothed(past: Past, origin: int, spans: tuple[Span, ...], seen: Seen, alpha: float = 0.1) -> Floats:  # noqa: ARG001
    """Exponential smoothing (ETS(A,N,N)) of what is left without the season, times the season's factor."""
    level, _ = _levels(_recent(past, origin), seen.level, alpha)
    return level[:, None] * seen.profile


def theta(past: Past, origin: int, spans: tuple[Span, ...], seen: Seen, alpha: float = 0.2) -> Floats:
    """Theta (Assimakopoulos & Nikolopoulos 2000): smoothing with half the slope of the trend (Hyndman & Billah 2003)."""
    recent = _recent(past, origin)
    level, _ = _levels(recent, seen.level, alpha)
    slope = _slope(recent)
    middle = np.array([start + width / 2 for start, width in spans])
    return np.maximum(level[:, None] + 0.5 * slope[:, None] * (middle + 1 / alpha - 1), 0.0) * seen.profile


def croston(past: Past, origin: int, spans: tuple[Span, ...], seen: Seen, alpha: float = 0.1) -> Floats:
    """Croston (1972) with the correction of Syntetos & Boylan (2005): size over interval, the same for every span."""
    size, interval = _croston(_recent(past, origin), seen.level, alpha)
    return np.repeat(((1 - alpha / 2) * size / interval)[:, None], len(spans), axis=1)


def tsb(past: Past, origin: int, spans: tuple[Span, ...], seen: Seen, alpha: float = 0.1) -> Floats:
    """Teunter, Syntetos & Babai (2011): chance of a sale times its size; the chance fades while nothing is sold."""
    recent = _recent(past, origin)
    sold = np.where(np.isnan(recent), np.nan, recent > 0)
    start = np.nan_to_num(_known_mean(sold), nan=0.5)
    chance, _ = _levels(sold, start, alpha)
    size, _ = _croston(recent, seen.level, alpha)
    return np.repeat((chance * size)[:, None], len(spans), axis=1)


METHODS: Mapping[str, Callable[..., Floats]] = {
    "average": average,
    "seasonal naive": seasonal_naive,
    "smoothing": smoothed,
    "Theta": theta,
    "Croston": croston,
    "TSB": tsb,
}
"""By name; each takes what :func:`average` takes."""


def _recent(past: Past, origin: int) -> Floats:
    return past.panel.pieces[:, max(origin - _PERIODS, 0) : origin].astype(np.float64)


def _levels(values: Floats, start: Floats, alpha: float) -> tuple[Floats, Floats]:
    """Level after the last period, and number of known ones: a period that is not known changes nothing."""
    level, n = start.copy(), np.zeros(len(values))
    for value in values.T:
        known = ~np.isnan(value)
        level = np.where(known, level + alpha * (np.nan_to_num(value) - level), level)
        n += known
    return level, n


def _croston(values: Floats, start: Floats, alpha: float) -> tuple[Floats, Floats]:
    """Smoothed size of a sale and periods between two."""
    positive = np.where(values > 0, values, np.nan)
    size = _known_mean(positive)
    size = np.where(np.isnan(size), np.maximum(start, 1e-9), size)
    share = np.nan_to_num(_known_mean(np.where(np.isnan(values), np.nan, values > 0)))
    interval = 1 / np.maximum(share, 1 / (2 * max(values.shape[1], 1)))
    since = np.ones(len(values))
    for value in values.T:
        known, sold = ~np.isnan(value), np.nan_to_num(value) > 0
        size = np.where(sold, size + alpha * (np.nan_to_num(value) - size), size)
        interval = np.where(sold, interval + alpha * (since - interval), interval)
        since = np.where(sold, 1.0, since + known)
    return size, np.maximum(interval, 1.0)


def _slope(values: Floats) -> Floats:
    """Least-squares slope per period over the known ones, shape (n,)."""
    known = ~np.isnan(values)
    at = np.arange(values.shape[1], dtype=np.float64)
    n = np.maximum(known.sum(axis=1), 1)
    middle = (known * at).sum(axis=1) / n
    away = np.where(known, at - middle[:, None], 0.0)
    mean = np.nansum(values, axis=1) / n
    return np.asarray(
        (away * np.where(known, values - mean[:, None], 0.0)).sum(axis=1) / np.maximum((away**2).sum(axis=1), 1.0)
    )


def _known_mean(values: Floats) -> Floats:
    n = (~np.isnan(values)).sum(axis=1)
    return np.asarray(np.divide(np.nansum(values, axis=1), n, out=np.full(len(n), np.nan), where=n > 0))

"""Whether the last day of a series is unlike the days before, and whether two distributions differ.

A series holds one statistic of a column a day (rows, a share, a mean). Today is held against what a weighted regression on
weekday and trend foretells from the days before, with their own day-to-day spread: a shop's weekends, growth and campaigns
are part of that, so a day that is merely busy is not called a fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]
Scale = Literal["count", "share", "level", "most"]

DAYS = 56
"""Days before that today is held against: eight of each weekday."""
FEWEST = 21
USUAL = 0.8
"""A table that has rows on fewer of the days is written now and then: a day with or without rows says nothing."""
RATE = 0.01
"""Share of quiet nights with a false alarm that the correction for many tests aims at."""
_BEYOND = 1.1
"""Today must be further off than any of the days before, by so much: days are not normally distributed."""
FLOORS = {"count": log(1.5), "share": 0.02, "level": 0.1, "most": log(2.0)}
"""What is smaller does not matter, however sure: a ratio (as its log), points of a share, a change of the mean log."""


@dataclass(frozen=True)
class Series:
    """One statistic by day, today first.

    Parameters
    ----------
    name : str
        ``<table>.<column>``, or the table.
    what : str
        Which statistic: ``rows``, ``share without a value``, …
    scale : str
        ``count``: ``k`` rows. ``share``: ``k`` of ``n``. ``level``: ``k`` is the sum of log(1 + |x|) (signed) over ``n``
        values, ``squares`` that of its squares. ``most``: ``k`` rows share one value.
    k, n, squares : ndarray of shape (n_days,)
    """

    name: str
    what: str
    scale: Scale
    k: Floats
    n: Floats
    squares: Floats

    def weekly(self) -> Series:
        """The same by whole weeks, the last seven days first."""
        weeks = len(self.k) // 7

        def summed(values: Floats) -> Floats:
            return np.asarray(values[: weeks * 7].reshape(weeks, 7).sum(axis=1), np.float64)

        k = self.k[: weeks * 7].reshape(weeks, 7).max(axis=1) if self.scale == "most" else summed(self.k)
        return Series(self.name, f"{self.what}, last 7 days", self.scale, k, summed(self.n), summed(self.squares))

    def since(self, first: int) -> Series:
        """The same as it was ``first`` days (or weeks) ago."""
        return Series(self.name, self.what, self.scale, self.k[first:], self.n[first:], self.squares[first:])


class Finding(NamedTuple):
    """One test: today's figure, what was foretold, and how likely so large a difference is by chance."""

    name: str
    what: str
    value: float
    expected: float
    low: float
    high: float
    p: float
    matters: bool
    """The difference is large enough to matter, and larger than on any of the days before."""
    n: float


def steadied(series: Series) -> tuple[Floats, Floats]:
    """The statistic on a scale on which its sampling variance is known, and that variance (inf: nothing to measure).

    Counts: 2 √(k + 3/8), variance 1 (Anscombe 1948). Shares: asin √((k + 3/8) / (n + 3/4)), variance 1 / (4n + 2).
    """
    k, n = series.k, series.n
    with np.errstate(divide="ignore", invalid="ignore"):
        if series.scale in ("count", "most"):
            return 2 * np.sqrt(k + 0.375), np.ones(len(k))
        if series.scale == "share":
            return np.arcsin(np.sqrt((k + 0.375) / (n + 0.75))), np.where(n > 0, 1 / (4 * n + 2), np.inf)
        mean, filled = np.where(n > 0, k / n, 0.0), n > 0
        # Of a day's few values the spread is not known: that within all days is taken.
        within = (series.squares - n * mean**2)[filled].sum() / max(1.0, float((n[filled] - 1).sum()))
        return mean, np.where(filled, max(within, 1e-6) / n, np.inf)


def shown(series: Series, y: float) -> float:
    """A steadied value as a person reads it."""
    if series.scale in ("count", "most"):
        return float(max(0.0, (max(y, 0.0) / 2) ** 2 - 0.375))
    if series.scale == "share":
        return float(np.sin(np.clip(y, 0, np.pi / 2)) ** 2)
    return float(np.sign(y) * np.expm1(abs(y)))


def _today(series: Series) -> float:
    """Today's figure as a person reads it, as it is."""
    k, n = float(series.k[0]), float(series.n[0])
    if series.scale in ("count", "most"):
        return k
    return k / n if series.scale == "share" else shown(series, k / n)


def compare(series: Series, *, weekly: bool = False) -> Finding | None:
    """Hold today against the days before; None where there is not enough of them to say.

    Parameters
    ----------
    weekly : bool
        The series is by weeks: no weekdays in it, and eight before are enough.

    Notes
    -----
    Weighted least squares of y on 1, trend and weekday with weights 1 / variance; the spread beyond sampling is
    φ = max(1, Σ w r² / df), and z = (y₀ - ŷ₀) / √(φ (v₀ + x₀ᵀ (XᵀWX)⁻¹ x₀)) is t-distributed with df degrees of freedom.
    """
    y, v = steadied(series)
    past = np.arange(1, min(len(y), (8 if weekly else DAYS) + 1))
    past = past[np.isfinite(v[past])]
    if len(past) < (6 if weekly else FEWEST) or not np.isfinite(v[0]) or series.n[past].sum() < 30:
        return None
    if series.scale == "count" and (series.k[past] > 0).mean() < USUAL:
        return None
    x = _design(np.r_[0, past], weekly=weekly)
    w = 1 / v[past]
    inverse = np.linalg.pinv((x[1:] * w[:, None]).T @ x[1:])
    beta = inverse @ (x[1:].T @ (w * y[past]))
    residual, df = y[past] - x[1:] @ beta, len(past) - np.linalg.matrix_rank(x[1:])
    # The largest of many counts varies less from day to day than a count does.
    spread = max(0.1 if series.scale == "most" else 1.0, float((w * residual**2).sum() / df))
    foretold = float(x[0] @ beta)
    error = float(np.sqrt(spread * (v[0] + x[0] @ inverse @ x[0])))
    off = float(y[0] - foretold)
    p = float(2 * stats.t.sf(abs(off) / error, df))
    reach = stats.t.ppf(0.975, df) * error
    usual = float(np.max(np.abs(residual) / np.sqrt(v[past])))
    value, expected = _today(series), shown(series, foretold)
    matters = abs(off) / np.sqrt(v[0]) > _BEYOND * usual and _large(series.scale, value, expected)
    if series.scale == "level":
        matters = matters and abs(off) >= FLOORS["level"]
    low, high = shown(series, foretold - reach), shown(series, foretold + reach)
    return Finding(series.name, series.what, value, expected, low, high, p, bool(matters), float(series.n[0]))


def _design(days: npt.NDArray[np.int64], *, weekly: bool) -> Floats:
    ones = np.ones((len(days), 1))
    if weekly:
        return ones
    weekday = np.eye(7)[days % 7][:, 1:]
    return np.hstack([ones, days[:, None] / DAYS, weekday])


def _large(scale: Scale, value: float, expected: float) -> bool:
    if scale == "share":
        return abs(value - expected) >= FLOORS["share"]
    if scale == "level":
        return True
    ratio = float(abs(np.log((value + 1) / (expected + 1))))
    return ratio >= FLOORS[scale] and abs(value - expected) >= (10 if scale == "most" else 5)


def alarms(found: Sequence[Finding], rate: float = RATE) -> list[Finding]:
    """The findings that stand after the correction for many (Benjamini & Hochberg 1995), the surest first.

    If nothing has changed, a night has one with probability ``rate``.
    """
    if not found:
        return []
    corrected = stats.false_discovery_control([f.p for f in found], method="bh")
    sure = [(q, f) for q, f in zip(corrected, found, strict=True) if q <= rate and f.matters]
    return [f for _, f in sorted(sure, key=lambda pair: (pair[0], pair[1].name, pair[1].what))]


def psi(before: Floats, now: Floats) -> float:
    """Population stability index Σ (p - q) ln(p / q) of counts in the same bins; above 0.25 something is different.

    Half a count is added to each bin, so an empty one is no infinity.

    Examples
    --------
    >>> round(psi(np.array([50.0, 50.0]), np.array([500.0, 500.0])), 3)
    0.0
    """
    p = (before + 0.5) / (before.sum() + 0.5 * len(before))
    q = (now + 0.5) / (now.sum() + 0.5 * len(now))
    return float(((q - p) * np.log(q / p)).sum())

"""Many series of equal length, and sums over any stretch of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]
Span = tuple[int, int]
"""Periods from the origin to the first one that is meant (0: the very next), and how many."""


class Rhythm(NamedTuple):
    """What a period is: the season that repeats, a year, and the windows that the recent past is averaged over."""

    season: int = 7
    year: int = 364
    """A multiple of ``season`` where there is one, so that like days are compared."""
    windows: tuple[int, int, int, int] = (7, 14, 28, 56)


DAYS, MONTHS = Rhythm(), Rhythm(12, 12, (3, 6, 12, 24))


class Grouping(NamedTuple):
    """Series that may behave alike: ``code`` (n_series,) of each, and the mean of each group's series, (n_groups, t)."""

    code: Longs
    mean: Floats


class Panel(NamedTuple):
    """Series side by side.

    Attributes
    ----------
    pieces : ndarray of shape (n_series, t), float32
        Sold per period; nan where that says nothing of demand: before the series began, or out of stock.
    first : int
        Number of the first period, days since 1970-01-01 for days.
    prior : ndarray of shape (n_series,), float32
        Pieces per period that are expected of a series without a past, from its likes.
    groupings : tuple of Grouping
    opened : ndarray of shape (n_series, t), float32, or None
        Share of each period in which it could be bought; None: not known, so always.
    ahead : ndarray of shape (n_series, t + horizon, k), float32, or None
        What is known of each period beforehand: a discount, a holiday.
    rhythm : Rhythm
    """

    pieces: Floats
    first: int
    prior: Floats
    groupings: tuple[Grouping, ...] = ()
    opened: Floats | None = None
    ahead: Floats | None = None
    rhythm: Rhythm = DAYS

    @property
    def length(self) -> int:
        return int(self.pieces.shape[1])

    def rows(self, chosen: Longs | slice) -> Panel:
        """Some of the series, the groups as they are."""
        return self._replace(
            pieces=self.pieces[chosen],
            prior=self.prior[chosen],
            groupings=tuple(group._replace(code=group.code[chosen]) for group in self.groupings),
            opened=None if self.opened is None else self.opened[chosen],
            ahead=None if self.ahead is None else self.ahead[chosen],
        )

    def before(self, origin: int, horizon: int) -> Panel:
        """The panel as it was known at ``origin``; what is known beforehand reaches ``horizon`` periods further."""
        return self._replace(
            pieces=self.pieces[:, :origin],
            groupings=tuple(group._replace(mean=group.mean[:, :origin]) for group in self.groupings),
            opened=None if self.opened is None else self.opened[:, :origin],
            ahead=None if self.ahead is None else self.ahead[:, : origin + horizon],
        )


class Sums:
    """Sums and numbers of known periods over any stretch, from cumulative sums.

    Parameters
    ----------
    values : ndarray of shape (n, t)
        nan is not counted.
    """

    def __init__(self, values: npt.NDArray[np.floating]) -> None:
        known = ~np.isnan(values)
        self.length = values.shape[1]
        self._sum, self._count = _cumulated(np.where(known, values, 0)), _cumulated(known)

    def total(self, start: int, end: int) -> npt.NDArray[np.float64]:
        """Sum over periods [start, end), shape (n,); what lies outside counts nothing."""
        return self._between(self._sum, start, end)

    def count(self, start: int, end: int) -> npt.NDArray[np.float64]:
        """Known periods in [start, end), shape (n,)."""
        return self._between(self._count, start, end)

    def mean(self, start: int, end: int) -> npt.NDArray[np.float64]:
        """Mean over the known periods of [start, end), shape (n,); nan where none is known."""
        n = self.count(start, end)
        return np.asarray(np.divide(self.total(start, end), n, out=np.full(len(n), np.nan), where=n > 0))

    def _between(self, cumulated: npt.NDArray[np.float64], start: int, end: int) -> npt.NDArray[np.float64]:
        low, high = (min(max(at, 0), self.length) for at in (start, end))
        return np.asarray(cumulated[:, max(high, low)] - cumulated[:, low])


def _cumulated(values: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    out = np.zeros((values.shape[0], values.shape[1] + 1))
    np.cumsum(values, axis=1, out=out[:, 1:])
    return out


def actual(panel: Panel, origin: int, spans: tuple[Span, ...]) -> npt.NDArray[np.float64]:
    """What was sold per period in each span after ``origin``, shape (n_series, n_spans).

    nan where under half of a span is known, or it lies beyond the end.
    """
    sums = Sums(panel.pieces[:, origin : origin + max(start + width for start, width in spans)])
    out = np.full((len(panel.pieces), len(spans)), np.nan)
    for j, (start, width) in enumerate(spans):
        if origin + start + width <= panel.length:
            enough = sums.count(start, start + width) * 2 >= width
            out[:, j] = np.where(enough, sums.mean(start, start + width), np.nan)
    return out

"""What a global model sees of a series at an origin, free of the series' scale."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ml.learn.series.panel import Panel, Rhythm, Span, Sums

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]

_PRIOR_PERIODS = 2.0
"""A series' level is drawn to what its likes suggest as if by so many periods, fewer the more of its own are known."""
_FADES = 14.0
"""They are fewer by a factor of e after so many."""
_SEASONS = 8
"""So many seasons back, a season's profile is made of."""
_DRAWN = 2.0
"""Profiles are drawn to 1 as if by so many seasons."""


class Seen(NamedTuple):
    """What is known at an origin.

    Attributes
    ----------
    x : ndarray of shape (n_series * n_spans, n_columns), float32
        The spans of the first series, then those of the second; nan where nothing is known.
    level : ndarray of shape (n_series,)
        Pieces per period lately, above 0: what a forecast is a multiple of.
    profile : ndarray of shape (n_series, n_spans)
        The season's factor of each span.
    """

    x: Matrix
    level: Floats
    profile: Floats


class Past:
    """Cumulative sums of a panel, made once and read at any origin."""

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self.sold = Sums(panel.pieces)
        self.nonzero = Sums(np.where(np.isnan(panel.pieces), np.nan, panel.pieces > 0))
        self.squared = Sums(np.square(panel.pieces, dtype=np.float64))
        self.groups = [Sums(group.mean) for group in panel.groupings]
        self.opened = None if panel.opened is None else Sums(panel.opened)
        self.seasons = [Sums(panel.pieces[:, day :: panel.rhythm.season]) for day in range(panel.rhythm.season)]
        self.group_seasons = [
            [Sums(group.mean[:, day :: panel.rhythm.season]) for day in range(panel.rhythm.season)]
            for group in panel.groupings
        ]

    def seen(self, origin: int, spans: tuple[Span, ...]) -> Seen:
        """The columns of every series and span as known at ``origin``: periods before it alone are looked at."""
        panel, rhythm = self.panel, self.panel.rhythm
        level = self.level(origin)
        series = self._series(origin, level)
        n, k = len(level), len(spans)
        own = _season_factor(self.seasons, self.sold, origin, rhythm)
        profile = np.stack([_over(own, origin, span, rhythm) for span in spans], axis=1)
        x = np.full((n, k, series.shape[1] + self.span_columns), np.nan, np.float32)
        x[:, :, : series.shape[1]] = series[:, None]
        group_factors = [
            _season_factor(seasons, sums, origin, rhythm)
            for seasons, sums in zip(self.group_seasons, self.groups, strict=True)
        ]
        for j, span in enumerate(spans):
            made = [np.full(n, span[0], float), np.full(n, span[1], float), profile[:, j]]
            made += [np.full(n, (panel.first + origin + span[0]) % rhythm.season, float)]
            made += [self._same_season(origin, span, level), self._year_ago(self.sold, origin, span)]
            for group, sums, factor in zip(panel.groupings, self.groups, group_factors, strict=True):
                made.append(_over(factor, origin, span, rhythm)[group.code])
                made.append(self._year_ago(sums, origin, span)[group.code])
            if panel.ahead is not None:
                made += self._ahead(panel.ahead, origin, span)
            x[:, j, series.shape[1] :] = np.stack(made, axis=1)
        return Seen(x.reshape(n * k, x.shape[2]), level, profile)

    def level(self, origin: int) -> Floats:
        """Pieces per period lately: the mean of the longest window, drawn to the likes where little is known."""
        window = self.panel.rhythm.windows[-1]
        total, n = (f(origin - window, origin) for f in (self.sold.total, self.sold.count))
        prior = np.maximum(self.panel.prior.astype(np.float64), 1e-3)
        drawn = _PRIOR_PERIODS * np.exp(-n / _FADES)
        return np.asarray((total + prior * drawn) / (n + drawn))

    @property
    def span_columns(self) -> int:
        """How many columns, the last ones, differ from span to span."""
        panel = self.panel
        return 6 + 2 * len(panel.groupings) + (0 if panel.ahead is None else 2 * panel.ahead.shape[2])

    def _series(self, origin: int, level: Floats) -> Floats:
        """Columns that are the same for every span, shape (n, c)."""
        panel, (short, middle, long, longest) = self.panel, self.panel.rhythm.windows
        made = [np.log(level)]
        made += [self.sold.mean(origin - w, origin) / level for w in (1, 3, short, middle, long)]
        made += [self.sold.mean(origin - longest, origin - long) / level]
        made += [self.nonzero.mean(origin - w, origin) for w in (long, longest)]
        mean = self.sold.mean(origin - longest, origin)
        spread = np.sqrt(np.maximum(self.squared.mean(origin - longest, origin) - mean**2, 0))
        made += [spread / level, self.sold.count(0, origin)]
        made.append(_since_last(panel.pieces, origin, longest))
        for group, sums in zip(panel.groupings, self.groups, strict=True):
            usual = np.maximum(sums.mean(origin - longest, origin), 1e-6)
            made += [(sums.mean(origin - w, origin) / usual)[group.code] for w in (short, long)]
            made.append(np.log(usual)[group.code] - np.log(level))
        if self.opened is not None:
            made += [self.opened.mean(origin - w, origin) for w in (1, short, long)]
            rate = self.sold.total(origin - long, origin) / np.maximum(self.opened.total(origin - long, origin), 0.1)
            made.append(rate / level)
        return np.stack(made, axis=1)

    def _same_season(self, origin: int, span: Span, level: Floats) -> Floats:
        """The latest span that lies whole seasons before, as a multiple of the level."""
        season = self.panel.rhythm.season
        back = -(-(span[0] + span[1]) // season) * season
        start = origin + span[0] - back
        return np.asarray(self.sold.mean(start, start + span[1]) / level)

    def _year_ago(self, sums: Sums, origin: int, span: Span) -> Floats:
        """How much more was sold around the span a year ago than before the origin a year ago; nan in a first year."""
        rhythm = self.panel.rhythm
        then = origin - rhythm.year
        wide = rhythm.windows[0] // 2
        before = sums.mean(then - rhythm.windows[2], then)
        around = sums.mean(then + span[0] - wide, then + span[0] + span[1] + wide)
        enough = (sums.count(then - rhythm.windows[2], then) * 2 >= rhythm.windows[2]) & (before > 0)
        return np.asarray(np.divide(around, before, out=np.full(len(before), np.nan), where=enough))

    def _ahead(self, ahead: npt.NDArray[np.float32], origin: int, span: Span) -> list[Floats]:
        start, window = origin + span[0], self.panel.rhythm.windows[2]
        with np.errstate(invalid="ignore"):
            then = ahead[:, start : start + span[1]].mean(axis=1, dtype=np.float64)
            lately = ahead[:, max(origin - window, 0) : max(origin, 1)].mean(axis=1, dtype=np.float64)
        return [*then.T, *(then - lately).T]


def _season_factor(seasons: list[Sums], sums: Sums, origin: int, rhythm: Rhythm) -> Floats:
    """How much more than usual is sold at each place of the season, (n, season), by the seasons before the origin."""
    back = _SEASONS * rhythm.season
    usual = np.maximum(sums.mean(origin - back, origin), 1e-9)
    out = np.ones((len(usual), rhythm.season))
    for place, each in enumerate(seasons):
        start, end = (-(-(at - place) // rhythm.season) for at in (origin - back, origin))
        total, n = each.total(start, end), each.count(start, end)
        out[:, place] = (total / usual + _DRAWN) / (n + _DRAWN)
    return np.where(np.isfinite(out), out, 1.0)


def _over(factor: Floats, origin: int, span: Span, rhythm: Rhythm) -> Floats:
    """Mean of the season's factors over a span, shape (n,)."""
    places = (origin + span[0] + np.arange(min(span[1], rhythm.season))) % rhythm.season
    return np.asarray(factor[:, places].mean(axis=1))


def _since_last(pieces: Matrix, origin: int, most: int) -> Floats:
    """Periods since something was sold, at most ``most``."""
    window = pieces[:, max(origin - most, 0) : origin][:, ::-1] > 0
    if not window.size:
        return np.full(len(pieces), most, np.float64)
    return np.where(window.any(axis=1), window.argmax(axis=1), most).astype(np.float64)

"""Quantiles moved so that their stated coverage is what comes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

FEWEST = 50
"""A slice with fewer errors is moved as all together are."""

_FACTORS = (1.0, 1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.5, 1.7, 2.0)


class Shifts(NamedTuple):
    """What is added to each quantile in each slice, shape (n_slices, n_levels), in multiples of a series' level."""

    shift: Floats

    def moved(self, quantiles: Floats, where: Longs) -> Floats:
        """``quantiles`` of shape (n_rows, n_levels), each row by its slice; in order, and none below 0."""
        return np.sort(np.maximum(quantiles + self.shift[where], 0.0), axis=1)


def shifts(
    actual: Floats,
    quantiles: Floats,
    levels: tuple[float, ...],
    where: Longs,
    slices: int,
    origin: Longs | None = None,
    apart: int = 1,
) -> Shifts:
    """Learn how far each quantile is off on rows that the model has not seen, slice by slice.

    One-sided conformal quantile regression (Romano, Patterson & Candès 2019): the ``level`` quantile of
    ``actual - quantile`` is what must be added for a share ``level`` of what comes to lie below. That holds where what comes
    is like what was. A day on which all series sell more is not: see :func:`widened`.

    Parameters
    ----------
    actual : ndarray of shape (n_rows,)
    quantiles : ndarray of shape (n_rows, n_levels)
    where : ndarray of shape (n_rows,), int64
        Slice of each row, 0 to ``slices - 1``.
    origin : ndarray of shape (n_rows,), int64, optional
        When each row was forecast. Levels are moved outwards so far that intervals hold origins that they did not see.
    apart : int
        Rows of origins less than this apart are of the same days.
    """
    error = actual[:, None] - quantiles
    used = levels if origin is None else widened(error, levels, where, slices, origin, apart)
    out = np.zeros((slices, len(levels)))
    if len(actual) >= FEWEST:
        out[:] = _quantiles(error, used)
        for one in range(slices):
            mine = error[where == one]
            if len(mine) >= FEWEST:
                out[one] = _quantiles(mine, used)
    return Shifts(out)


def widened(
    error: Floats, levels: tuple[float, ...], where: Longs, slices: int, origin: Longs, apart: int
) -> tuple[float, ...]:
    """The levels to take quantiles of errors at, for the stated ones to hold at origins that were left out.

    Errors of a day are alike in all series, so those of a few origins promise too narrow intervals for the next. Each origin
    is held against shifts learned from origins of other days; levels go outwards on the scale of the normal distribution
    by the factor at which the central intervals hold as much as they state.
    """
    pairs = [(j, len(levels) - 1 - j) for j in range(len(levels) // 2)]
    lots = [at for at in np.unique(origin) if (np.abs(origin - at) >= apart).sum() >= FEWEST]
    if len(lots) < 2 or not pairs:
        return levels
    tried = np.array([special.ndtr(special.ndtri(levels) * factor) for factor in _FACTORS])
    held, n = np.zeros((len(_FACTORS), len(pairs))), 0
    for at in lots:
        far = np.abs(origin - at) >= apart
        for one in range(slices):
            rest, mine = error[far & (where == one)], error[(origin == at) & (where == one)]
            if len(rest) < FEWEST or not len(mine):
                continue
            n += len(mine)
            for number, (low, high) in enumerate(pairs):
                below = mine[:, low] < np.quantile(rest[:, low], tried[:, low])[:, None]
                above = mine[:, high] > np.quantile(rest[:, high], tried[:, high])[:, None]
                held[:, number] += (~below & ~above).sum(axis=1)
    if not n:
        return levels
    stated = np.array([levels[high] - levels[low] for low, high in pairs])
    enough = (held / n - stated).mean(axis=1) >= 0
    best = int(np.argmax(enough)) if enough.any() else len(_FACTORS) - 1
    return tuple(float(level) for level in tried[best])


def ratios(truth: Floats, mean: Floats, code: Longs) -> Floats:
    """What each group sold over what was forecast, of the series whose truth is known."""
    known = np.isfinite(truth)
    forecast = np.bincount(code[known], mean[known])
    sold = np.bincount(code[known], truth[known])
    return sold[forecast > 0] / forecast[forecast > 0]


def ratio_quantiles(ratios: list[list[Floats]], levels: tuple[float, ...]) -> Floats:
    """Quantiles of the ratios of each slice, of all where a slice has few; the outermost on either side of 1."""
    slices = [np.concatenate([np.zeros(0), *each]) for each in ratios]
    everything = np.concatenate(slices)
    used = [each if len(each) >= 2 * len(levels) else everything for each in slices]
    made = np.array([np.quantile(each, levels) if len(each) else np.ones(len(levels)) for each in used])
    at = np.asarray(levels)
    return np.where(at <= 0.1, np.minimum(made, 1), np.where(at >= 0.9, np.maximum(made, 1), made))


def _quantiles(error: Floats, levels: tuple[float, ...]) -> Floats:
    return np.array([np.quantile(error[:, j], level) for j, level in enumerate(levels)])

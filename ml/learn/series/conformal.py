"""Quantiles moved so that their stated coverage is what comes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

FEWEST = 50
"""A slice with fewer errors is moved as all together are."""


class Shifts(NamedTuple):
    """What is added to each quantile in each slice, shape (n_slices, n_levels), in multiples of a series' level."""

    shift: Floats

    def moved(self, quantiles: Floats, where: Longs) -> Floats:
        """``quantiles`` of shape (n_rows, n_levels), each row by its slice; in order, and none below 0."""
        return np.sort(np.maximum(quantiles + self.shift[where], 0.0), axis=1)


def shifts(actual: Floats, quantiles: Floats, levels: tuple[float, ...], where: Longs, slices: int) -> Shifts:
    """Learn how far each quantile is off on rows that the model has not seen, slice by slice.

    One-sided conformal quantile regression (Romano, Patterson & Candès 2019): the ``level`` quantile of
    ``actual - quantile`` is what must be added for a share ``level`` of what comes to lie below.

    Parameters
    ----------
    actual : ndarray of shape (n_rows,)
    quantiles : ndarray of shape (n_rows, n_levels)
    where : ndarray of shape (n_rows,), int64
        Slice of each row, 0 to ``slices - 1``.
    """
    error = actual[:, None] - quantiles
    out = np.zeros((slices, len(levels)))
    if len(actual) >= FEWEST:
        out[:] = _quantiles(error, levels)
        for one in range(slices):
            mine = error[where == one]
            if len(mine) >= FEWEST:
                out[one] = _quantiles(mine, levels)
    return Shifts(out)


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

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


def _quantiles(error: Floats, levels: tuple[float, ...]) -> Floats:
    return np.array([np.quantile(error[:, j], level) for j, level in enumerate(levels)])

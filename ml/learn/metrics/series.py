"""How good forecasts of amounts are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def pinball(actual: Floats, forecast: Floats, level: float) -> Floats:
    """Loss of a quantile forecast (Koenker & Bassett 1978): the mean is least at the true quantile; nan where unknown.

    Examples
    --------
    >>> pinball(np.array([10.0, 10.0]), np.array([8.0, 12.0]), 0.9).round(1).tolist()
    [1.8, 0.2]
    """
    error = actual - forecast
    return np.maximum(level * error, (level - 1) * error)


def wape(actual: Floats, forecast: Floats) -> float:
    """Sum of absolute errors over the sum of what came; nan where nothing came. 1 for a forecast of 0."""
    total = float(np.nansum(np.abs(actual)))
    return float(np.nansum(np.abs(actual - forecast))) / total if total else float("nan")


def bias(actual: Floats, forecast: Floats) -> float:
    """Share by which the forecasts' total is above that of what came; periods that are not known are left out of both."""
    known = np.isfinite(actual)
    total = float(actual[known].sum())
    return float(forecast[known].sum()) / total - 1 if total else float("nan")


def naive_scale(pieces: npt.NDArray[np.floating], *, squared: bool = False, lag: int = 1) -> Floats:
    """Mean absolute (or root mean squared) step of each series, shape (n,): what scaled errors are divided by.

    Hyndman & Koehler 2006; M5 counts from a series' first sale on. nan where nothing steps.

    Parameters
    ----------
    pieces : ndarray of shape (n, t)
    """
    begun = np.cumsum(np.nan_to_num(pieces) > 0, axis=1) > 0
    known = np.where(begun, pieces, np.nan).astype(np.float64)
    step = known[:, lag:] - known[:, :-lag]
    step = np.square(step) if squared else np.abs(step)
    n = np.isfinite(step).sum(axis=1)
    mean = np.divide(np.nansum(step, axis=1), n, out=np.full(len(n), np.nan), where=n > 0)
    mean = np.where(mean > 0, mean, np.nan)
    return np.sqrt(mean) if squared else mean


def coverage(actual: Floats, low: Floats, high: Floats) -> float:
    """Share of what came that lies in its interval, of what is known."""
    known = np.isfinite(actual)
    return float(((actual >= low) & (actual <= high))[known].mean()) if known.any() else float("nan")

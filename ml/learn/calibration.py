"""Probabilities that mean what they say: of the orders told 2 %, two in a hundred turn out frauds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.learn.intervals import wilson

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.integer]

_STEPS = 50
FAR, FARTHEST = 30.0, 500.0
"""Log-odds beyond the first teach a calibration nothing more; beyond the second exp() has no number for them."""


@dataclass(frozen=True)
class Calibration:
    """logit q = slope · z + shift for a model's log-odds z; the default changes nothing."""

    slope: float = 1.0
    shift: float = 0.0

    def of_log_odds(self, log_odds: Floats) -> Floats:
        """Calibrated probabilities; their order stays."""
        z = np.clip(self.slope * log_odds + self.shift, -FARTHEST, FARTHEST)
        return np.asarray(1 / (1 + np.exp(-z)), np.float64)


def fit(label: Labels, log_odds: Floats, strength: float = 4.0) -> Calibration:
    """Fit Platt's (1999) sigmoid on log-odds by Newton's method, on orders that the model did not learn from.

    Parameters
    ----------
    label, log_odds : ndarray of shape (n_orders,)
    strength : float
        Ridge that draws the slope to 1 and the shift to 0, as if by so many frauds: with few of them in the slice
        little changes. The slope is not below 0.1, so no order of risk is turned round.

    Notes
    -----
    Two numbers rather than isotonic steps: a slice of a few dozen frauds cannot carry more, and ties would take from the
    order of the riskiest (measured in ``bench risk``).
    """
    y, x = np.asarray(label, np.float64), np.clip(np.asarray(log_odds, np.float64), -FAR, FAR)
    if not len(y) or not 0 < y.sum() < len(y):
        return Calibration()
    at = np.array([1.0, 0.0])
    for _ in range(_STEPS):
        q = 1 / (1 + np.exp(-np.clip(at[0] * x + at[1], -FARTHEST, FARTHEST)))
        slope = np.array([x @ (q - y), (q - y).sum()]) + strength * (at - [1.0, 0.0])
        w = q * (1 - q)
        bend = np.array([[w @ (x * x), w @ x], [w @ x, w.sum()]]) + strength * np.eye(2)
        step = np.linalg.solve(bend, slope)
        at = at - step / max(1.0, float(np.abs(step).max()))
        if float(np.abs(step).max()) < 1e-9:
            break
    return Calibration(float(max(at[0], 0.1)), float(at[1]))


def reliability(label: Labels, probability: Floats, bins: int = 10) -> npt.NDArray[np.float64]:
    """Points of a reliability plot over ``bins`` of equal size, least risky first.

    Returns
    -------
    ndarray of shape (n_bins, 4), float64
        Mean probability, share of frauds, and the bounds of Wilson's 95 % interval for that share.
    """
    if not len(label):
        return np.empty((0, 4))
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    forecast = np.array([np.asarray(probability)[part].mean() for part in parts])
    frauds, n = np.array([[np.asarray(label)[part].sum(), len(part)] for part in parts], np.float64).T
    return np.column_stack([forecast, frauds / n, *wilson(frauds, n)])

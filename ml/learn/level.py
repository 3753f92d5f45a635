"""How frequent frauds are now: the latest orders' labels are not all known, but some of their frauds are.

A ring in the orders that a model learned from raises every probability for as long as these are the latest with labels. Of the
younger orders it is known which were found to be frauds so far, and from older ones how long that takes: fewer than the
model expects by now, and the level falls; more, and it rises.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

DRAWN = 5.0
"""The model's own level counts as so many frauds that were expected and found."""
LEAST, MOST = 0.125, 4.0


def shift(probability: Floats, age_days: Floats, found: npt.NDArray[np.bool_], delay_days: Floats) -> float:
    """What to add to the log-odds so that the latest orders' frauds known by now are as many as expected.

    Parameters
    ----------
    probability : ndarray of shape (n_recent,)
        Of orders that the model did not learn from.
    age_days, found : ndarray of shape (n_recent,)
        How old each is, and whether it is known to be a fraud.
    delay_days : ndarray of shape (n_frauds,)
        After how many days older frauds were known.

    Examples
    --------
    >>> p, age, none = np.full(1000, 0.02), np.full(1000, 40.0), np.zeros(1000, bool)
    >>> round(shift(p, age, none, np.array([10.0, 20.0, 30.0])), 2)
    -1.61
    """
    if not len(delay_days) or not len(probability):
        return 0.0
    known = np.searchsorted(np.sort(delay_days), age_days, side="right") / len(delay_days)
    expected = float((probability * known).sum())
    return float(np.log(np.clip((found.sum() + DRAWN) / (expected + DRAWN), LEAST, MOST)))

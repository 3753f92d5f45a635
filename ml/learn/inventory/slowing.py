"""Whether a supplier has slowed by more than chance: its orders one after the other, those that wait included."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]

_SHIFT = 2.0
"""A supplier that slows is one whose orders come so many standard deviations later."""
_PROOF = float(np.log(1000))
"""Log of the odds at which it is said: by chance alone one in a thousand suppliers would seem so on a night."""
_MOST_ODDS = 5.0
"""One order counts at most so much: a single one that was lost proves nothing."""


def slowed(late: Floats, came: npt.NDArray[np.bool_]) -> int:
    """Orders since a supplier began to slow, by a cumulative sum of log-likelihood ratios (Page 1954); 0: it has not.

    Against orders that come ``_SHIFT`` standard deviations later. What has not come counts with the chance to wait so long.

    Parameters
    ----------
    late : ndarray of shape (n,)
        Days late, of what has not come until now; in the order in which they were due, the newest last.
    came : ndarray of shape (n,), bool

    Examples
    --------
    >>> usual = np.zeros(30)
    >>> slowed(np.append(usual, [4.0, 5.0, 4.0]), np.ones(33, bool)), slowed(usual, np.ones(30, bool))
    (3, 0)
    """
    known = late[came]
    middle = float(np.median(known)) if len(known) else 0.0
    spread = max(1.4826 * float(np.median(np.abs(known - middle))), 1.0) if len(known) else 1.0
    z = (late - middle) / spread
    arrived = _SHIFT * z - _SHIFT**2 / 2
    waiting = special.log_ndtr(_SHIFT - z) - special.log_ndtr(-z)
    ratio = np.minimum(np.where(came, arrived, waiting), _MOST_ODDS)
    total, since = 0.0, 0
    for number, each in enumerate(ratio):
        total += each
        if total <= 0:
            total, since = 0.0, number + 1
    return len(ratio) - since if total > _PROOF else 0

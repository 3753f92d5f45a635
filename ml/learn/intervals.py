"""Intervals of shares."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def wilson(hits: npt.ArrayLike, n: npt.ArrayLike, z: float = 1.96) -> tuple[Floats, Floats]:
    """Wilson's (1927) interval for a share; ``z`` 1.96 for 95 %.

    Examples
    --------
    >>> [round(float(bound), 3) for bound in wilson(0, 10)]
    [0.0, 0.278]
    """
    n = np.maximum(np.asarray(n, np.float64), 1)
    share = np.asarray(hits, np.float64) / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)

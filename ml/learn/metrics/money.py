"""How well amounts are foreseen: their order, and what is concentrated where.

Never the mean absolute error alone: the median minimises it, and of money that few spend the median is nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def spearman(true: Floats, predicted: Floats) -> float:
    """Correlation of the ranks, ties sharing theirs; 0 where one of them is the same for all."""
    from scipy.stats import rankdata

    if len(true) < 2 or np.ptp(true) == 0 or np.ptp(predicted) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(true), rankdata(predicted))[0, 1])


def gini(true: Floats, predicted: Floats) -> float:
    """Normalised Gini: area between the share of the money of the first customers by ``predicted`` and chance, over the best one.

    Examples
    --------
    >>> gini(np.array([0.0, 1.0, 9.0]), np.array([1.0, 2.0, 3.0]))
    1.0
    """
    if not len(true) or true.sum() <= 0:
        return 0.0
    best = _area(true, true)
    return _area(true, predicted) / best if best else 0.0


def _area(true: Floats, predicted: Floats) -> float:
    """Mean cumulative share in the order of ``predicted`` from the largest, above chance; ties share their mean."""
    from scipy.stats import rankdata

    place = rankdata(-predicted)
    return float((true * (len(true) + 1 - 2 * place)).sum() / (true.sum() * len(true)))

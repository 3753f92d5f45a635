"""Metrics of a yes-or-no forecast: how well it ranks, how true its probabilities are.

``label`` holds 1 and 0, ``score`` is larger where 1 is likelier; ties share their place. With one class only there is
nothing to rank: the area is then 0.5, precision and recall are 0 without a 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.integer]

_LEAST = 1e-6
"""Probabilities are held this far from 0 and 1: one surprise must not decide a mean over thousands."""


def roc_auc(label: Labels, score: Floats) -> float:
    """Chance that a random 1 has a larger score than a random 0, ties counted half (Hanley & McNeil 1982).

    Examples
    --------
    >>> roc_auc(np.array([0, 1, 0, 1]), np.array([0.1, 0.2, 0.2, 0.9]))
    0.875
    """
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(label, score)) if len(np.unique(label)) > 1 else 0.5


def average_precision(label: Labels, score: Floats) -> float:
    """Area under precision over recall as a step function: Σ (R_i - R_{i-1}) P_i, one step per different score."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(label, score)) if np.any(label) else 0.0


def recall_at_false_positives(label: Labels, score: Floats, rate: float) -> float:
    """Largest share of the ones that a threshold finds which lets through at most ``rate`` of the zeros."""
    taken, false = _curve(label, score)
    if not len(taken) or not taken[-1]:
        return 0.0
    return float(taken[false <= rate * false[-1]].max(initial=0.0) / taken[-1])


def precision_at(label: Labels, score: Floats, k: int) -> float:
    """Share of ones among the ``k`` largest scores; of rows that tie for the last places their mean counts."""
    k = min(k, len(label))
    if k < 1:
        return 0.0
    taken, false = _curve(label, score)
    rows = np.concatenate([[0.0], taken + false])
    return float(np.interp(k, rows, np.concatenate([[0.0], taken])) / k)


def calibration_error(label: Labels, probability: Floats, bins: int = 10) -> float:
    """Expected calibration error over ``bins`` of equal size: Σ |mean label - mean probability| · share.

    Equal size rather than equal width (Nixon et al., CVPR workshops 2019): with rare ones nearly all rows fall into one
    bin of equal width.
    """
    if not len(label):
        return 0.0
    order = np.argsort(probability, kind="stable")
    gap = np.asarray(label, np.float64)[order] - np.asarray(probability, np.float64)[order]
    return float(sum(abs(part.sum()) for part in np.array_split(gap, bins)) / len(gap))


def log_loss_skill(label: Labels, probability: Floats) -> Floats:
    """How much better than the base rate each row's probability told its label; 1 is perfect, 0 no better.

    With the base rate r of ``label`` and its entropy H: (log p(y_i) - log r(y_i)) / H. The mean over rows is McFadden's
    (1974) 1 - log loss / H, comparable between shops with rare and with frequent ones, and the log loss is proper: only
    true probabilities maximise it. The rate counts half a row more of each kind, so one class only divides by no zero.

    Returns
    -------
    ndarray of shape (n_rows,), float64
    """
    y = np.asarray(label, np.float64)
    p = np.clip(np.asarray(probability, np.float64), _LEAST, 1 - _LEAST)
    rate = (y.sum() + 0.5) / (len(y) + 1)
    entropy = -rate * np.log(rate) - (1 - rate) * np.log(1 - rate)
    gain = np.where(y > 0, np.log(p / rate), np.log((1 - p) / (1 - rate)))
    return np.asarray(gain / entropy, np.float64)


def _curve(label: Labels, score: Floats) -> tuple[Floats, Floats]:
    """Ones and zeros at or above each different score, from the largest score down."""
    order = np.argsort(-np.asarray(score, np.float64), kind="stable")
    ordered, ones = np.asarray(score)[order], np.cumsum(np.asarray(label, np.float64)[order])
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], np.ones(min(1, len(ordered)), bool)))
    taken: Floats = ones[ends]
    return taken, ends + 1 - taken

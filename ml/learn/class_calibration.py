"""From scores to chances, and from chances to a label."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
FEWEST = 60
"""Texts below which nothing is calibrated."""
MARGIN = 3.0
"""What a score of 1 adds to the class above its step and takes from the one below, where nothing is calibrated."""
_STEPS = np.array(sorted(np.linspace(-1.5, 1.5, 31), key=abs))
"""Of offsets that do equally well the smallest is taken."""


class Calibration(NamedTuple):
    """Chances are softmax(mixing[:, :-1] z + mixing[:, -1]); the label is the class of the largest chance times exp(offset).

    Parameters
    ----------
    mixing : ndarray of shape (n_classes, n_scores + 1), float64
        ``n_scores`` are those of one model, or of several side by side.
    offset : ndarray of shape (n_classes,), float64
        Chosen for macro-F1: rare classes are named before their chance is the largest.
    prior : ndarray of shape (n_classes,), float64
        Share of each class in the training texts.
    """

    mixing: Floats
    offset: Floats
    prior: Floats

    @property
    def of_clauses(self) -> Floats:
        """``mixing`` without the shop's prior: a clause is not positive because most reviews are."""
        even = self.mixing.copy()
        even[:, -1] -= np.log(self.prior)
        return even


def of_steps(class_of: npt.NDArray[np.int64]) -> Calibration:
    """What is taken of the steps of a scale where there is nothing to calibrate on.

    A class is as likely as the step into it is sure to be taken and the step out of it is not.

    Parameters
    ----------
    class_of : ndarray of shape (n_grades,), int64
        Class of each grade, none left out.

    Examples
    --------
    >>> of_steps(np.array([0, 0, 1, 2])).mixing.tolist()
    [[0.0, -3.0, 0.0, 0.0], [0.0, 1.5, -1.5, 0.0], [0.0, 0.0, 3.0, 0.0]]
    """
    n = int(class_of[-1]) + 1
    mixing = np.zeros((n, len(class_of)))
    for step in np.flatnonzero(np.diff(class_of)):
        below, above = class_of[step], class_of[step + 1]
        mixing[below, step], mixing[above, step] = -MARGIN, MARGIN
    mixing[1:-1] /= 2
    return Calibration(mixing, np.zeros(n), np.full(n, 1 / n))


def calibrate(scores: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], usual: Calibration) -> Calibration:
    """Fit on scores of shape (n, n_scores) of texts that the model had not seen, with their classes; too few: ``usual``.

    Multinomial logistic regression on the scores (matrix scaling, Guo et al., ICML 2017), then one offset per class that
    makes macro-F1 largest, class by class.
    """
    n_classes = len(usual.prior)
    counts = np.bincount(labels, minlength=n_classes)
    prior = (counts + 1) / (counts + 1).sum()
    present = np.flatnonzero(counts)
    if len(labels) < FEWEST or len(present) < 2:
        return usual
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1.0, max_iter=500, tol=1e-6).fit(scores.astype(np.float64), labels)
    slope, bias = fitted.coef_, fitted.intercept_
    if len(present) == 2:
        slope, bias = np.stack([-slope[0], slope[0]]) / 2, np.array([-bias[0], bias[0]]) / 2
    found = np.concatenate([slope, bias[:, None]], axis=1)
    # A class that nobody chose (three stars, where there are thumbs) is between the others and as rare as it was.
    mixing = np.tile(found.mean(axis=0), (n_classes, 1))
    mixing[:, -1] += np.log(prior)
    mixing[present] = found
    calibration = Calibration(mixing, np.zeros(n_classes), prior)
    return calibration._replace(offset=_offset(np.log(chances(calibration, scores)), labels, present))


def chances(calibration: Calibration, scores: npt.NDArray[np.float32]) -> Floats:
    """Chance of each class, shape (n, n_classes)."""
    # No BLAS: its last bit depends on how many rows there are, and a review's chances must not.
    mixed = (scores.astype(np.float64)[:, None, :] * calibration.mixing[:, :-1]).sum(axis=2) + calibration.mixing[:, -1]
    mixed = np.exp(mixed - mixed.max(axis=1, keepdims=True)) if len(mixed) else mixed
    return np.asarray(np.maximum(mixed / mixed.sum(axis=1, keepdims=True), 1e-12), np.float64)


def choose(calibration: Calibration, chance: Floats) -> npt.NDArray[np.int64]:
    """Class of each text by its chances."""
    return np.asarray((np.log(chance) + calibration.offset).argmax(axis=1), np.int64)


def macro_f1(truth: npt.NDArray[np.int64], guess: npt.NDArray[np.int64], n_classes: int) -> float:
    """Mean over classes of 2 hits / (2 hits + misses + false)."""
    table = np.bincount(truth * n_classes + guess, minlength=n_classes**2).reshape(n_classes, n_classes)
    return float((2 * np.diag(table) / np.maximum(1, table.sum(0) + table.sum(1))).mean())


def _offset(log_chance: Floats, labels: npt.NDArray[np.int64], present: npt.NDArray[np.int64]) -> Floats:
    """Coordinate search over the classes that are ``present``; the first stays at 0, only differences matter.

    What is made largest is the mean of the macro-F1 that was counted and of the one that the chances expect: the first is
    true and the second is steady.
    """
    chance, n_classes = np.exp(log_chance), log_chance.shape[1]

    def worth(offset: Floats) -> float:
        guess = (log_chance + offset).argmax(axis=1)
        return (macro_f1(labels, guess, n_classes) + _expected_f1(chance, guess)) / 2

    offset = np.zeros(n_classes)
    best = worth(offset)
    for _ in range(3):
        for k in present[1:]:
            for step in _STEPS:
                tried = offset.copy()
                tried[k] = step
                value = worth(tried)
                if value > best + 1e-9:
                    offset, best = tried, value
    return offset


def _expected_f1(chance: Floats, guess: npt.NDArray[np.int64]) -> float:
    """Macro-F1 of labels whose truth is as likely as ``chance`` says: expected hits over expected counts, class by class."""
    n_classes = chance.shape[1]
    hits = np.bincount(guess, chance[np.arange(len(guess)), guess], minlength=n_classes)
    counts = np.bincount(guess, minlength=n_classes) + chance.sum(axis=0)
    return float((2 * hits / np.maximum(1e-12, counts)).mean())

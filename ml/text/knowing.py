"""From scores to chances: of each intent, and that a text asks for anything that is known at all."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ml.text.ridge import Labels, LeftOut

Doubles = npt.NDArray[np.float64]

FEWEST_TEXTS, FEWEST_CLASSES = 40, 4
"""With fewer nothing is calibrated: :data:`USUAL`."""
UNKNOWN_SHARE = 0.2
"""Of what comes in asks for something unknown, before its text is read."""
_SHARPNESS = np.geomspace(2, 80, 25)
_JUDGED = 1_000
"""So many texts, spread evenly, are enough to choose it."""


class Knowing(NamedTuple):
    """Chances are softmax(sharpness · score); known is the logistic function of ``top`` · best + ``second`` · next + ``near`` · cosine + ``bias``.

    The cosine is that of the sentence vectors with the nearest text that was learned from (Podolskiy et al. 2021 on distances).
    """

    sharpness: float
    top: float
    second: float
    bias: float
    near: float = 0.0

    def chances(self, scores: Doubles) -> Doubles:
        """Chance of each intent, if it is one of them; shape (n_texts, n_intents)."""
        if not scores.shape[1]:
            return scores.copy()
        z = np.exp(self.sharpness * (scores - scores.max(axis=1, keepdims=True)))
        return np.asarray(z / z.sum(axis=1, keepdims=True))

    def known(self, scores: Doubles, near: Doubles | None = None) -> Doubles:
        """Chance that it is one of them, shape (n_texts,); ``near``: cosines with the nearest text."""
        if not scores.shape[1]:
            return np.zeros(len(scores))
        best, after = two_best(scores)
        z = self.top * best + self.second * after + self.bias
        return np.asarray(1 / (1 + np.exp(-(z if near is None else z + self.near * near))))


USUAL = Knowing(sharpness=10.0, top=12.0, second=0.0, bias=-3.0)


def two_best(scores: Doubles) -> tuple[Doubles, Doubles]:
    """The largest score of each text and the one after it; 0 where there is no second intent."""
    if scores.shape[1] == 1:
        return scores[:, 0], np.zeros(len(scores))
    ordered = np.partition(scores, -2, axis=1)
    return ordered[:, -1], ordered[:, -2]


def learn(left: LeftOut, labels: Labels, near: tuple[Doubles, Doubles] | None = None) -> Knowing:
    """Calibrate on texts that were left out, alone and with all of their intent: those ask for what nobody had taught.

    Parameters
    ----------
    near : tuple of ndarray, optional
        Cosines with the nearest text that then remains, of each.
    """
    n_classes = left.text.shape[1]
    if len(labels) < FEWEST_TEXTS or n_classes < FEWEST_CLASSES:
        return USUAL
    from sklearn.linear_model import LogisticRegression

    x = np.concatenate([np.stack(two_best(scores), axis=1) for scores in (left.text, left.whole)])
    if near is not None:
        x = np.column_stack([x, np.concatenate(near)])
    y = np.repeat([1, 0], len(labels))
    weight = np.where(y == 1, 1 - UNKNOWN_SHARE, UNKNOWN_SHARE)
    fitted = LogisticRegression(C=100.0, max_iter=500).fit(x, y, sample_weight=weight)
    top, second, *more = (float(value) for value in fitted.coef_[0])
    return Knowing(sharpness(left.text, labels), top, second, float(fitted.intercept_[0]), *more)


def sharpness(scores: Doubles, labels: Labels) -> float:
    """The one under which texts that were left out are likeliest."""
    some = np.unique(np.linspace(0, len(labels) - 1, _JUDGED).astype(np.int64))
    scores, labels, rows = scores[some], labels[some], np.arange(len(some))
    losses = [-np.log(USUAL._replace(sharpness=s).chances(scores)[rows, labels] + 1e-12).mean() for s in _SHARPNESS]
    return float(_SHARPNESS[int(np.argmin(losses))])

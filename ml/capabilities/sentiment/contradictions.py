"""Reviews whose words say the opposite of their stars, found by models that did not learn from them.

A model that learned from a review with its stars hardly contradicts them. So the reviews are read by models of the others.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.sentiment.spec import Params
from ml.learn.class_calibration import chances
from ml.text import svm
from ml.text.classifier import Classifier, fingerprints, fold_of
from ml.text.tokens import Texts

REVIEWS = 20_000
"""The youngest so many are looked at."""
FOLDS = 3

Floats = npt.NDArray[np.float64]
Stars = npt.NDArray[np.int64]


def find(fitted: Classifier, texts: pa.Array, stars: Stars, params: Params) -> list[int]:
    """Numbers (:func:`numbered`) of the texts that contradict their stars, as read by models of the other texts.

    Parameters
    ----------
    fitted : Classifier
        Of all texts; its calibration is used.
    texts : pyarrow.Array
        The youngest first.
    stars : ndarray of shape (n_texts,), int64
        1 to 5.
    """
    texts, stars = texts.slice(0, REVIEWS), stars[:REVIEWS]
    if len(np.unique(stars > 3)) < 2:
        return []
    counted, part = svm.count(Texts.of(texts), params), fold_of(texts, FOLDS)
    scores, even = np.zeros((len(stars), 4), np.float32), np.ones(len(stars), np.float32)
    for fold in range(FOLDS):
        inside = np.flatnonzero(part != fold)
        if not len(inside) or stars[inside].min() > 1 or stars[inside].max() < 5:
            return []  # a step of the scale has a side alone
        model = svm.solve(counted, inside, stars - 1, even, 5, params)
        scores[part == fold] = svm.predict(counted, np.flatnonzero(part == fold), model)
    against = opposed(chances(fitted.alone, scores), stars, params)
    return sorted(numbered(texts.filter(pa.array(against)), stars[against]).tolist())


def opposed(chance: Floats, stars: Stars, params: Params) -> npt.NDArray[np.bool_]:
    """Whether the chance of the other side than that of the stars is at least ``mismatch``; 0 stars: none are known."""
    bad, good = chance[:, 0] >= params.mismatch, chance[:, -1] >= params.mismatch
    return np.asarray((bad & (stars >= 4)) | (good & (stars >= 1) & (stars <= 2)), bool)


def numbered(texts: pa.Array, stars: Stars) -> npt.NDArray[np.int64]:
    """A number for each text with its stars."""
    both = pc.binary_join_element_wise(
        texts.cast(pa.large_string()), pa.array(stars).cast(pa.large_string()), pa.scalar("\0", pa.large_string())
    )
    return fingerprints(both)

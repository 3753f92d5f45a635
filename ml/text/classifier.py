"""A classifier of texts: the linear model, a network beside it where that helps, and their calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.kernels.hashing import text_hashes
from ml.learn.class_calibration import Calibration, calibrate, choose, of_steps
from ml.learn.class_calibration import chances as calibrated
from ml.text import network, svm
from ml.text.network import Network
from ml.text.params import TextParams
from ml.text.svm import Linear
from ml.text.tokens import Texts

Labels = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
SURE = 1.0
"""Standard errors by which the network must better the linear model alone to be kept.

The calibration weighs what the two say: a network that is kept by chance costs time and no accuracy.
"""
FEWEST_OF_A_CLASS = 100
"""Of a class with fewer texts a network learns nothing."""


class Classifier(NamedTuple):
    """Fitted state.

    Parameters
    ----------
    linear : Linear
    alone : Calibration
        Of the linear model's scores.
    network : Network or None
        None where there were too few texts, or where it did not help.
    both : Calibration or None
        Of the linear model's scores and the network's, side by side.
    """

    linear: Linear
    alone: Calibration
    network: Network | None
    both: Calibration | None

    def chances(self, texts: Texts) -> Floats:
        """Chance of each class, shape (n_texts, n_classes)."""
        found = svm.logits(self.linear, texts)
        if self.network is None or self.both is None:
            return calibrated(self.alone, found)
        second = network.scores(self.network, texts)
        return calibrated(self.both, np.concatenate([found, second], axis=1))

    def label(self, chance: Floats) -> Labels:
        """Class of each text by its chances."""
        return choose(self._calibration, chance)

    def agreeing(self, chance: Floats, label: Labels) -> Floats:
        """Chances of which that of the label is the largest: a rare class is named before it is, so it is weighed there too."""
        weighed = chance * np.exp(self._calibration.offset)
        named_early = (chance.argmax(axis=1) != label)[:, None]
        return np.where(named_early, weighed / weighed.sum(axis=1, keepdims=True), chance)

    @property
    def _calibration(self) -> Calibration:
        return self.alone if self.both is None else self.both


def learn(
    texts: pa.Array,
    grades: Labels,
    class_of: Labels,
    params: TextParams,
    seed: int,
    hints: Sequence[tuple[str, int]] = (),
) -> Classifier:
    """Fit on texts with grades from 0, the worst, that fall into classes.

    The linear model is calibrated on scores of texts that were left out of a fit; equal texts are left out together.

    Parameters
    ----------
    class_of : ndarray of shape (n_grades,), int64
        Class of each grade, in order: stars tell more than the class that they are in.
    hints : sequence of (str, int)
        Words or phrases with their class, which are learned from too, in every fit: what is known before the first text.
    """
    graded = [(word, _grade(label, class_of)) for word, label in hints]
    whole = pa.concat_arrays([texts.cast(pa.large_string()), pa.array([word for word, _ in graded], pa.large_string())])
    target = np.concatenate([grades, np.array([grade for _, grade in graded], np.int64)])
    weight = _even(class_of[target[len(texts) :]], int(class_of[-1]) + 1) * params.lexicon_weight
    importance = np.concatenate([np.ones(len(texts)), weight]).astype(np.float32)
    counted = svm.count(Texts.of(whole), params)
    n, everything = len(texts), np.arange(len(whole))
    part = fold_of(texts, params.folds)
    left_out, scores = np.zeros(n, bool), np.zeros((n, len(class_of) - 1), np.float32)
    for fold in range(params.folds):
        if left_out.sum() >= params.calibrate_reviews:
            break
        inside = np.concatenate([part != fold, np.ones(len(graded), bool)])
        if len(np.unique(class_of[target[inside]])) == class_of[-1] + 1 and not inside.all():
            fitted = svm.solve(counted, everything[inside], target, importance, len(class_of), params)
            scores[part == fold] = svm.predict(counted, np.flatnonzero(part == fold), fitted)
            left_out[part == fold] = True
    fitted = svm.solve(counted, everything, target, importance, len(class_of), params)
    alone = calibrate(scores[left_out], class_of[grades[left_out]], of_steps(class_of))
    fewest = np.bincount(class_of[grades], minlength=int(class_of[-1]) + 1).min()
    if not params.network or left_out.sum() < params.network_least or fewest < FEWEST_OF_A_CLASS:
        return Classifier(fitted, alone, None, None)
    return Classifier(fitted, alone, *_beside(texts, grades, class_of, alone, scores, part == 0, params, seed))


def _beside(
    texts: pa.Array,
    grades: Labels,
    class_of: Labels,
    alone: Calibration,
    scores: npt.NDArray[np.float32],
    out: npt.NDArray[np.bool_],
    params: TextParams,
    seed: int,
) -> tuple[Network | None, Calibration | None]:
    """Train a network on the texts that are not ``out``, and on all of them if it helped on those that are."""
    from ml.text import network_train

    def fit(rows: npt.NDArray[np.int64]) -> Network:
        few = rows[: params.network_reviews]
        return network_train.train(Texts.of(texts.take(pa.array(few))), grades[few], len(class_of), params, seed)

    second = network.scores(fit(np.flatnonzero(~out)), Texts.of(texts.filter(pa.array(out))))
    both, truth = np.concatenate([scores[out], second], axis=1), class_of[grades[out]]
    gain = _losses(scores[out], truth, alone) - _losses(both, truth, alone)
    if gain.mean() <= SURE * gain.std() / np.sqrt(len(gain)):
        return None, None
    return fit(np.arange(len(texts))), calibrate(both, truth, alone)


def _losses(scores: npt.NDArray[np.float32], truth: Labels, usual: Calibration) -> Floats:
    """Minus the logarithm of the true class's chance, each half calibrated on the other."""
    half, losses = np.arange(len(truth)) % 2, np.empty(len(truth))
    for side in (0, 1):
        held_out = half == side
        chance = calibrated(calibrate(scores[~held_out], truth[~held_out], usual), scores[held_out])
        losses[held_out] = -np.log(chance[np.arange(len(chance)), truth[held_out]])
    return losses


def _grade(label: int, class_of: Labels) -> int:
    """The clearest grade of a class: the lowest of the first, the highest of the last."""
    grades = np.flatnonzero(class_of == label)
    return int(grades[0] if label == 0 else grades[-1])


def _even(labels: Labels, n_classes: int) -> Floats:
    """What each entry of the word list counts, so that no class has more of it than another."""
    counts = np.maximum(1, np.bincount(labels, minlength=n_classes))
    return np.asarray((len(labels) / n_classes / counts)[labels], np.float64)


def fold_of(texts: pa.Array, folds: int) -> Labels:
    """Which part each text is in; equal texts (but for capitals and spaces) are in one."""
    plain = pc.utf8_lower(pc.replace_substring_regex(texts, r"\s+", " ")) if len(texts) else texts
    return np.asarray(fingerprints(plain) % folds, np.int64)


def fingerprints(texts: pa.Array) -> Labels:
    """A number of 63 bits for each text."""
    found = Texts.of(texts)
    return np.asarray(text_hashes(found.data, found.ends), np.int64)

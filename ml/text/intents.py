"""Intents of texts: least squares, with a network beside where that helps, and how sure they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ml.text import knowing, language, network, ridge, sentences
from ml.text.classifier import fold_of
from ml.text.files import load_network, save_network
from ml.text.knowing import Doubles, Knowing
from ml.text.network import Network
from ml.text.params import IntentParams
from ml.text.ridge import Floats, Labels, LeftOut, Ridge
from ml.text.tokens import Texts

_ARRAYS = ("idf", "row", "weights", "vectors", "alpha")
_SHARES = (0.01, 0.02, 0.03, 0.04, 0.06)
_FOLDS = 5
_WIDE, _LIGHT = 2.5, 1 / 3
"""γ and the n-grams' weight of few texts; chosen inside the training texts of Banking77, with 1 to 10 examples an intent."""
FEWEST_LEFT = 3
"""With fewer texts an intent, what is right of those that were left out tells nothing."""
FEW_OF_AN_INTENT, MOST_TWICE = 12, 3_000
"""With fewer texts an intent, and at most so many, both ways of using sentence vectors are tried."""
FEWEST_OF_AN_INTENT = 20
"""Of intents with fewer texts on average a network learns nothing."""


class Judged(NamedTuple):
    """Score of each intent, shape (n_texts, n_intents), and the chance that a text asks for one of them at all, shape (n_texts,)."""

    scores: Doubles
    known: Doubles


class Classifier(NamedTuple):
    """Fitted state.

    Parameters
    ----------
    ridge : Ridge
    knowing : Knowing
        Of the scores of ``ridge`` and, for the chances, of those of both.
    network : Network or None
        None where there were too few texts, or where it did not help.
    share : float
        What a unit of the network's log-chances counts beside a score of ``ridge``.
    """

    ridge: Ridge
    knowing: Knowing
    network: Network | None = None
    share: float = 0.0

    def judge(self, texts: pa.Array) -> Judged:
        """Read cleaned texts; each the same whichever others it comes with."""
        vectors = embedded(texts) if self.ridge.uses_vectors else None
        read = Texts.of(texts)
        found = ridge.scores(self.ridge, read, vectors)
        if self.network is not None:
            found = found + self.share * _lifts(self.network, read)
        near = None if vectors is None else np.array([_nearest(self.ridge.vectors @ v) for v in vectors], np.float64)
        return Judged(found, self.knowing.known(found, near))

    def scores(self, texts: pa.Array) -> Doubles:
        """Scores alone, as :meth:`judge` gives them."""
        return self.judge(texts).scores


def embedded(texts: pa.Array) -> Floats:
    """Sentence vectors of cleaned texts, each read by itself, with the precision that a file of half the size has."""
    vectors = sentences.embed_each([text or "" for text in texts.to_pylist()])
    return vectors.astype(np.float16).astype(np.float32)


def baseline(texts: pa.Array, labels: Labels, n_classes: int, params: IntentParams) -> Classifier:
    """The simple method: the nearest mean of the texts of each intent."""
    return Classifier(ridge.centroids(Texts.of(texts), labels, n_classes, params), knowing.USUAL)


def learn(texts: pa.Array, labels: Labels, n_classes: int, params: IntentParams, seed: int) -> Classifier:
    """Fit on cleaned texts, each once, with their intents ``0 … n_classes - 1``."""
    fitted, left = ridge.learn(Texts.of(texts), labels, n_classes, params)
    near = None
    if params.sentence_model and len(labels) and sentences.available():
        vectors = embedded(texts)
        better, also = _with_vectors(texts, labels, n_classes, params, vectors)
        few = len(labels) < FEWEST_LEFT * n_classes
        if _english(texts) if few else _helps(left.text, also.text, labels, params.better):
            fitted, left, near = better, also, _near(vectors, labels)
    found = Classifier(fitted, knowing.learn(left, labels, near))
    if n_classes < 2 or len(labels) < max(params.network_least, FEWEST_OF_AN_INTENT * n_classes):
        return found
    return _with_network(found, texts, labels, left, params, seed)


def _with_vectors(
    texts: pa.Array, labels: Labels, n_classes: int, params: IntentParams, vectors: Floats
) -> tuple[Ridge, LeftOut]:
    """With few texts the vectors alone, or nearly, may be better: of both the one that is right of more texts that were left out."""
    read = Texts.of(texts)
    alike = replace(params, width=_WIDE, gram_weight=_LIGHT)
    if len(labels) < FEWEST_LEFT * n_classes:
        return ridge.learn(read, labels, n_classes, alike, vectors)
    first = ridge.learn(read, labels, n_classes, params, vectors)
    if len(labels) >= min(FEW_OF_AN_INTENT * n_classes, MOST_TWICE):
        return first
    other = ridge.learn(read, labels, n_classes, alike, vectors)
    right = [(left.text.argmax(axis=1) == labels).sum() for _, left in (first, other)]
    return other if right[1] > right[0] else first


def _english(texts: pa.Array) -> bool:
    """Whether the texts are in the one language of the sentence model, as far as can be told."""
    found = [code for code in language.detect(texts, {}) if code not in (language.UNKNOWN, language.NO_WORDS)]
    return 2 * found.count("en") > len(found)


def _near(vectors: Floats, labels: Labels) -> tuple[Doubles, Doubles]:
    """Cosine of each text with the nearest other, and with the nearest of another class."""
    other, elsewhere = np.zeros(len(labels)), np.zeros(len(labels))
    for i, vector in enumerate(vectors):
        cosines = vectors @ vector
        elsewhere[i] = _nearest(cosines[labels != labels[i]])
        cosines[i] = -1.0
        other[i] = _nearest(cosines)
    return other, elsewhere


def _nearest(cosines: Floats) -> float:
    return float(cosines.max(initial=-1.0))


def _with_network(
    found: Classifier, texts: pa.Array, labels: Labels, left: LeftOut, params: IntentParams, seed: int
) -> Classifier:
    """Train a network on four fifths; if it helps on the last, on all. The least squares leave each text of that fifth out."""
    from ml.text import network_train

    n = found.ridge.weights.shape[1]
    out = fold_of(texts, _FOLDS) == 0

    def fit(some: pa.Array, classes: Labels) -> Network:
        return network_train.train(Texts.of(some), classes, n, params.of_network(), seed)

    lifts = _lifts(fit(texts.filter(pa.array(~out)), labels[~out]), Texts.of(texts.filter(pa.array(out))))
    truth, alone = labels[out], left.text[out]
    right = [(alone + share * lifts).argmax(axis=1) == truth for share in _SHARES]
    best = int(np.argmax([r.mean() for r in right]))
    if not _helps(alone, alone + _SHARES[best] * lifts, truth, params.better):
        return found
    sharpness = knowing.sharpness(alone + _SHARES[best] * lifts, truth)
    return Classifier(found.ridge, found.knowing._replace(sharpness=sharpness), fit(texts, labels), _SHARES[best])


def _lifts(fitted: Network, texts: Texts) -> Doubles:
    """Log-chances of the network less those of its likeliest class: the best score of a text stays what least squares say."""
    scores = network.scores(fitted, texts).astype(np.float64)
    return np.asarray(scores - scores.max(axis=1, keepdims=True))


def _helps(plain: Doubles, other: Doubles, labels: Labels, least: float) -> bool:
    """Whether more texts are right when they are left out, by ``least`` standard errors."""
    gain = (other.argmax(axis=1) == labels).astype(float) - (plain.argmax(axis=1) == labels)
    return bool(len(gain) > 1 and gain.mean() > least * gain.std() / np.sqrt(len(gain)))


def save(fitted: Classifier, folder: Path) -> dict[str, Any]:
    """Write the weights, and return what goes into ``model.json``."""
    kept = {name: getattr(fitted.ridge, name) for name in _ARRAYS}
    small = {name: a if a.dtype == np.int32 else a.astype(np.float16) for name, a in kept.items()}
    np.savez_compressed(folder / "ridge.npz", **small)
    if fitted.network is not None:
        save_network(fitted.network, folder)
    return {
        "knowing": fitted.knowing._asdict(),
        "share": fitted.share,
        "width": fitted.ridge.params.width,
        "network": fitted.network is not None,
    }


def load(config: dict[str, Any], folder: Path, params: IntentParams) -> Classifier:
    """Read what :func:`save` wrote."""
    with np.load(folder / "ridge.npz", allow_pickle=False) as arrays:
        whole = {n: arrays[n] if n == "row" else arrays[n].astype(np.float32) for n in _ARRAYS}
    second = load_network(folder, params.of_network()) if config["network"] else None
    params = replace(params, width=config["width"])
    return Classifier(Ridge(**whole, params=params), Knowing(**config["knowing"]), second, config["share"])

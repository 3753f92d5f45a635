"""Intents of texts: least squares, with a network beside where that helps, and how sure they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ml.text import knowing, network, ridge, sentences
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
FEWEST_OF_AN_INTENT = 20
"""Of intents with fewer texts on average a network learns nothing."""


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

    def scores(self, texts: pa.Array) -> Doubles:
        """Score of each intent for cleaned texts, shape (n_texts, n_intents); the same whichever others a text comes with."""
        vectors = embedded(texts) if self.ridge.uses_vectors else None
        read = Texts.of(texts)
        found = ridge.scores(self.ridge, read, vectors)
        return found if self.network is None else found + self.share * _lifts(self.network, read)


def embedded(texts: pa.Array) -> Floats:
    """Sentence vectors of cleaned texts, each read by itself, with the precision that a file of half the size has."""
    vectors = sentences.embed_each([text or "" for text in texts.to_pylist()])
    return vectors.astype(np.float16).astype(np.float32)


def baseline(texts: pa.Array, labels: Labels, n_classes: int, params: IntentParams) -> Classifier:
    """The simple method: the nearest mean of the texts of each intent."""
    return Classifier(ridge.centroids(Texts.of(texts), labels, n_classes, params), knowing.USUAL)


def learn(texts: pa.Array, labels: Labels, n_classes: int, params: IntentParams, seed: int) -> Classifier:
    """Fit on cleaned texts, each once, with their intents ``0 … n_classes - 1``."""
    read = Texts.of(texts)
    fitted, left = ridge.learn(read, labels, n_classes, params)
    if params.sentence_model and len(labels) and sentences.available():
        better, also = ridge.learn(read, labels, n_classes, params, embedded(texts))
        if _helps(left.text, also.text, labels, params.better):
            fitted, left = better, also
    found = Classifier(fitted, knowing.learn(left, labels))
    if n_classes < 2 or len(labels) < max(params.network_least, FEWEST_OF_AN_INTENT * n_classes):
        return found
    return _with_network(found, texts, labels, left, params, seed)


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
    return {"knowing": fitted.knowing._asdict(), "share": fitted.share, "network": fitted.network is not None}


def load(story: dict[str, Any], folder: Path, params: IntentParams) -> Classifier:
    """Read what :func:`save` wrote."""
    with np.load(folder / "ridge.npz", allow_pickle=False) as arrays:
        whole = {n: arrays[n] if n == "row" else arrays[n].astype(np.float32) for n in _ARRAYS}
    second = load_network(folder, params.of_network()) if story["network"] else None
    return Classifier(Ridge(**whole, params=params), Knowing(**story["knowing"]), second, story["share"])

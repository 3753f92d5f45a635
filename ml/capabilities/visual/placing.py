"""Place a picture by what it probably shows: from the network's embedding and the hand-made measures to one vector.

Both together go through linear discriminants (Fisher 1936; covariance shrunk toward its diagonal), which give the
probability p of each kind and q of each colour. A picture's vector is (√p, √(w q), √v l) of length 1, l being its look in
principal directions of the measures, so that the cosine of two vectors is the overlap of what they show (Bhattacharyya
1943). Needs NumPy and LiteRT alone: the encoder of the shop's backend is this file.
"""

from __future__ import annotations

import os
import warnings
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ml.learn.descriptors import Floats, Pixels, describe, unit

LOOK_WEIGHT = 0.15
"""v: how much the mere look counts beside the kind."""
EMBEDDING = 2.0
"""Factor of the network's embedding beside the measures, each of whose three parts has length 1."""
FLOOR = 1e-4


class Placer(NamedTuple):
    """What turns pictures into vectors.

    Parameters
    ----------
    encoder : bytes
        LiteRT file of the network; empty: the measures alone.
    centre : ndarray of shape (268,), float32
    basis : ndarray of shape (268, d), float32
        Principal directions of the measures.
    kind, colour : ndarray of shape (n_features + 1, n_classes), float32
        Discriminants, the constant in the last row; no columns where there are no classes.
    colour_weight : float
        w.
    """

    encoder: bytes
    centre: Floats
    basis: Floats
    kind: Floats
    colour: Floats
    colour_weight: float


def place(placer: Placer, pixels: Pixels, embedded: Floats | None = None) -> Floats:
    """Vectors of length 1 of pictures (n, 64, 48, 3).

    Parameters
    ----------
    embedded : ndarray of shape (n, d), optional
        What the network gives, if that is known already.
    """
    measures = describe(pixels).vectors()
    # Row by row, so that a picture's vector does not depend on those beside it.
    look = unit(
        np.array([row @ placer.basis for row in measures - placer.centre], np.float32).reshape(
            len(pixels), placer.basis.shape[1]
        )
    )
    if not placer.kind.shape[1] and not placer.colour.shape[1]:
        return look
    x = inputs(measures, embedded if embedded is not None else embeddings(placer.encoder, pixels))
    parts = [np.float32(np.sqrt(LOOK_WEIGHT)) * look]
    for head, weight in ((placer.kind, 1.0), (placer.colour, placer.colour_weight)):
        if head.shape[1]:
            parts.append(np.float32(np.sqrt(weight)) * np.sqrt(probabilities(head, x)))
    return unit(np.concatenate(parts[1:] + parts[:1], axis=1))


def inputs(measures: Floats, embedded: Floats) -> Floats:
    """What the discriminants look at, shape (n, n_features)."""
    return np.concatenate([measures, np.float32(EMBEDDING) * embedded], axis=1)


def probabilities(head: Floats, x: Floats) -> Floats:
    """Probability of each class, shape (n, n_classes); what is below 1 in 10,000 is nothing."""
    if not len(x):
        return np.zeros((0, head.shape[1]), np.float32)
    scores = np.array([row @ head[:-1] for row in x], np.float32) + head[-1]
    likely = np.exp(scores - scores.max(axis=1, keepdims=True))
    likely /= likely.sum(axis=1, keepdims=True)
    likely[likely < FLOOR] = 0
    return np.asarray(likely / likely.sum(axis=1, keepdims=True), np.float32)


def embeddings(encoder: bytes, pixels: Pixels) -> Floats:
    """What the network gives for pictures: kind and colour, each of length 1; no columns without a network."""
    return Encoder(encoder).embed(pixels) if encoder else np.zeros((len(pixels), 0), np.float32)


class Encoder:
    """A LiteRT file, ready to embed pictures.

    Parameters
    ----------
    content : bytes
        What :func:`network.export` gave.
    """

    def __init__(self, content: bytes) -> None:
        self._interpreter = interpreter(content)
        self._interpreter.allocate_tensors()
        self._given = self._interpreter.get_input_details()[0]
        found = {part["shape"][-1]: part for part in self._interpreter.get_output_details()}
        self._parts = [found[d] for d in sorted(found, reverse=True)]

    def embed(self, pixels: Pixels) -> Floats:
        """Kind and colour of pictures (n, 64, 48, 3), each of length 1; shape (n, dimensions)."""
        out = [np.zeros((len(pixels), part["shape"][-1]), np.float32) for part in self._parts]
        for row in range(len(pixels)):
            self._interpreter.set_tensor(self._given["index"], pixels[row : row + 1].astype(self._given["dtype"]))
            self._interpreter.invoke()
            for rows, part in zip(out, self._parts, strict=True):
                values = self._interpreter.get_tensor(part["index"])[0]
                scale, zero = part["quantization"]
                rows[row] = (values.astype(np.float32) - zero) * scale if scale else values
        return np.concatenate([unit(rows) for rows in out], axis=1)


def interpreter(content: bytes) -> Any:
    """LiteRT's interpreter on one thread: of the small package ai-edge-litert if it is there, else TensorFlow's."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        from ai_edge_litert.interpreter import Interpreter  # type: ignore[import-not-found]
    except ImportError:
        from tensorflow.lite.python.interpreter import Interpreter
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # TensorFlow's says that it moves to ai-edge-litert
        return Interpreter(model_content=content, num_threads=1)


def discriminants(x: Floats, of: npt.NDArray[np.int64], classes: int) -> Floats:
    """Fit linear discriminants on the rows with a class (``of`` at least 0), shape (n_features + 1, n_classes)."""
    known = of >= 0
    if classes < 2:
        return np.zeros((x.shape[1] + 1, 0), np.float32)
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    fitted = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1).fit(x[known].astype(np.float64), of[known])
    weights, constant = fitted.coef_, fitted.intercept_
    if classes == 2:
        weights, constant = np.stack([-weights[0], weights[0]]) / 2, np.array([-constant[0], constant[0]]) / 2
    return np.concatenate([weights.T, constant[None, :]]).astype(np.float32)

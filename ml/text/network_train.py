"""Training of the network in Keras, bounded in texts and seconds. Imported by a fit only: TensorFlow takes seconds."""

from __future__ import annotations

import time
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import layers, ops

from ml.learn.network import begin
from ml.text.network import FILTERS, PIECES, Network, Small, pieces
from ml.text.params import TextParams
from ml.text.tokens import Texts

BATCH = 128
FEWEST = 3
"""A bucket of fewer tokens has no embedding."""


def train(texts: Texts, grades: npt.NDArray[np.int64], n_grades: int, params: TextParams, seed: int) -> Network:
    """Fit on texts with grades ``0 … n_grades - 1``; the same texts, order and seed give the same network."""
    return compress(*fit(texts, grades, n_grades, params, seed), params)


def fit(
    texts: Texts, grades: npt.NDArray[np.int64], n_grades: int, params: TextParams, seed: int
) -> tuple[Any, npt.NDArray[np.int32]]:
    """The network in Keras, and the row of its embedding for each bucket plus 1.

    The time limit is looked at between epochs: where it bites, the number of epochs depends on the machine.
    """
    found, head = pieces(texts, params.network_bits, params.network_tokens)
    counts = np.bincount(found.ravel(), minlength=(1 << params.network_bits) + 1)
    counts[0] = 0
    kept = np.flatnonzero(counts >= FEWEST)
    row = np.zeros((1 << params.network_bits) + 1, np.int32)
    row[kept] = np.arange(1, len(kept) + 1)
    model = build(len(kept) + 1, n_grades, params, seed)
    optimiser = keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(
            params.network_rate, max(1, params.network_epochs * -(-len(grades) // BATCH))
        )
    )
    model.compile(optimiser, keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    rng, start, rows = np.random.default_rng(seed), time.monotonic(), row[found]
    for _ in range(params.network_epochs):
        order = rng.permutation(len(grades))
        model.fit([rows[order], head[order]], grades[order], batch_size=BATCH, epochs=1, shuffle=False, verbose=0)
        if time.monotonic() - start > params.network_seconds:
            break
    return model, row


def build(n_rows: int, n_grades: int, params: TextParams, seed: int) -> Any:
    """The network of :mod:`network`, with dropout of numbers and of whole words."""
    begin(seed)
    d, f, length = params.network_dimensions, params.network_filters, params.network_tokens
    given, head = keras.Input((length, PIECES), dtype="int32"), keras.Input((), dtype="int32")
    known = ops.cast(given > 0, "float32")
    embedded = layers.Embedding(n_rows, d, embeddings_initializer=keras.initializers.RandomNormal(0, 0.1, seed))(given)
    number = ops.sum(known, axis=2, keepdims=True)
    vectors = ops.sum(embedded * known[..., None], axis=2) / ops.sqrt(ops.maximum(number, 1.0))
    vectors = layers.SpatialDropout1D(0.2, seed=seed)(vectors)
    vectors = layers.Dropout(0.2, noise_shape=(None, length, 1), seed=seed + 1)(vectors)
    filtered = [
        layers.Conv1D(f, width, activation="relu", name=f"filter{width}")(
            ops.pad(vectors, ((0, 0), (0, width - 1), (0, 0)))
        )
        for width in range(1, FILTERS + 1)
    ]
    known_token, in_head = (
        ops.cast(number > 0, "float32"),
        ops.cast(head[:, None] > np.arange(length), "float32"),
    )
    parts = []
    for mask in (known_token, known_token * in_head[..., None]):
        parts += [ops.max(found * mask, axis=1) for found in filtered]
        parts.append(ops.sum(vectors * mask, axis=1) / ops.maximum(ops.sum(mask, axis=1), 1.0))
    pooled = layers.Dropout(0.4, seed=seed + 2)(ops.concatenate(parts, axis=-1))
    return keras.Model([given, head], layers.Dense(n_grades, name="head")(pooled))


def compress(model: Any, row: npt.NDArray[np.int32], params: TextParams) -> Network:
    """Take the weights out of Keras, a byte each."""
    embedding = next(layer for layer in model.layers if isinstance(layer, layers.Embedding)).get_weights()[0]
    embedding[0] = 0
    # (width, d, f) -> rows of each token of the width, f each.
    filters = [model.get_layer(f"filter{width}").get_weights() for width in range(1, FILTERS + 1)]
    head, head_bias = model.get_layer("head").get_weights()
    return Network(
        row[1:],
        Small.of(embedding),
        Small.of(np.concatenate([part.T for weights, _ in filters for part in weights]).astype(np.float32)),
        np.concatenate([bias for _, bias in filters]).astype(np.float32),
        Small.of(head.T.astype(np.float32)),
        head_bias.astype(np.float32),
        params.network_tokens,
    )

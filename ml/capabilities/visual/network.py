"""A convolutional network that places pictures by kind and by colour, and its form for scoring: LiteRT in 8-bit integers.

Residual blocks on three scales (He et al., CVPR 2016), then two embeddings: one for the kind, taught by the category, the
text and what is bought together; one for the colour, taught by the colour that the shop names or, where it names none, by the
main colour seen. Classes are told apart by the cosine to a vector each, so that the embeddings can be compared by cosine
(NormFace; Wang et al., ACM MM 2017). Trained in Keras; scored without it by :class:`placing.Encoder`.
"""

from __future__ import annotations

import time
import warnings
from typing import Any, NamedTuple

import numpy as np

from ml.capabilities.visual.attributes import NONE, Classes
from ml.capabilities.visual.spec import Params
from ml.learn.descriptors import HEIGHT, WIDTH, Floats, Pixels
from ml.learn.network import begin

SHARPNESS = 16.0
"""Scale of the cosines before the softmax."""
SMOOTHING = 0.05
DECAY = 0.05
RISE = 0.25
SHIFT = 5
"""Pixels that a picture is moved by at most while learning."""
CALIBRATION = 200
"""Pictures by which the ranges of the 8-bit integers are chosen."""


class Lessons(NamedTuple):
    """What the network is taught by, one row per picture.

    Parameters
    ----------
    kind, colour : Classes
    text, behaviour : ndarray of shape (n, d), float32
        Rows of length 1, or 0 where nothing is known.
    """

    kind: Classes
    colour: Classes
    text: Floats
    behaviour: Floats


def kind_dimensions(params: Params) -> int:
    """How many of a vector's dimensions are for the kind; the others are for the colour."""
    return params.dimensions * 2 // 3


def width_for(pictures: int, params: Params) -> int:
    """Filters of the first layer: fewer where there are few pictures to learn from."""
    return min(params.width, 8 if pictures < 2_000 else 16 if pictures < 6_000 else 24)


def train(pixels: Pixels, lessons: Lessons, params: Params, seed: int) -> bytes:
    """Train and export; the same pictures, order and seed give the same bytes unless ``params.seconds`` bite.

    Parameters
    ----------
    pixels : ndarray of shape (n, 64, 48, 3), uint8

    Returns
    -------
    bytes
        A LiteRT file: uint8 pictures in, the two embeddings before their normalisation out.
    """
    return export(fit(pixels, lessons, params, seed)[0], pixels, seed)


def fit(pixels: Pixels, lessons: Lessons, params: Params, seed: int) -> tuple[Any, list[float]]:
    """Train by Adam with decoupled decay; the Keras model that embeds (picture -> kind, colour), and each epoch's loss."""
    keras = begin(seed)
    keras.utils.clear_session()  # or the names of a second model's layers, which the export keeps, would be others
    embedder = build(keras, width_for(len(pixels), params), params, seed)
    step = _step(embedder, lessons, seed)
    rng, until, targets = np.random.default_rng(seed), time.monotonic() + params.seconds, _targets(lessons)
    each = min(len(pixels), params.pictures)
    batches = max(1, each // params.batch)
    losses: list[float] = []
    for epoch in range(params.epochs):
        order, total = rng.permutation(len(pixels))[:each], 0.0
        for batch in range(batches):
            rows = order[batch * params.batch : (batch + 1) * params.batch]
            number = epoch * batches + batch + 1
            rate = params.rate * _share_of_rate(number / (params.epochs * batches))
            shown = moved(pixels[rows], rng)
            total += float(step(shown, [target[rows] for target in targets], np.float32(rate), np.float32(number)))
        losses.append(total / batches)
        if time.monotonic() > until:
            break
    return embedder, losses


def build(keras: Any, width: int, params: Params, seed: int) -> Any:
    """The embedder, untrained."""
    layers, number = keras.layers, iter(range(seed, seed + 1000))

    def convolved(x: Any, filters: int, stride: int = 1) -> Any:
        start = keras.initializers.HeNormal(next(number))
        x = layers.Conv2D(filters, 3, stride, padding="same", use_bias=False, kernel_initializer=start)(x)
        return layers.BatchNormalization(momentum=0.9)(x)

    def block(x: Any, filters: int) -> Any:
        inner = layers.ReLU()(convolved(x, filters))
        return layers.ReLU()(layers.Add()([x, convolved(inner, filters)]))

    given = keras.Input((HEIGHT, WIDTH, 3))
    x = layers.Rescaling(1 / 64, -2)(given)
    x = layers.ReLU()(convolved(x, width, 2))
    middle = block(layers.ReLU()(convolved(x, 2 * width, 2)), 2 * width)
    last = block(layers.ReLU()(convolved(middle, 4 * width, 2)), 4 * width)
    mean, largest = layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D
    pooled = layers.Concatenate()([mean()(last), largest()(last), mean()(middle)])
    dropped = layers.Dropout(0.2, seed=seed)(pooled)
    size = kind_dimensions(params)
    sizes = (size, params.dimensions - size)
    return keras.Model(
        given, [layers.Dense(n, kernel_initializer=keras.initializers.HeNormal(next(number)))(dropped) for n in sizes]
    )


def _share_of_rate(done: float) -> float:
    """The rate of learning rises for a quarter of the steps and then falls as a cosine."""
    return 0.05 + 0.95 * done * 4 if done < RISE else 0.5 * (1 + float(np.cos(np.pi * (done - RISE) / (1 - RISE))))


def _step(embedder: Any, lessons: Lessons, seed: int) -> Any:
    """A step of training, compiled: (pixels, targets, rate, number) -> loss. What the heads learn lives in it alone.

    One fused operation a weight: with Keras' own optimiser the compilation took most of a small shop's fit.
    """
    import tensorflow as tf

    rng = np.random.default_rng(seed)
    sizes = [embedder.output[0].shape[-1], embedder.output[1].shape[-1]]
    ends = [
        max(1, n)
        for n in (len(lessons.kind.names), len(lessons.colour.names), lessons.text.shape[1], lessons.behaviour.shape[1])
    ]
    heads = [
        tf.Variable(rng.normal(0, sizes[part] ** -0.5, (sizes[part], end)).astype(np.float32))
        for part, end in zip((0, 1, 0, 0), ends, strict=True)
    ]
    weights = [variable.value for variable in embedder.trainable_variables] + heads
    first, second = ([tf.Variable(tf.zeros_like(w), trainable=False) for w in weights] for _ in range(2))

    def loss_of(pixels: Any, targets: Any) -> Any:
        kind, colour = (tf.math.l2_normalize(x, axis=1) for x in embedder(pixels, training=True))
        loss = 0.0
        for x, head, target in zip((kind, colour), heads[:2], targets[:2], strict=True):
            cosines = SHARPNESS * (x @ tf.math.l2_normalize(head, axis=0))
            loss -= tf.reduce_mean(tf.reduce_sum(target * tf.nn.log_softmax(cosines), axis=1))
        for head, target in zip(heads[2:], targets[2:], strict=True):
            near = tf.reduce_sum(target * tf.math.l2_normalize(kind @ head, axis=1), axis=1)
            loss += tf.reduce_mean(tf.reduce_sum(target * target, axis=1) - near)
        return loss

    @tf.function  # type: ignore[untyped-decorator]
    def step(pixels: Any, targets: Any, rate: Any, number: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = loss_of(pixels, targets)
        for w, m, v, slope in zip(weights, first, second, tape.gradient(loss, weights), strict=True):
            if len(w.shape) > 1:
                w.assign_sub(rate * DECAY * w)
            tf.raw_ops.ResourceApplyAdam(
                var=w.handle,
                m=m.handle,
                v=v.handle,
                beta1_power=tf.pow(0.9, number),
                beta2_power=tf.pow(0.999, number),
                lr=rate,
                beta1=0.9,
                beta2=0.999,
                epsilon=1e-7,
                grad=slope,
            )
        return loss

    return step


def moved(pixels: Pixels, rng: np.random.Generator) -> Floats:
    """Pictures mirrored by chance, and moved by up to ``SHIFT`` pixels; the border is repeated."""
    n = len(pixels)
    turned = np.where(rng.random(n)[:, None, None, None] < 0.5, pixels[:, :, ::-1], pixels)
    padded = np.pad(turned, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), mode="edge")
    by = rng.integers(0, 2 * SHIFT + 1, (n, 2))
    rows = by[:, 0, None] + np.arange(HEIGHT)
    columns = by[:, 1, None] + np.arange(WIDTH)
    return np.asarray(padded[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]], np.float32)


def _targets(lessons: Lessons) -> list[Floats]:
    """One-hot rows, smoothed, for the classes; rows of zeros, which cost nothing, where nothing is known."""
    targets = []
    for found in (lessons.kind, lessons.colour):
        n = max(1, len(found.names))
        rows = np.zeros((len(found.of), n), np.float32)
        known = found.of != NONE
        rows[known] = SMOOTHING / n
        rows[known, found.of[known]] += 1 - SMOOTHING
        targets.append(rows)
    return [*targets, *(part if part.shape[1] else np.zeros((len(part), 1), np.float32) for part in lessons[2:])]


def export(embedder: Any, pixels: Pixels, seed: int, *, whole: bool = True) -> bytes:
    """The embedder as a LiteRT file; ``whole``: in 8-bit integers, else in floats, to compare."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    @tf.function(input_signature=[tf.TensorSpec([1, HEIGHT, WIDTH, 3], tf.float32)])  # type: ignore[untyped-decorator]
    def embed(picture: Any) -> Any:
        return embedder(picture, training=False)

    frozen = convert_variables_to_constants_v2(embed.get_concrete_function())
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen], tf.Module())
    if whole:
        chosen = np.random.default_rng(seed).permutation(len(pixels))[:CALIBRATION]
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([pixels[row : row + 1].astype(np.float32)] for row in chosen)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.int8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ranges that it takes from the pictures, and of its own next version
        return bytes(converter.convert())

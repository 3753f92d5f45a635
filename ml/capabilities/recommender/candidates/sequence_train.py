"""Training of the sequence model in TensorFlow, bounded in time. Imported by a fit only: TensorFlow takes seconds.

Each order is an example: what came before it, and its products as the answer. The loss of an example is the mean over
its products of ln Z - s_i. Where the catalogue is small, Z sums over all of it. Where it is large, Z is estimated
without bias: what the customer bought before and buys now is summed exactly, all else by a sample in which product j is
with probability π_j and then counts 1 / π_j (sampled softmax with logQ correction; Bengio & Senécal, IEEE TNN 2008).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ml.capabilities.recommender.candidates import sequence_data as data
from ml.capabilities.recommender.candidates.sequence_data import History, Longs
from ml.capabilities.recommender.candidates.sequence_examples import Batch, Examples
from ml.capabilities.recommender.candidates.sequence_forward import shapes
from ml.kernels.compiled import Scores
from ml.learn.network import begin

MEAN_RATE = 0.01
ITEM_LENGTH = np.float32(0.35)
"""Of a product's vector at the start: the mean of a customer's products, of length √d, then tells e^±3 at most."""


@dataclass(frozen=True)
class Shape:
    """Of the network and its training; see :class:`sequence.Params`."""

    m: int
    dimensions: int
    heads: int
    blocks: int
    dropout: float


class Net(keras.Model):  # type: ignore[misc]
    """The network of :mod:`sequence_forward`, in TensorFlow."""

    def __init__(self, shape: Shape, seed: int, item: Scores | None = None) -> None:
        super().__init__()
        self.shape_ = shape
        self.drop = keras.layers.Dropout(shape.dropout, seed=seed)
        rng = np.random.default_rng(seed)
        sizes = shapes(shape.m, shape.dimensions, shape.heads, shape.blocks)
        start = {name: _start(name, size, rng) for name, size in sizes.items()}
        if item is not None:
            start["item"][:-1] += ITEM_LENGTH * item
        self.w = {
            name: self.add_weight(name=name, shape=value.shape, initializer=_constant(value))
            for name, value in start.items()
        }

    def encode(self, item: Any, age: Any, rank: Any, *, training: bool) -> Any:
        """Z of each row."""
        w, there = self.w, tf.not_equal(item, -1)
        d, heads = self.shape_.dimensions, self.shape_.heads
        x = tf.gather(w["item"], tf.where(item < 0, self.shape_.m, item)) * d**0.5
        x = (x + tf.gather(w["age"], age) + tf.gather(w["rank"], rank)) * tf.cast(there, tf.float32)[:, :, None]
        x = self.drop(x, training=training)
        n, length = tf.shape(x)[0], tf.shape(x)[1]
        for i in range(self.shape_.blocks):
            parts = tf.reshape(_norm(x, w[f"norm_a{i}"]) @ w[f"qkv{i}"], (n, length, 3, heads, d // heads))
            q, k, v = tf.unstack(tf.transpose(parts, (2, 0, 3, 1, 4)))
            logit = tf.matmul(q, k, transpose_b=True) / (d // heads) ** 0.5
            share = tf.nn.softmax(tf.where(there[:, None, None, :], logit, -1e9))
            seen = tf.reshape(tf.transpose(share @ v, (0, 2, 1, 3)), (n, length, d)) @ w[f"out{i}"]
            x += self.drop(seen, training=training)
            up = tf.nn.relu(_norm(x, w[f"norm_b{i}"]) @ w[f"up{i}"] + w[f"up_bias{i}"])
            x += self.drop(up @ w[f"down{i}"] + w[f"down_bias{i}"], training=training)
        x = _norm(x, w["norm_pool"])
        logit = tf.where(there[:, :, None], x @ w["pool_key"] + tf.gather(w["pool_age"], age), -1e9)
        value = tf.reshape(x @ w["pool_value"], (n, length, heads, d // heads))
        pooled = tf.reshape(tf.einsum("nlh,nlhe->nhe", tf.nn.softmax(logit, axis=1), value), (n, d))
        return self.drop(_norm(pooled @ w["pool_out"], w["norm_out"]), training=training)

    def scores(self, z: Any, some: Any, popularity: Any, row: Any, column: Any, age: Any) -> Any:
        """S of each row and of the products ``some``; lines bought before are (row, column of ``some``, age)."""
        w = self.w
        base = tf.matmul(z, tf.gather(w["item"], some), transpose_b=True) + tf.gather(w["bias"], some)
        base += tf.einsum("f,nfi->ni", w["popularity"], popularity)
        size = tf.shape(base)
        weight = tf.gather(tf.exp(w["repeat_age"]), age)
        count = tf.reshape(tf.math.unsorted_segment_sum(weight, row * size[1] + column, size[0] * size[1]), size)
        gate = tf.gather(w["repeat"], some) + tf.linalg.matvec(z, w["repeat_taste"])[:, None] + w["repeat_bias"]
        ever = count > 0
        again = gate + tf.math.log(tf.where(ever, count, 1.0))
        return tf.where(ever, base + tf.nn.softplus(again - base), base)


class Trainer:
    """A network with its optimiser, compiled once, trained from the same start each time.

    Same seed and same number of batches give the same weights: TensorFlow is asked for deterministic operations, for
    the rest of the process. A deadline that ends training early depends on the machine.
    """

    def __init__(self, examples: Examples, shape: Shape, how: Any, seed: int) -> None:
        begin(seed)
        self.examples, self.how, self.seed = examples, how, seed
        item = data.together(examples.log, examples.number, shape.m, shape.dimensions, seed)
        self.net = Net(shape, seed, item)
        optimizer = keras.optimizers.Adam(how.learning_rate, clipnorm=1.0)
        optimizer.build(self.net.trainable_variables)
        self.means = [tf.Variable(w) for w in self.net.w.values()]
        self.step, self.loss = _functions(self.net, optimizer, self.means)
        self.variables = [*self.net.variables, *optimizer.variables, *self.means]
        self.start = [v.numpy() for v in self.variables]

    def train(self, rows: Longs, held: Longs, epochs: int, deadline: float) -> tuple[dict[str, Scores], list[float]]:
        """Train on the orders ``rows`` for so many epochs or until the deadline.

        Parameters
        ----------
        held : ndarray
            Orders to measure the loss on after each epoch: training stops after ``how.patience`` epochs without a
            better one. Empty: nothing is measured.
        deadline : float
            Of ``time.monotonic()``; looked at after each batch.

        Returns
        -------
        weights : dict of str to ndarray
            Of the epoch with the least loss, else the last; averaged over about the last ``1 / MEAN_RATE`` batches,
            because they wander less than the last ones (Polyak & Juditsky, SIAM 1992).
        losses : list of float
            Of each epoch, on ``held``; NaN where it is empty.
        """
        _assign(self.variables, self.start)
        rng, losses = np.random.default_rng(self.seed), list[float]()
        best = [mean.numpy() for mean in self.means]
        for epoch in range(epochs):
            for batch in self._batches(rng.permutation(rows)[: self.how.epoch_orders], rng):
                self.step(*batch)
                if time.monotonic() > deadline:
                    break
            losses.append(self._measure(held) if len(held) else math.nan)
            if not len(held) or losses[-1] <= min(losses):
                best = [mean.numpy() for mean in self.means]
            tired = len(held) > 0 and epoch - int(np.argmin(losses)) >= self.how.patience
            if tired or time.monotonic() > deadline:
                break
        return dict(zip(self.net.w, best, strict=True)), losses

    def _measure(self, held: Longs) -> float:
        """Mean loss with the averaged weights, on the same samples each time."""
        last = [w.numpy() for w in self.net.w.values()]
        _assign(self.net.w.values(), [mean.numpy() for mean in self.means])
        rng = np.random.default_rng(self.seed + 1)
        made = float(np.mean([float(self.loss(*batch)) for batch in self._batches(held, rng)]))
        _assign(self.net.w.values(), last)
        return made

    def _batches(self, rows: Longs, rng: np.random.Generator) -> Iterator[Batch]:
        for start in range(0, len(rows), self.how.batch):
            yield self.examples.batch(rows[start : start + self.how.batch], rng)


def _functions(net: Net, optimizer: Any, means: list[Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """One step of the optimiser, and the loss alone; compiled once for batches of any size."""
    numbers = {"popularity": 3, "target_weight": 1, "log_weight": 2}
    signature = [
        tf.TensorSpec([None] * numbers[name], tf.float32)
        if name in numbers
        else tf.TensorSpec([None] * (2 if name in History._fields else 1), tf.int32)
        for name in Batch._fields
    ]

    def value(*parts: Any, training: bool) -> Any:
        b = Batch(*parts)
        z = net.encode(b.item, b.age, b.rank, training=training)
        s = net.scores(z, b.some, b.popularity, b.bought_row, b.bought_column, b.bought_age)
        right = tf.gather_nd(s, tf.stack([b.target_row, b.target_column], axis=1))
        total = tf.reduce_logsumexp(s + b.log_weight, axis=1)
        n = tf.cast(tf.shape(s)[0], tf.float32)
        return tf.reduce_sum(b.target_weight * (tf.gather(total, b.target_row) - right)) / n

    def step(*parts: Any) -> Any:
        with tf.GradientTape() as tape:
            made = value(*parts, training=True)
        weights = net.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(made, weights), weights, strict=True))
        rate = tf.maximum(MEAN_RATE, 1 / tf.cast(optimizer.iterations, tf.float32))
        for mean, weight in zip(means, net.w.values(), strict=True):
            mean.assign_add(rate * (weight - mean))
        return made

    def loss(*parts: Any) -> Any:
        return value(*parts, training=False)

    return tf.function(step, input_signature=signature), tf.function(loss, input_signature=signature)


def _assign(variables: Iterable[Any], values: Iterable[Any]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _constant(values: Scores) -> Callable[..., Any]:
    return lambda shape, dtype=None: tf.constant(values, dtype=dtype, shape=shape)


def _start(name: str, size: tuple[int, ...], rng: np.random.Generator) -> Scores:
    """Weights to start from: the mean of the products' vectors, popularity as it is and repeats above it.

    So the blocks add nothing at first, and the pool passes on what it sees.
    """
    if name.startswith("norm"):
        return np.stack([np.ones(size[1:]), np.zeros(size[1:])]).astype(np.float32)
    known = {"popularity": 1 / 3, "repeat_bias": -4.0}
    if name in known or len(size) == 1:
        return np.full(size, known.get(name, 0.0), np.float32)
    if name in {"pool_value", "pool_out"}:
        return np.eye(*size, dtype=np.float32)
    small = name in {"item", "age", "rank", "pool_age", "pool_key"} or name.startswith(("out", "down"))
    scale = 0.02 if small else size[0] ** -0.5
    return (rng.standard_normal(size) * scale).astype(np.float32)


def _norm(x: Any, scale: Any) -> Any:
    centred = x - tf.reduce_mean(x, -1, keepdims=True)
    return centred * tf.math.rsqrt(tf.reduce_mean(centred**2, -1, keepdims=True) + 1e-5) * scale[0] + scale[1]

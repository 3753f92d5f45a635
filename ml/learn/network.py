"""Networks of TensorFlow for tables and sequences: seeded, on the step's threads, stopped by what came later.

A capability builds its Keras model (with :func:`dense` or its own layers) and hands it to :func:`train`. TensorFlow takes
seconds to import, so nothing here imports it before a fit, and a score needs it only for a network that is read back with
:func:`load`: a stack of dense layers is scored by :func:`forward` without it.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.core.errors import ArtifactError
from ml.kernels.rows import product
from ml.kernels.threads import threads
from ml.learn.params import NetworkParams

Floats = npt.NDArray[np.float32]
Layer = tuple[Floats, Floats]
"""Weights ``(n_in, n_out)`` and bias ``(n_out,)`` of a dense layer."""


def begin(seed: int) -> Any:
    """Import Keras for a fit, seed every generator of it, ask for deterministic operations; give the module.

    TensorFlow takes its number of threads once, before its first operation: a later fit of the same process computes on
    the threads of the first.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads())
        tf.config.threading.set_inter_op_parallelism_threads(threads())
    except RuntimeError:
        pass  # It has begun: see above.
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    return keras


def dense(keras: Any, width: int, hidden: Sequence[int], heads: int, params: NetworkParams, seed: int) -> Any:
    """A Keras model ``(n, width) -> (n, heads)``: ReLU layers with dropout between, the last one linear."""
    given = keras.Input((width,))
    x = given
    for i, size in enumerate(hidden):
        start = keras.initializers.HeNormal(seed + i)
        x = keras.layers.Dense(size, activation="relu", kernel_initializer=start)(x)
        x = keras.layers.Dropout(params.dropout, seed=seed + i)(x)
    start = keras.initializers.RandomNormal(0, 0.01, seed + len(hidden))
    return keras.Model(given, keras.layers.Dense(heads, kernel_initializer=start)(x))


def train(
    model: Any,
    inputs: Any,
    targets: Any,
    loss: Any,
    params: NetworkParams,
    seed: int,
    *,
    at: npt.ArrayLike | None = None,
    weight: npt.NDArray[np.floating] | None = None,
) -> list[float]:
    """Train by Adam: the number of epochs is chosen on the latest rows, then all rows are trained on for as many.

    Parameters
    ----------
    model : keras.Model
        Fresh from :func:`begin` of the same seed; it holds the final weights afterwards.
    inputs, targets : ndarray or list of ndarray of shape (n_rows, ...)
    loss : keras loss, or callable (true, predicted) -> (n_rows,)
    at : array of shape (n_rows,), optional
        When each row was known: the latest ``params.held_share`` are held out, times never cut in two unless there is
        only one. Without it the last rows are.
    weight : ndarray of shape (n_rows,), optional
        What each row counts.

    Returns
    -------
    list of float
        Loss on the held-out rows by epoch; empty where too few rows were there to hold any out.

    Notes
    -----
    ``params.seconds`` is looked at between epochs: where it bites, the number of epochs depends on the machine.
    """
    from keras import optimizers

    given = inputs if isinstance(inputs, list) else [inputs]
    n, rng, until = len(given[0]), np.random.default_rng(seed), time.monotonic() + params.seconds
    early, late = split(np.arange(n) if at is None else np.asarray(at), params.held_share)
    start, losses, epochs = model.get_weights(), list[float](), params.epochs

    def ready() -> None:
        model.set_weights(start)
        model.compile(optimizers.Adam(params.rate, clipnorm=1.0), loss, jit_compile=False)

    def epoch(rows: npt.NDArray[np.int64]) -> None:
        order = rng.permutation(rows)
        counts = None if weight is None else weight[order]
        model.fit(
            _take(inputs, order),
            _take(targets, order),
            sample_weight=counts,
            batch_size=params.batch,
            epochs=1,
            shuffle=False,
            verbose=0,
        )

    if len(late):
        ready()
        counts = None if weight is None else weight[late]
        for _ in range(params.epochs):
            epoch(early)
            losses.append(
                float(
                    model.evaluate(
                        _take(inputs, late), _take(targets, late), sample_weight=counts, batch_size=8192, verbose=0
                    )
                )
            )
            tired = len(losses) - 1 - int(np.argmin(losses)) >= params.patience
            if tired or not math.isfinite(losses[-1]) or time.monotonic() > until - params.seconds / 2:
                break
        epochs = int(np.nanargmin(losses)) + 1 if np.isfinite(losses).any() else 1
    ready()
    for _ in range(epochs):
        epoch(np.arange(n))
        if time.monotonic() > until:
            break
    return losses


def split(at: npt.NDArray[Any], share: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Positions of the early rows and of about the latest ``share``; rows of one time stay together where there are two.

    Examples
    --------
    >>> [part.tolist() for part in split(np.array([3, 1, 2, 2]), 0.25)]
    [[1, 2, 3], [0]]
    """
    wanted = int(len(at) * share)
    if wanted < 1:
        return np.arange(len(at)), np.empty(0, np.int64)
    order = np.argsort(at, kind="stable")
    border = at[order[-wanted]]
    late = at >= border if border > at[order[0]] else at > border
    if not late.any():
        return np.sort(order[:-wanted]), np.sort(order[-wanted:])
    return np.flatnonzero(~late), np.flatnonzero(late)


def layers_of(model: Any) -> list[Layer]:
    """Weights of the dense layers of :func:`dense`, first to last."""
    weights = [np.asarray(each, np.float32) for each in model.get_weights()]
    return list(zip(weights[::2], weights[1::2], strict=True))


def forward(layers: Sequence[Layer], x: Floats) -> Floats:
    """What the model of :func:`dense` gives for ``x`` of shape (n, width), in numpy alone: shape (n, heads)."""
    for weights, bias in layers[:-1]:
        x = np.maximum(product(x, weights) + bias, 0)
    weights, bias = layers[-1]
    return np.asarray(product(x, weights) + bias, np.float32)


def save(model: Any, path: Path) -> None:
    """Write a whole Keras model as ``.keras``; for dense layers :func:`save_layers` needs no TensorFlow to read."""
    model.save(path)


def load(path: Path) -> Any:
    """Read what :func:`save` wrote, in safe mode: nothing in the file is executed.

    Raises
    ------
    ArtifactError
        The file is missing, broken, or holds code.
    """
    import keras

    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises anything from OSError to TypeError over a broken file.
        raise _unreadable(path, error) from error


def save_layers(layers: Sequence[Layer], path: Path) -> None:
    """Write dense layers as ``.npz``; the same weights give the same bytes."""
    arrays = {f"{part}{i}": each for i, layer in enumerate(layers) for part, each in zip("wb", layer, strict=True)}
    np.savez(path, **arrays)  # type: ignore[arg-type]  # mypy takes names for keyword parameters


def load_layers(path: Path) -> list[Layer]:
    """Read what :func:`save_layers` wrote; no pickle is.

    Raises
    ------
    ArtifactError
        The file is missing or not one of these.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return [(arrays[f"w{i}"], arrays[f"b{i}"]) for i in range(len(arrays.files) // 2)]
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise _unreadable(path, error) from error


def _take(arrays: Any, rows: npt.NDArray[np.int64]) -> Any:
    return [each[rows] for each in arrays] if isinstance(arrays, list) else arrays[rows]


def _unreadable(path: Path, error: Exception) -> ArtifactError:
    return ArtifactError(
        f"The network in {path.name} cannot be read.",
        came=f"{type(error).__name__}: {error}",
        do="train the capability again: ./nightshift train NAME",
    )

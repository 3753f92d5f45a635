"""A small global network for many series, of the N-HiTS kind: the past at several rates in, every span's quantiles out.

One pass forecasts all spans of a series: its recent periods as multiples of its level, with what was known of them, and
their averages over ever longer stretches (Challu et al., AAAI 2023: pooled inputs of several rates). It is grown by
TensorFlow and scored in numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ml.learn import network
from ml.learn.network import Layer
from ml.learn.params import NetworkParams
from ml.learn.series.columns import Past, Seen
from ml.learn.series.panel import Span, actual
from ml.learn.series.spans import until_then

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]

_HIDDEN = (96, 64)
_MOST = 20.0
_FAR = 5.0
"""Standardised columns are held within so many standard deviations."""


class SpanNetwork(NamedTuple):
    """A fitted network.

    Attributes
    ----------
    layers : list of (weights, bias)
    middle, spread : ndarray of shape (n_columns,), float32
        What columns are standardised with; not known counts as the middle.
    spans : tuple of Span
        What it forecasts: no other span can be asked for.
    """

    layers: list[Layer]
    middle: Matrix
    spread: Matrix
    spans: tuple[Span, ...]

    def predict(
        self, past: Past, origin: int, seen: Seen, spans: tuple[Span, ...], levels: int
    ) -> tuple[Floats, Floats]:
        """Mean (n_series, n_spans) and rising quantiles (n_series, n_spans, n_levels) as multiples of the level.

        Raises
        ------
        ValueError
            One of ``spans`` was not learned.
        """
        x = _scaled(columns(past, origin, self.spans, seen, spans), self.middle, self.spread)
        places = [self.spans.index(span) for span in spans]
        out = network.forward(self.layers, x).reshape(len(x), len(self.spans), 1 + levels)[:, places]
        steps = np.logaddexp(out.astype(np.float64), 0)
        return steps[:, :, 0], np.cumsum(steps[:, :, 1:], axis=2)

    def save(self, path: Path) -> None:
        """Write ``path`` (.npz) with the layers, and beside it what columns are standardised with."""
        network.save_layers(self.layers, path)
        np.savez(path.with_name(path.stem + "_scale.npz"), middle=self.middle, spread=self.spread)

    @classmethod
    def load(cls, path: Path, spans: tuple[Span, ...]) -> SpanNetwork:
        """Read what :meth:`save` wrote."""
        with np.load(path.with_name(path.stem + "_scale.npz"), allow_pickle=False) as file:
            return cls(network.load_layers(path), file["middle"], file["spread"], spans)


def learn(
    past: Past,
    origins: Sequence[int],
    spans: tuple[Span, ...],
    until: int,
    levels: tuple[float, ...],
    params: NetworkParams,
    rows: int,
    seed: int,
) -> SpanNetwork | None:
    """Train on what came after each of ``origins`` and was over before ``until``; None where nothing was.

    Parameters
    ----------
    levels : tuple of float
        Quantiles, rising; beside them the mean.
    rows : int
        At most so many series and origins, drawn by lot.
    """
    xs, ys, at, rng = [], [], [], np.random.default_rng(seed)
    for origin in origins:
        seen = past.seen(origin, spans)
        truth = actual(past.panel, origin, spans) / seen.level[:, None]
        truth = until_then(truth, origin, spans, until)
        pick = np.flatnonzero(np.isfinite(truth).any(axis=1))
        most = -(-rows // len(origins))
        pick = np.sort(rng.choice(pick, most, replace=False)) if len(pick) > most else pick
        xs.append(columns(past, origin, spans, seen, spans)[pick])
        ys.append(np.clip(truth[pick], 0, _MOST).astype(np.float32))
        at.append(np.full(len(pick), origin))
    if not sum(map(len, ys)):
        return None
    x, y = np.concatenate(xs), np.concatenate(ys)
    middle, spread = _scale(x)
    params = replace(params, batch=min(params.batch, max(32, len(x) // 50)))
    keras = network.begin(seed)
    model = network.dense(keras, x.shape[1], _HIDDEN, len(spans) * (1 + len(levels)), params, seed)
    # What is not known is marked below 0: Keras takes no nan in a target.
    network.train(
        model,
        _scaled(x, middle, spread),
        np.nan_to_num(y, nan=-1.0),
        _loss(levels),
        params,
        seed,
        at=np.concatenate(at),
    )
    return SpanNetwork(network.layers_of(model), middle, spread, spans)


def columns(past: Past, origin: int, learned: tuple[Span, ...], seen: Seen, spans: tuple[Span, ...]) -> Matrix:
    """What the network sees of each series, shape (n_series, n_columns), float32; nan where nothing is known."""
    panel, level = past.panel, seen.level[:, None]
    window = panel.rhythm.windows[2]
    made: list[npt.NDArray[Any]] = [_recent(panel.pieces, origin, window) / level]
    if panel.opened is not None:
        made.append(_recent(panel.opened, origin, panel.rhythm.windows[0]))
    given = seen if spans == learned else past.seen(origin, learned)
    wide = given.x.reshape(len(level), len(learned), -1)
    varies = past.span_columns
    made += [wide[:, 0, :-varies], given.profile]
    if panel.ahead is not None:
        made.append(wide[:, :, -2 * panel.ahead.shape[2] :].reshape(len(level), -1))
    phase = np.eye(panel.rhythm.season)[(panel.first + origin) % panel.rhythm.season]
    made.append(np.repeat(phase[None], len(level), axis=0))
    return np.concatenate(made, axis=1).astype(np.float32)


def _recent(values: Matrix, origin: int, window: int) -> Floats:
    out = np.full((len(values), window), np.nan)
    there = min(window, origin)
    if there > 0:
        out[:, window - there :] = values[:, origin - there : origin]
    return out


def _scale(x: Matrix) -> tuple[Matrix, Matrix]:
    known = np.isfinite(x)
    n = np.maximum(known.sum(axis=0), 1)
    filled = np.where(known, x, 0)
    middle = filled.sum(axis=0, dtype=np.float64) / n
    spread = np.sqrt((np.where(known, x - middle, 0) ** 2).sum(axis=0) / n)
    return middle.astype(np.float32), np.where(spread > 1e-6, spread, 1).astype(np.float32)


def _scaled(x: Matrix, middle: Matrix, spread: Matrix) -> Matrix:
    return np.asarray(np.clip(np.nan_to_num((x - middle) / spread, nan=0.0), -_FAR, _FAR), np.float32)


def _loss(levels: tuple[float, ...]) -> Any:
    """Pinball losses and half the squared error of the mean; targets below 0 are not known."""
    import tensorflow as tf

    at = tf.constant(levels, tf.float32)

    def loss(true: Any, given: Any) -> Any:
        n_heads = 1 + len(levels)
        out = tf.nn.softplus(tf.reshape(given, (-1, tf.shape(true)[1], n_heads)))
        known = tf.cast(true >= 0, tf.float32)
        off = true[:, :, None] - tf.cumsum(out[:, :, 1:], axis=2)
        pinball = tf.reduce_sum(tf.maximum(at * off, (at - 1) * off), axis=2)
        square = 0.1 * tf.minimum(tf.square(true - out[:, :, 0]), _MOST)
        return tf.reduce_sum(known * (pinball + square), axis=1) / tf.maximum(tf.reduce_sum(known, axis=1), 1.0)

    return loss

"""What a global model is trained and tested on: rolling origins, what was seen at each, and what came after."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ml.learn import trees
from ml.learn.params import NetworkParams
from ml.learn.regression import regress
from ml.learn.series.columns import Past, Seen
from ml.learn.series.network import SpanNetwork, learn
from ml.learn.series.panel import Panel, Span, actual
from ml.learn.series.params import SeriesParams
from ml.learn.series.spans import until_then

Floats = npt.NDArray[np.float64]

_MOST = 20.0
"""A target is at most so many times the level: one order of a wholesaler must not move a tree."""


class Test(NamedTuple):
    """An origin, what was seen at it, and what came after, (n_series, n_spans)."""

    origin: int
    seen: Seen
    truth: Floats


def grow(past: Past, spans: tuple[Span, ...], until: int, params: SeriesParams, seed: int) -> list[trees.Trees]:
    """Trees of the mean and of each level, on targets that end at ``until`` or before; none where there are too few."""
    if not params.boosted:
        return []
    xs, ys, levels = [], [], []
    rng = np.random.default_rng(seed)
    chosen = origins(past.panel, spans, until, params)
    for origin in chosen:
        seen = past.seen(origin, spans)
        y = until_then(actual(past.panel, origin, spans), origin, spans, until) / seen.level[:, None]
        most = -(-params.rows // len(chosen))
        pick = np.flatnonzero(np.isfinite(y.ravel()))
        pick = np.sort(rng.choice(pick, most, replace=False)) if len(pick) > most else pick
        xs.append(seen.x[pick])
        ys.append(np.clip(y.ravel()[pick], 0, _MOST))
        levels.append(np.repeat(seen.level, len(spans))[pick])
    if sum(map(len, ys)) < 2 * params.min_leaf:
        return []
    x, y, weight = np.concatenate(xs), np.concatenate(ys), np.sqrt(np.concatenate(levels))
    return regress(x, y, params.forest, seed, (None, *params.grown), weight=weight)


def train(past: Past, spans: tuple[Span, ...], until: int, params: SeriesParams, seed: int) -> SpanNetwork | None:
    """A network on the same, where there are enough series for one."""
    if not params.network_seconds or len(past.panel.pieces) < params.network_series:
        return None
    given = NetworkParams(epochs=16, patience=2, batch=512, seconds=params.network_seconds)
    chosen = origins(past.panel, spans, until, params)
    return learn(past, chosen, spans, until, params.grown, given, params.rows, seed)


def origins(panel: Panel, spans: tuple[Span, ...], until: int, params: SeriesParams) -> list[int]:
    """The newest origins in steps, and older ones for the longest span."""
    longest, step, n = max(start + width for start, width in spans), params.step, params.origins
    first = min(start + width for start, width in spans)
    near = {until - first - step * j for j in range(n)}
    far = {until - longest - 3 * step * j for j in range(n // 2)}
    least = min(panel.rhythm.windows[2], until // 2)
    return sorted(origin for origin in near | far if least <= origin < until)


def tests(past: Past, spans: tuple[Span, ...], split: int, end: int, step: int) -> Iterator[Test]:
    """Origins from ``split`` on with what came after, each span only where it is over before ``end``."""
    last = end - min(start + width for start, width in spans)
    step = max(step, -(-(last - split + 1) // 6))
    for origin in range(last, split - 1, -step):
        truth = actual(past.panel, origin, spans)
        if np.isfinite(truth).any():
            yield Test(origin, past.seen(origin, spans), truth)

"""Forecasts of many series by one global model: boosted quantiles, combined with simple methods, made conformal.

A target is what is sold per period in a *span* after an origin, as a multiple of the series' level: days, weeks and the
time until a delivery are spans of one model. All learning is on rolling origins: what came after an origin is never
seen by its columns. Methods are weighed, and intervals made conformal, on the newest origins by a model that was grown
on older ones alone (:func:`held`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from ml.learn import trees
from ml.learn.params import NetworkParams
from ml.learn.regression import Forest, regress
from ml.learn.series.columns import Past, Seen
from ml.learn.series.combination import Weights, mixed, weigh
from ml.learn.series.conformal import Shifts, ratio_quantiles, ratios, shifts
from ml.learn.series.network import SpanNetwork, learn
from ml.learn.series.panel import Panel, Span, actual
from ml.learn.series.quantiles import agreed, around, spread
from ml.learn.series.simple import METHODS
from ml.learn.series.spans import KINDS, held, kinds, until_then

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
BOOSTED = "LightGBM"
_MOST = 20.0
"""A target is at most so many times the level: one order of a wholesaler must not move a tree."""
_VOLUMES = 3
_LITTLE = 0.05
"""A network that counts less is not worth its time."""


@dataclass(frozen=True)
class SeriesParams:
    """Parameters of :class:`Forecaster`."""

    levels: tuple[float, ...] = LEVELS
    grown: tuple[float, ...] = (0.1, 0.5, 0.9)
    """Levels that trees are grown for; the others follow from their distance to the middle, and are made conformal too."""
    trees: int = 80
    leaves: int = 16
    rate: float = 0.1
    min_leaf: int = 40
    column_share: float = 0.6
    rows: int = 40_000
    """Rows (a series, an origin, a span) that are learned from, at most; drawn by lot."""
    origins: int = 12
    step: int = 5
    """Periods between two origins; with 7 days a week every weekday is one."""
    methods: tuple[str, ...] = ("average", "smoothing", "Theta", "TSB")
    """Simple methods that are combined with the boosted trees."""
    network_seconds: float = 0.0
    """A network of TensorFlow is a further candidate: at most so long is it trained, each of two times; 0: none is."""
    network_series: int = 300
    """Fewer series are not enough for a network."""
    boosted: bool = True
    """False: the first of the methods alone, with intervals made of its errors; a gate's baseline."""

    @property
    def forest(self) -> Forest:
        return Forest(self.trees, self.leaves, self.rate, self.min_leaf, self.column_share)


class Forecast(NamedTuple):
    """Pieces per period: ``mean`` (n_series, n_spans) and ``quantiles`` (n_series, n_spans, n_levels)."""

    mean: Floats
    quantiles: Floats


class Forecaster:
    """Quantiles and mean of what each series sells in spans after an origin.

    Parameters
    ----------
    spans : tuple of Span
        What it learns to forecast.
    params : SeriesParams
    seed : int

    Attributes
    ----------
    trees_ : list of Trees
        Of the mean, then of each level; empty where there was too little to learn from: then the averages serve.
    network_ : SpanNetwork or None
        None: none was trained, or it counted nothing.
    weights_ : Weights
        What each method's mean counts, by series: the trees', the simple methods' and the network's.
    quantile_weights_ : Weights
        What the quantiles of trees and network count.
    shifts_ : Shifts
    group_ratios_ : ndarray of shape (KINDS, n_levels)
        Quantiles of what a group of series sold over its forecast, by kind of span.
    borders_ : ndarray of shape (2,)
        Levels between slow, middling and fast series.
    """

    def __init__(self, spans: tuple[Span, ...], params: SeriesParams, seed: int) -> None:
        self.spans, self.params, self.seed = spans, params, seed

    def fit(self, panel: Panel) -> Self:
        """Learn from the whole length of ``panel``; forgets any earlier fit."""
        past, end = Past(panel), panel.length
        level = past.level(end)
        self.borders_ = np.quantile(level, [1 / 3, 2 / 3]) if len(level) else np.zeros(2)
        split = end - held(end, self.spans, panel.rhythm.season)
        self.trees_, self.network_ = self._grown(past, split), self._trained(past, split)
        self.shifts_ = Shifts(np.zeros((self._slices, len(self.params.levels))))
        self.group_ratios_ = np.ones((KINDS, len(self.params.levels)))
        newest = list(self._tests(past, split, end)) if len(panel.pieces) else []
        self._weigh(past, newest)
        if newest:
            self._conform(past, newest)
        self.trees_ = self._grown(past, end)
        if self.network_ is not None:
            self.network_ = self._trained(past, end)
        return self

    def predict(
        self, past: Past, origin: int, spans: tuple[Span, ...] | None = None, rows: Longs | None = None
    ) -> Forecast:
        """Forecast each span after ``origin``.

        Parameters
        ----------
        past : Past
        spans : tuple of Span, optional
            Those that were learned, if not given.
        rows : ndarray of shape (n_series,), int64, optional
            Position of each series among those that were learned from, -1 for a new one; all in order, if not given.
        """
        spans = spans or self.spans
        seen = past.seen(origin, spans)
        rows = np.arange(len(seen.level)) if rows is None else rows
        mean, quantiles = self._raw(past, origin, spans, seen, rows)
        where = self._slice(seen.level, spans)
        moved = self.shifts_.moved(quantiles, where) * np.repeat(seen.level, len(spans))[:, None]
        shape = (len(seen.level), len(spans), len(self.params.levels))
        season = np.array([width >= past.panel.rhythm.season for _, width in spans])
        return Forecast(mean, around(mean, moved.reshape(shape), self.params.levels, season))

    def save(self, folder: Path, name: str = "series") -> None:
        """Write files that begin with ``name``; the same forecaster gives the same bytes."""
        for number, grown in enumerate(self.trees_):
            trees.save(grown, folder / f"{name}_trees_{number}.npz")
        np.savez(
            folder / f"{name}.npz",
            borders=self.borders_,
            shift=self.shifts_.shift,
            weights=self.weights_.series,
            usual=self.weights_.usual,
            group_ratios=self.group_ratios_,
            quantile_weights=self.quantile_weights_.series,
            quantile_usual=self.quantile_weights_.usual,
        )
        if self.network_ is not None:
            self.network_.save(folder / f"{name}_network.npz")
        kept = {
            "spans": self.spans,
            "seed": self.seed,
            "trees": len(self.trees_),
            "network": self.network_ is not None,
            "params": self.params.__dict__,
        }
        (folder / f"{name}.json").write_text(json.dumps(kept), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, name: str = "series") -> Self:
        """Read what :meth:`save` wrote; nothing in the files is executed."""
        kept = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        lists: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in kept["params"].items()
        }
        made = cls(tuple((start, width) for start, width in kept["spans"]), SeriesParams(**lists), kept["seed"])
        made.trees_ = [trees.load(folder / f"{name}_trees_{number}.npz") for number in range(kept["trees"])]
        with np.load(folder / f"{name}.npz", allow_pickle=False) as file:
            made.borders_, made.shifts_ = file["borders"], Shifts(file["shift"])
            made.group_ratios_ = file["group_ratios"]
            made.weights_ = Weights(file["weights"], file["usual"])
            made.quantile_weights_ = Weights(file["quantile_weights"], file["quantile_usual"])
        made.network_ = SpanNetwork.load(folder / f"{name}_network.npz", made.spans) if kept["network"] else None
        return made

    def _weigh(self, past: Past, tests: list[_Test]) -> None:
        """Weigh means and quantiles by their errors at ``tests``; a network that counts nothing is dropped."""
        n, k = len(past.panel.pieces), 1 + len(self.params.methods)
        self.quantile_weights_ = Weights.of_first(n, 2)
        self.weights_ = Weights.of_first(n, k + (self.network_ is not None))
        if not tests or not self.params.boosted:
            return
        self.weights_ = weigh([(t.truth, self._means(past, t.origin, t.seen), t.seen.level) for t in tests])
        if self.network_ is None or not self.trees_:
            return
        both = [(t.truth, self._both(past, t.origin, t.seen, self.spans), t.seen.level) for t in tests]
        self.quantile_weights_ = weigh(both, self.params.grown)
        if max(self.quantile_weights_.usual[1], self.weights_.usual[k]) < _LITTLE:
            self.network_, self.quantile_weights_ = None, Weights.of_first(n, 2)
            self.weights_ = Weights(
                *(each[..., :k] / each[..., :k].sum(axis=-1, keepdims=True) for each in self.weights_)
            )

    @property
    def _slices(self) -> int:
        return _VOLUMES * KINDS

    def _slice(self, level: Floats, spans: tuple[Span, ...]) -> Longs:
        """Slice of each series and span, flat: how fast it sells, and the kind of span."""
        volume = np.searchsorted(self.borders_, level)
        return np.asarray((volume[:, None] * KINDS + kinds(spans)).ravel(), np.int64)

    def _grown(self, past: Past, until: int) -> list[trees.Trees]:
        """Trees of the mean and of each level, on targets that end at ``until`` or before."""
        if not self.params.boosted:
            return []
        xs, ys, levels = [], [], []
        rng = np.random.default_rng(self.seed)
        origins = list(self._origins(past.panel, until))
        for origin in origins:
            seen = past.seen(origin, self.spans)
            y = until_then(actual(past.panel, origin, self.spans), origin, self.spans, until) / seen.level[:, None]
            most = -(-self.params.rows // len(origins))
            pick = np.flatnonzero(np.isfinite(y.ravel()))
            pick = np.sort(rng.choice(pick, most, replace=False)) if len(pick) > most else pick
            xs.append(seen.x[pick])
            ys.append(np.clip(y.ravel()[pick], 0, _MOST))
            levels.append(np.repeat(seen.level, len(self.spans))[pick])
        if sum(map(len, ys)) < 2 * self.params.min_leaf:
            return []
        x, y, weight = np.concatenate(xs), np.concatenate(ys), np.sqrt(np.concatenate(levels))
        return regress(x, y, self.params.forest, self.seed, (None, *self.params.grown), weight=weight)

    def _trained(self, past: Past, until: int) -> SpanNetwork | None:
        """A network, where there are enough series for one."""
        if not self.params.network_seconds or len(past.panel.pieces) < self.params.network_series:
            return None
        given = NetworkParams(epochs=16, patience=2, batch=512, seconds=self.params.network_seconds)
        origins = list(self._origins(past.panel, until))
        return learn(past, origins, self.spans, until, self.params.grown, given, self.params.rows, self.seed)

    def _origins(self, panel: Panel, until: int) -> Iterator[int]:
        """The newest origins in steps, and older ones for the longest span."""
        longest, step, n = max(start + width for start, width in self.spans), self.params.step, self.params.origins
        first = min(start + width for start, width in self.spans)
        near = {until - first - step * j for j in range(n)}
        far = {until - longest - 3 * step * j for j in range(n // 2)}
        least = min(panel.rhythm.windows[2], until // 2)
        yield from sorted(origin for origin in near | far if least <= origin < until)

    def _tests(self, past: Past, split: int, end: int) -> Iterator[_Test]:
        """Origins from ``split`` on with what came after, each span only where it is over before ``end``."""
        last = end - min(start + width for start, width in self.spans)
        step = max(self.params.step, -(-(last - split + 1) // 6))
        for origin in range(last, split - 1, -step):
            truth = actual(past.panel, origin, self.spans)
            if np.isfinite(truth).any():
                yield _Test(origin, past.seen(origin, self.spans), truth)

    def _means(self, past: Past, origin: int, seen: Seen, spans: tuple[Span, ...] | None = None) -> Floats:
        """Means by method, the boosted first, shape (n_methods, n_series, n_spans)."""
        spans = spans or self.spans
        made = [METHODS[name](past, origin, spans, seen) for name in self.params.methods]
        if self.trees_:
            boosted = np.maximum(trees.predict(self.trees_[0], seen.x), 0).reshape(-1, len(spans))
            made.insert(0, boosted * seen.level[:, None])
        else:
            made.insert(0, made[0])
        if self.network_ is not None:
            mean, _ = self.network_.predict(past, origin, seen, spans, len(self.params.grown))
            made.append(mean * seen.level[:, None])
        return np.stack(made)

    def _both(self, past: Past, origin: int, seen: Seen, spans: tuple[Span, ...]) -> Floats:
        """Quantiles of the trees and of the network, pieces, (2, n_series, n_spans, n_grown)."""
        shape = (len(seen.level), len(spans), len(self.params.grown))
        grown = np.stack([trees.predict(each, seen.x) for each in self.trees_[1:]], axis=1)
        made = [np.sort(np.maximum(grown, 0), axis=1).reshape(shape)]
        if self.network_ is not None:
            made.append(self.network_.predict(past, origin, seen, spans, shape[2])[1])
        return np.stack(made) * seen.level[:, None, None]

    def _raw(self, past: Past, origin: int, spans: tuple[Span, ...], seen: Seen, rows: Longs) -> tuple[Floats, Floats]:
        """The combined mean, and quantiles as multiples of the level, flat, moved with the mean."""
        weights = self.weights_.rows(rows)
        if (weights[:, 1:] > 0).any() or not self.trees_:
            means = self._means(past, origin, seen, spans)
            mean = mixed(weights, means)
            boosted = means[0]
        else:
            boosted = mean = (
                np.maximum(trees.predict(self.trees_[0], seen.x), 0).reshape(-1, len(spans)) * seen.level[:, None]
            )
        if not self.trees_:
            flat = (mean / seen.level[:, None]).ravel()
            return mean, np.repeat(flat[:, None], len(self.params.levels), axis=1)
        both = self._both(past, origin, seen, spans)
        grown = mixed(self.quantile_weights_.rows(rows)[:, : len(both)], both) / seen.level[:, None, None]
        # A network's quantile is never quite 0: where the trees' is, it would leave all days without a sale outside.
        grown = np.where(both[0] > 0, grown, 0.0)
        grown = grown.reshape(-1, len(self.params.grown))
        quantiles = np.maximum(spread(grown, self.params.grown, self.params.levels), 0)
        quantiles *= agreed(mean / seen.level[:, None], boosted / seen.level[:, None], grown)[:, None]
        return _for_new(past, origin, seen, mean, quantiles, self.params.levels)

    def _conform(self, past: Past, tests: list[_Test]) -> None:
        """Learn the shifts on the newest origins."""
        rows = np.arange(len(past.panel.pieces))
        ys, qs, where, when = [], [], [], []
        all_ratios: list[list[Floats]] = [[] for _ in range(KINDS)]
        for test in tests:
            mean, quantiles = self._raw(past, test.origin, self.spans, test.seen, rows)
            y = (test.truth / test.seen.level[:, None]).ravel()
            known = np.isfinite(y)
            ys.append(y[known])
            qs.append(quantiles[known])
            when.append(np.full(int(known.sum()), test.origin))
            where.append(self._slice(test.seen.level, self.spans)[known])
            for grouping in past.panel.groupings:
                for j, kind in enumerate(kinds(self.spans)):
                    all_ratios[kind].append(ratios(test.truth[:, j], mean[:, j], grouping.code))
        y, q, at, of = (np.concatenate(each) for each in (ys, qs, when, where))
        apart = max(start + width for start, width in self.spans)
        self.shifts_ = shifts(y, q, self.params.levels, of, self._slices, at, apart)
        self.group_ratios_ = ratio_quantiles(all_ratios, self.params.levels)


class _Test(NamedTuple):
    origin: int
    seen: Seen
    truth: Floats


def _for_new(
    past: Past, origin: int, seen: Seen, mean: Floats, quantiles: Floats, levels: tuple[float, ...]
) -> tuple[Floats, Floats]:
    """The same, but for a series without a past: as its likes, and anything may come (an exponential distribution).

    What the trees know of series without sales is of old ones. They count in full once four weeks are known.
    """
    own = np.minimum(past.sold.count(0, origin) / past.panel.rhythm.windows[2], 1.0)[:, None]
    like = seen.level[:, None] * seen.profile
    wide = seen.profile.reshape(-1, 1) * -np.log1p(-np.asarray(levels))
    flat = np.repeat(own, mean.shape[1], axis=0)
    return own * mean + (1 - own) * like, flat * quantiles + (1 - flat) * wide

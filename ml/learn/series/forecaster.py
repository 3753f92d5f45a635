"""Forecasts of many series by one global model: boosted quantiles, combined with simple methods, made conformal.

A target is what is sold per period in a *span* after an origin, as a multiple of the series' level: days, weeks and the
time until a delivery are spans of one model. All learning is on rolling origins: what came after an origin is never
seen by its columns. Methods are weighed, and intervals made conformal, on the newest origins by a model that was grown
on older ones alone (:func:`held`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from ml.learn import trees
from ml.learn.series.columns import Past, Seen
from ml.learn.series.combination import Weights, mixed, weigh
from ml.learn.series.conformal import Shifts, ratio_quantiles, ratios, shifts
from ml.learn.series.network import SpanNetwork
from ml.learn.series.panel import Panel, Span
from ml.learn.series.params import SeriesParams
from ml.learn.series.quantiles import agreed, around, for_new, spread
from ml.learn.series.simple import METHODS
from ml.learn.series.spans import KINDS, held, kinds
from ml.learn.series.training import Test, grow, tests, train

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

_VOLUMES = 3
_LITTLE = 0.05
"""A network that counts less is not worth its time."""


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
        self.trees_ = grow(past, self.spans, split, self.params, self.seed)
        self.network_ = train(past, self.spans, split, self.params, self.seed)
        self.shifts_ = Shifts(np.zeros((self._slices, len(self.params.levels))))
        self.group_ratios_ = np.ones((KINDS, len(self.params.levels)))
        newest = list(tests(past, self.spans, split, end, self.params.step)) if len(panel.pieces) else []
        self._weigh(past, newest)
        if newest:
            self._conform(past, newest)
        self.trees_ = grow(past, self.spans, end, self.params, self.seed)
        if self.network_ is not None:
            self.network_ = train(past, self.spans, end, self.params, self.seed)
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

    def _weigh(self, past: Past, tests: list[Test]) -> None:
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
        return for_new(past, origin, seen, mean, quantiles, self.params.levels)

    def _conform(self, past: Past, tests: list[Test]) -> None:
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

"""How long an order takes to its customer: boosted quantiles, made conformal on the newest orders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.capabilities.delivery.columns import matrix
from ml.capabilities.delivery.spec import Params
from ml.core import artifacts
from ml.core.capability import Features
from ml.core.units import DAY_S
from ml.learn import trees
from ml.learn.metrics.binary import average_precision
from ml.learn.regression import Forest, regress
from ml.learn.series.quantiles import spread

FORMAT = 3
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
GROWN = (0.1, 0.5, 0.9)
FEWEST = 200
"""Deliveries below which the medians of routes serve."""
_NEWEST = 0.25
"""Share of the deliveries, the newest, that quantiles are made conformal on."""
_ROUTE = 3
FEWEST_LATE = 20
"""Late orders below which nobody can tell whose chance to be late is better: the route's serves."""
_MOST_JUDGED, _RESAMPLES = 4_000, 200
Floats = npt.NDArray[np.float64]


class Delivery:
    """Days from order to delivery.

    Parameters
    ----------
    params : Params
    seed : int
    learning : bool
        False: the mean of the route's latest deliveries with the spread of its errors, the gate's baseline.

    Attributes
    ----------
    trees_ : list of Trees
        One for each of ``GROWN``; empty: the routes serve.
    errors_ : ndarray of shape (n_levels,)
        Without trees: quantiles of what orders took over their route's latest.
    widened_ : float
        By so much the distances from the median are too small on orders that the trees have not seen.
    usual_ : float
        Days where nothing is known of a route.
    late_by_trees_ : bool
        Whether the chance to be late is read off the trees: only if they order the newest quarter better than the route's
        errors do, by more than chance.
    """

    def __init__(self, params: Params, seed: int, *, learning: bool = True) -> None:
        self.params, self.seed, self.learning = params, seed, learning

    def fit(self, features: Features) -> Self:
        """Learn from what was delivered; forgets any earlier fit."""
        past = features["past"].sort_by([("at", "ascending"), ("order_id", "ascending")]).combine_chunks()
        y = past["took_days"].to_numpy().astype(np.float64)
        self.trees_, self.errors_, self.widened_, self.late_by_trees_ = [], np.ones(len(LEVELS)), 1.0, False
        self.usual_ = float(np.median(y)) if len(y) else 5.0
        x, newest = matrix(past, past), len(y) - int(len(y) * _NEWEST)
        # Young orders that are not delivered yet are missing: of them only the quick ones would be learned from.
        last = max(int(features["moment"]["as_of"][0].as_py()) if len(features["moment"]) else 0, 0)
        settled = past["at"].to_numpy() < last - self.params.settle_days * DAY_S
        early, late = settled & (np.arange(len(y)) < newest), settled & (np.arange(len(y)) >= newest)
        ratio = y / self._route(x)
        if late.any():
            self.errors_ = np.quantile(ratio[late], LEVELS)
        if self.learning and early.sum() >= FEWEST:
            self.late_by_trees_ = self._orders_better(past.filter(pa.array(settled)), x[settled], ratio[settled])
            self.trees_ = self._grown(x[early], ratio[early])
            if late.sum() >= FEWEST:
                self.widened_ = widening(ratio[late], self._ratios(x[late]))
            self.trees_ = self._grown(x[settled], ratio[settled])
        return self

    def days(self, orders: pa.Table, past: pa.Table) -> Floats:
        """Quantiles of the days of each order at ``LEVELS``, (n_orders, n_levels)."""
        return self._by_trees(matrix(orders, past))

    def late(self, orders: pa.Table, past: pa.Table, elapsed: Floats | float = 0.0) -> Floats:
        """Chance of each order to come after its promise, (n_orders,); nan without one.

        Parameters
        ----------
        elapsed : ndarray of shape (n_orders,)
            Days that it waits already: what has not come by now takes longer.
        """
        x = matrix(orders, past)
        days = self._by_trees(x) if self.late_by_trees_ else self.by_route(x)
        promise = np.asarray(orders["promise_days"].to_numpy(zero_copy_only=False), np.float64)
        return late_chance(np.maximum(days, np.broadcast_to(elapsed, len(x))[:, None]), promise)

    def _by_trees(self, x: npt.NDArray[np.float32]) -> Floats:
        ratios = self._ratios(x)
        middle = ratios[:, [LEVELS.index(0.5)]]
        return np.asarray(np.maximum(middle + self.widened_ * (ratios - middle), 0.05) * self._route(x)[:, None])

    def by_route(self, x: npt.NDArray[np.float32]) -> Floats:
        """Days of each order by the errors of its route alone, (n_orders, n_levels)."""
        return np.maximum(np.tile(self.errors_, (len(x), 1)), 0.05) * self._route(x)[:, None]

    def _orders_better(self, past: pa.Table, x: npt.NDArray[np.float32], ratio: Floats) -> bool:
        """Whether trees of older orders find the late ones of the newest two quarters better than the route's errors do.

        By average precision and by more than chance: each quarter by trees that saw what was before it.
        """
        took = past["took_days"].to_numpy().astype(np.float64)
        promise = np.asarray(past["promise_days"].to_numpy(zero_copy_only=False), np.float64)
        rng, quarter, gains = np.random.default_rng(self.seed), np.arange(len(x)) * 4 // max(len(x), 1), []
        for newest in (2, 3):
            rows = rng.permutation(np.flatnonzero((quarter == newest) & np.isfinite(promise)))[:_MOST_JUDGED]
            late = (took > promise)[rows].astype(np.int8)
            if late.sum() < FEWEST_LATE or (quarter < newest).sum() < FEWEST:
                return False
            self.trees_ = self._grown(x[quarter < newest], ratio[quarter < newest])
            ours, theirs = (late_chance(each(x[rows]), promise[rows]) for each in (self._by_trees, self.by_route))
            picks = [rng.integers(0, len(rows), len(rows)) for _ in range(_RESAMPLES)]
            gains.append([average_precision(late[p], ours[p]) - average_precision(late[p], theirs[p]) for p in picks])
        return bool(np.nanquantile(np.mean(gains, axis=0), 0.05) > 0)

    def _grown(self, x: npt.NDArray[np.float32], ratio: Floats) -> list[trees.Trees]:
        return regress(relative(x), ratio, Forest(self.params.trees, 16, 0.1, 30), self.seed, GROWN)

    def _route(self, x: npt.NDArray[np.float32]) -> Floats:
        """Days of the route's latest deliveries: what all is a multiple of, so that a slow season moves everything."""
        return np.maximum(np.nan_to_num(x[:, _ROUTE].astype(np.float64), nan=self.usual_), 0.1)

    def _ratios(self, x: npt.NDArray[np.float32]) -> Floats:
        if not self.trees_:
            return np.tile(self.errors_, (len(x), 1))
        seen = relative(x)
        return spread(np.stack([trees.predict(each, seen) for each in self.trees_], axis=1), GROWN, LEVELS)

    def save(self, folder: Path) -> None:
        """Write the trees and ``model.json``; the same model gives the same bytes."""
        for number, grown in enumerate(self.trees_):
            trees.save(grown, folder / f"trees_{number}.npz")
        kept = {
            "format": FORMAT,
            "learning": self.learning,
            "seed": self.seed,
            "trees": len(self.trees_),
            "errors": self.errors_.tolist(),
            "widened": self.widened_,
            "usual": self.usual_,
            "late_by_trees": self.late_by_trees_,
        }
        (folder / "model.json").write_text(json.dumps(kept), encoding="utf-8")


def relative(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """What the trees see: averages as multiples of the shop's, so that a change of all of them teaches nothing wrong."""
    with np.errstate(invalid="ignore"):
        return np.column_stack([x[:, 1:4] / np.maximum(x[:, :1], 0.1), x[:, 6:]]).astype(np.float32)


def widening(ratio: Floats, quantiles: Floats) -> float:
    """By how much the interval from .1 to .9 must be widened about the median to hold four of five (conformal).

    Only the width is made conformal: what took longer than forecast in the newest quarter was a season, and would move
    the median of the next to the wrong side.
    """
    low, middle, high = (quantiles[:, LEVELS.index(level)] for level in (0.1, 0.5, 0.9))
    away = np.where(
        ratio > middle,
        (ratio - middle) / np.maximum(high - middle, 1e-6),
        (middle - ratio) / np.maximum(middle - low, 1e-6),
    )
    return float(np.clip(np.quantile(away, 0.8), 0.5, 3.0))


def late_chance(quantiles: Floats, promise: Floats) -> Floats:
    """Chance that an order takes longer than its promise, by its quantiles (n, n_levels); nan without a promise.

    Examples
    --------
    >>> late_chance(np.array([[1.0, 2, 3, 4, 5, 6, 7]]), np.array([4.0])).round(6).tolist()
    [0.5]
    """
    out = np.full(len(promise), np.nan)
    for i in np.flatnonzero(np.isfinite(promise)):
        grid = quantiles[i] + np.arange(len(LEVELS)) * 1e-9
        step = max(float(grid[-1] - grid[0]), 1e-6)
        ends = np.concatenate([[grid[0] - step / 4], grid, [grid[-1] + step / 2]])
        out[i] = 1 - np.interp(promise[i], ends, [0.0, *LEVELS, 1.0])
    return out


def fit(features: Features, params: Params, seed: int) -> Delivery:
    """Fit the quantiles."""
    return Delivery(params, seed).fit(features)


def fit_baseline(features: Features, params: Params, seed: int) -> Delivery:
    """Fit the latest deliveries of each route."""
    return Delivery(params, seed, learning=False).fit(features)


def load(folder: Path) -> Delivery:
    """Read what :meth:`Delivery.save` wrote. Nothing in the files is executed.

    Raises
    ------
    ArtifactError
        A file is missing or has another format.
    """
    with artifacts.reading(folder, "delivery", FORMAT) as kept:
        model = Delivery(Params(), kept["seed"], learning=kept["learning"])
        model.trees_ = [trees.load(folder / f"trees_{number}.npz") for number in range(kept["trees"])]
        model.errors_, model.widened_ = np.array(kept["errors"], np.float64), kept["widened"]
        model.usual_, model.late_by_trees_ = kept["usual"], kept["late_by_trees"]
    return model

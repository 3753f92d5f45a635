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
from ml.core.capability import Features
from ml.core.errors import ArtifactError
from ml.core.units import DAY_S
from ml.learn import trees
from ml.learn.regression import Forest, regress
from ml.learn.series.conformal import Shifts, shifts
from ml.learn.series.forecaster import spread

FORMAT = 1
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
GROWN = (0.1, 0.5, 0.9)
FEWEST = 200
"""Deliveries below which the medians of routes serve."""
_NEWEST = 0.25
"""Share of the deliveries, the newest, that quantiles are made conformal on."""
_ROUTE = 3
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
    shifts_ : Shifts
        In days.
    usual_ : float
        Days where nothing is known of a route.
    """

    def __init__(self, params: Params, seed: int, *, learning: bool = True) -> None:
        self.params, self.seed, self.learning = params, seed, learning

    def fit(self, features: Features) -> Self:
        """Learn from what was delivered; forgets any earlier fit."""
        past = features["past"].sort_by([("at", "ascending"), ("order_id", "ascending")]).combine_chunks()
        y = past["took_days"].to_numpy().astype(np.float64)
        self.trees_, self.shifts_ = [], Shifts(np.zeros((1, len(LEVELS))))
        self.usual_ = float(np.median(y)) if len(y) else 5.0
        x, newest = matrix(past, past), len(y) - int(len(y) * _NEWEST)
        # Young orders that are not delivered yet are missing: of them only the quick ones would be learned from.
        last = max(int(features["moment"]["as_of"][0].as_py()) if len(features["moment"]) else 0, 0)
        settled = past["at"].to_numpy() < last - self.params.settle_days * DAY_S
        early, late = settled & (np.arange(len(y)) < newest), settled & (np.arange(len(y)) >= newest)
        if self.learning and early.sum() >= FEWEST:
            self.trees_ = self._grown(x[early], y[early])
        if late.any():
            where = np.zeros(int(late.sum()), np.int64)
            self.shifts_ = shifts(y[late], self._raw(x[late]), LEVELS, where, 1)
        if self.trees_:
            self.trees_ = self._grown(x[settled], y[settled])
        return self

    def days(self, orders: pa.Table, past: pa.Table) -> Floats:
        """Quantiles of the days of each order at ``LEVELS``, (n_orders, n_levels)."""
        raw = self._raw(matrix(orders, past))
        return self.shifts_.moved(raw, np.zeros(len(raw), np.int64))

    def _grown(self, x: npt.NDArray[np.float32], y: Floats) -> list[trees.Trees]:
        return regress(x, y, Forest(self.params.trees, 16, 0.1, 30), self.seed, GROWN)

    def _raw(self, x: npt.NDArray[np.float32]) -> Floats:
        if not self.trees_:
            route = np.nan_to_num(x[:, _ROUTE].astype(np.float64), nan=self.usual_)
            return np.repeat(route[:, None], len(LEVELS), axis=1)
        return spread(np.stack([trees.predict(each, x) for each in self.trees_], axis=1), GROWN, LEVELS)

    def save(self, folder: Path) -> None:
        """Write the trees and ``model.json``; the same model gives the same bytes."""
        for number, grown in enumerate(self.trees_):
            trees.save(grown, folder / f"trees_{number}.npz")
        kept = {
            "format": FORMAT, "learning": self.learning, "seed": self.seed, "trees": len(self.trees_),
            "shift": self.shifts_.shift.tolist(), "usual": self.usual_,
        }  # fmt: skip
        (folder / "model.json").write_text(json.dumps(kept), encoding="utf-8")


def late_chance(quantiles: Floats, promise: Floats) -> Floats:
    """Chance that an order takes longer than its promise, by its quantiles (n, n_levels); nan without a promise.

    Examples
    --------
    >>> late_chance(np.array([[1.0, 2, 3, 4, 5, 6, 7]]), np.array([4.0])).tolist()
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
    try:
        kept = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        if kept["format"] != FORMAT:
            raise ValueError(f"format {kept['format']}, this code reads {FORMAT}")  # noqa: TRY301
        model = Delivery(Params(), kept["seed"], learning=kept["learning"])
        model.trees_ = [trees.load(folder / f"trees_{number}.npz") for number in range(kept["trees"])]
        model.shifts_, model.usual_ = Shifts(np.array(kept["shift"], np.float64)), kept["usual"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            "The files of the promise of delivery cannot be read.",
            came=f"{type(error).__name__}: {error}",
            do="train it again: ./nightshift train delivery",
        ) from error
    return model

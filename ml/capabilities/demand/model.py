"""One forecaster for all products: days and weeks are spans of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.demand.spec import DAYS, QUANTILES, WEEKS, Params
from ml.core import artifacts
from ml.core.capability import Features
from ml.learn.series.forecaster import Forecaster
from ml.learn.series.panel import Span
from ml.learn.series.params import SeriesParams
from ml.learn.series.sales import Shelf, shelf

FORMAT = 2
LEVELS = tuple(QUANTILES.values())
AHEAD = 7 * WEEKS


def spans(params: Params) -> tuple[Span, ...]:
    """What is forecast: 28 days, 13 weeks, and the last days that alerts look at."""
    days, weeks = [(day, 1) for day in range(DAYS)], [(7 * week, 7) for week in range(WEEKS)]
    return (*days, *weeks, *((0, days) for days in params.alert_days if days != 7))


class Demand:
    """What each product sells.

    Parameters
    ----------
    params : Params
    seed : int
    learning : bool
        False: the 56-day average by weekday alone, the gate's baseline.

    Attributes
    ----------
    forecaster_ : Forecaster
    product_ids_ : pyarrow.Array
        The products that it learned from, in the order of the forecaster's series.
    """

    def __init__(self, params: Params, seed: int, *, learning: bool = True) -> None:
        self.params, self.seed, self.learning = params, seed, learning

    def fit(self, features: Features) -> Self:
        """Learn from what was sold; forgets any earlier fit."""
        shop = shelf(features, self.params.history_days, AHEAD)
        ids, panel = shop.product["product_id"].combine_chunks(), shop.panel
        if len(ids) > self.params.most_series:
            rng = np.random.default_rng(self.seed)
            rows = np.sort(rng.choice(len(ids), self.params.most_series, replace=False))
            ids, panel = ids.take(pa.array(rows)), panel.rows(rows)
        chosen = SeriesParams(
            LEVELS,
            trees=self.params.trees,
            rows=self.params.rows,
            boosted=self.learning,
            methods=SeriesParams.methods if self.learning else SeriesParams.methods[:1],
            network_seconds=self.params.network_seconds if self.learning else 0.0,
            network_series=self.params.network_products,
        )
        self.product_ids_ = ids
        self.forecaster_ = Forecaster(spans(self.params), chosen, self.seed).fit(panel)
        return self

    def rows(self, shop: Shelf) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Position of each product of ``shop`` among those that were learned from; -1: a new one."""
        found = pc.index_in(shop.product["product_id"].combine_chunks(), self.product_ids_)
        return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), np.int64)

    def save(self, folder: Path) -> None:
        """Write the forecaster's files and ``model.json``; the same model gives the same bytes."""
        self.forecaster_.save(folder)
        kept = {"format": FORMAT, "learning": self.learning, "seed": self.seed, "ids": self.product_ids_.to_pylist()}
        (folder / "model.json").write_text(json.dumps(kept), encoding="utf-8")


def fit(features: Features, params: Params, seed: int) -> Demand:
    """Fit the forecaster."""
    return Demand(params, seed).fit(features)


def fit_baseline(features: Features, params: Params, seed: int) -> Demand:
    """Fit the 56-day average by weekday."""
    return Demand(params, seed, learning=False).fit(features)


def load(folder: Path) -> Demand:
    """Read what :meth:`Demand.save` wrote. Nothing in the files is executed.

    Raises
    ------
    ArtifactError
        A file is missing or has another format.
    """
    with artifacts.reading(folder, "demand", FORMAT) as kept:
        model = Demand(Params(), kept["seed"], learning=kept["learning"])
        model.product_ids_ = pa.array(kept["ids"], pa.string())
        model.forecaster_ = Forecaster.load(folder)
    return model

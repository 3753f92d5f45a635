"""The demand of the next days by a global forecaster, and the policy that makes a target stock of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.stock.policy import USUAL, Replay, critical, normal, search, target
from ml.capabilities.stock.position import Position, position
from ml.capabilities.stock.spec import LEVELS, WIDTHS, Params
from ml.core import artifacts
from ml.core.capability import Features
from ml.learn.series.columns import Past
from ml.learn.series.forecaster import Forecaster, SeriesParams
from ml.learn.series.sales import Shelf, shelf

FORMAT = 2
SPANS = tuple((0, width) for width in WIDTHS)
_REPLAYED_DAYS = 28
_REPLAYS = 3
Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]


class Demand(NamedTuple):
    """Demand of the first 1, 3, … 91 days: ``mean`` (n, n_widths) and ``quantiles`` (n, n_widths, n_levels), pieces."""

    mean: Floats
    quantiles: Floats

    def at(self, days: Floats) -> Floats:
        """Quantiles of the demand of so many days, (n, n_levels); between two widths on a straight line."""
        widths = np.asarray(WIDTHS, np.float64)
        place = np.clip(np.searchsorted(widths, days) - 1, 0, len(widths) - 2)
        part = np.clip((days - widths[place]) / (widths[place + 1] - widths[place]), -1, 1)[:, None]
        rows = np.arange(len(days))
        low, high = self.quantiles[rows, place], self.quantiles[rows, place + 1]
        return np.maximum(low + part * (high - low), 0)


class Stock:
    """What stock there should be of each product.

    Parameters
    ----------
    params : Params
    seed : int
    learning : bool
        False: mean and spread of the last 56 days, as if demand were normal; the gate's baseline.

    Attributes
    ----------
    forecaster_ : Forecaster
    policy_ : tuple of float
        See :func:`ml.capabilities.stock.policy.target`.
    product_ids_ : pyarrow.Array
    """

    def __init__(self, params: Params, seed: int, *, learning: bool = True) -> None:
        self.params, self.seed, self.learning = params, seed, learning

    def fit(self, features: Features) -> Self:
        """Learn demand and policy from what was sold; forgets any earlier fit."""
        shop = shelf(features, self.params.history_days, WIDTHS[-1])
        where = position(features, shop, self.params)
        rows = np.arange(len(shop.product))
        if len(rows) > self.params.most_series:
            rows = np.sort(np.random.default_rng(self.seed).choice(rows, self.params.most_series, replace=False))
        panel = shop.panel.rows(rows)
        self.product_ids_ = shop.product["product_id"].combine_chunks().take(pa.array(rows))
        chosen = SeriesParams(
            LEVELS,
            trees=self.params.trees,
            rows=self.params.rows,
            boosted=self.learning,
            methods=SeriesParams.methods if self.learning else SeriesParams.methods[:1],
        )
        self.forecaster_ = Forecaster(SPANS, chosen, self.seed).fit(panel)
        self.policy_ = search(self._replays(Past(panel), where.rows(rows)), self.seed) if self.learning else USUAL
        return self

    def demand(self, shop: Shelf, past: Past, rows: Longs, origin: int) -> Demand:
        """Demand of the products ``rows`` of ``shop`` after ``origin``."""
        found = pc.index_in(shop.product["product_id"].combine_chunks(), self.product_ids_)
        known = np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), np.int64)[rows]
        return _in_pieces(self.forecaster_, past, origin, known)

    def targets(self, demand: Demand, past: Past, where: Position, origin: int) -> Floats:
        """Target stock of each product, capped by what is sold within its shelf life."""
        level = critical(where.holding, where.penalty, where.review_days)
        days = where.protected_days
        if self.learning:
            quantiles = demand.at(days)
            made = target(quantiles[:, LEVELS.index(0.5)], _at_level(quantiles, level), self.policy_)
        else:
            mean = np.nan_to_num(past.sold.mean(origin - 56, origin))
            square = np.nan_to_num(past.squared.mean(origin - 56, origin))
            made = normal(mean, np.sqrt(np.maximum(square - mean**2, 0)), days, level)
        keeps = np.minimum(where.shelf_life_days, WIDTHS[-1])
        return np.where(
            where.shelf_life_days < WIDTHS[-1], np.minimum(made, demand.at(keeps)[:, LEVELS.index(0.5)]), made
        )

    def _replays(self, past: Past, where: Position) -> list[Replay]:
        """The newest stretches of 28 days, the last the newest; days out of stock count as nothing sold."""
        made = []
        for number in range(_REPLAYS, 0, -1):
            origin = past.panel.length - number * _REPLAYED_DAYS
            if origin < past.panel.rhythm.windows[-1]:
                continue
            quantiles = _in_pieces(self.forecaster_, past, origin, np.arange(len(where.lead_days))).at(
                where.protected_days
            )
            level = critical(where.holding, where.penalty, where.review_days)
            made.append(
                Replay(
                    np.nan_to_num(past.panel.pieces[:, origin : origin + _REPLAYED_DAYS].astype(np.float64)),
                    quantiles[:, LEVELS.index(0.5)],
                    _at_level(quantiles, level),
                    where.whole_lead,
                    int(where.review_days),
                    where.holding,
                    where.penalty,
                )
            )
        return made

    def save(self, folder: Path) -> None:
        """Write the forecaster's files and ``model.json``; the same model gives the same bytes."""
        self.forecaster_.save(folder)
        kept = {
            "format": FORMAT,
            "learning": self.learning,
            "seed": self.seed,
            "policy": self.policy_,
            "ids": self.product_ids_.to_pylist(),
        }
        (folder / "model.json").write_text(json.dumps(kept), encoding="utf-8")


def _in_pieces(forecaster: Forecaster, past: Past, origin: int, known: Longs) -> Demand:
    made = forecaster.predict(past, origin, SPANS, known)
    widths = np.asarray(WIDTHS, np.float64)
    return Demand(made.mean * widths, np.maximum.accumulate(made.quantiles * widths[:, None], axis=1))


def _at_level(quantiles: Floats, level: Floats) -> Floats:
    """The quantile at each row's own level, on a straight line between those that are known."""
    grid = np.asarray(LEVELS)
    place = np.clip(np.searchsorted(grid, level) - 1, 0, len(grid) - 2)
    part, rows = (level - grid[place]) / (grid[place + 1] - grid[place]), np.arange(len(level))
    return np.asarray(quantiles[rows, place] + part * (quantiles[rows, place + 1] - quantiles[rows, place]))


def fit(features: Features, params: Params, seed: int) -> Stock:
    """Fit forecaster and policy."""
    return Stock(params, seed).fit(features)


def fit_baseline(features: Features, params: Params, seed: int) -> Stock:
    """Fit the base stock by mean and spread."""
    return Stock(params, seed, learning=False).fit(features)


def load(folder: Path) -> Stock:
    """Read what :meth:`Stock.save` wrote. Nothing in the files is executed.

    Raises
    ------
    ArtifactError
        A file is missing or has another format.
    """
    with artifacts.reading(folder, "stock", FORMAT) as kept:
        model = Stock(Params(), kept["seed"], learning=kept["learning"])
        model.product_ids_ = pa.array(kept["ids"], pa.string())
        model.policy_ = (kept["policy"][0], kept["policy"][1])
        model.forecaster_ = Forecaster.load(folder)
    return model

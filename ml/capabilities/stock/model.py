"""The demand of the next days by a global forecaster, and the policy that makes a target stock of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.stock.position import Position, position
from ml.capabilities.stock.spec import LEVELS, WIDTHS, Params
from ml.core import artifacts
from ml.core.capability import Features
from ml.learn import network
from ml.learn.inventory.learned import LearnedPolicy, columns, try_out
from ml.learn.inventory.policy import USUAL, Levels, Policy, Replay, Verdict, critical, levels, normal, search
from ml.learn.inventory.simulator import Rule
from ml.learn.params import NetworkParams
from ml.learn.series.columns import Past
from ml.learn.series.forecaster import Forecaster
from ml.learn.series.panel import Panel
from ml.learn.series.params import SeriesParams
from ml.learn.series.sales import Shelf, shelf

FORMAT = 4
SPANS = tuple((0, width) for width in WIDTHS)
_REPLAYED_DAYS = 28
_REPLAYS = 3
_WEEK = 7
_POLICY = "policy.npz"
Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]


class Demand(NamedTuple):
    """Demand of the first 1, 3, … 91 days: ``mean`` (n, n_widths) and ``quantiles`` (n, n_widths, n_levels), pieces."""

    mean: Floats
    quantiles: Floats

    @property
    def daily(self) -> Floats:
        """Mean demand of a day of the next four weeks, (n,)."""
        return np.asarray(self.mean[:, WIDTHS.index(28)] / 28)

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
    policy_ : Policy
        The best classical one.
    learned_ : LearnedPolicy or None
        None: it was not tried, or does not cost less than the classical one by more than chance.
    verdict_ : Verdict
        How the two compared.
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
        self.policy_, self.verdict_ = USUAL, Verdict()
        self.learned_: LearnedPolicy | None = None
        if self.learning:
            self._choose(panel, where.rows(rows), chosen)
        return self

    def _choose(self, panel: Panel, where: Position, chosen: SeriesParams) -> None:
        """Choose a policy on the newest stretches, by forecasts that had seen none of them."""
        params, rng = self.params, np.random.default_rng(self.seed)
        rows = np.arange(len(panel.pieces))
        if len(rows) > params.replayed_series:
            rows = np.sort(rng.choice(rows, params.replayed_series, replace=False))
        begin = panel.length - _REPLAYS * _REPLAYED_DAYS
        if begin < panel.rhythm.windows[-1] or not len(rows):
            return
        panel, where = panel.rows(rows), where.rows(rows)
        older = Forecaster(SPANS, replace(chosen, rows=params.rows // 2), self.seed)
        older.fit(panel.before(begin, WIDTHS[-1]))
        starts = [begin + number * _REPLAYED_DAYS for number in range(_REPLAYS)]
        replays = [_replay(older, Past(panel), where, start) for start in starts]
        self.policy_ = search(replays, self.seed)
        if params.network_seconds and len(self.product_ids_) >= params.network_products:
            given = NetworkParams(epochs=40, patience=5, dropout=0.0, seconds=params.network_seconds)
            self.learned_, self.verdict_ = try_out(replays, self.policy_, given, self.seed)

    def demand(self, shop: Shelf, past: Past, rows: Longs, origin: int) -> Demand:
        """Demand of the products ``rows`` of ``shop`` after ``origin``."""
        found = pc.index_in(shop.product["product_id"].combine_chunks(), self.product_ids_)
        known = np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), np.int64)[rows]
        return _in_pieces(self.forecaster_, past, origin, known)

    def levels(self, demand: Demand, past: Past, where: Position, origin: int) -> Levels:
        """Of each product today, (n, 1): when to order, and up to what; no more than is sold within its shelf life."""
        chosen = self.choice(demand, past, where, origin)
        if isinstance(chosen, Levels):
            return chosen
        made = chosen(0, where.on_hand, where.on_order)[:, None]
        return Levels(made, made)

    def choice(self, demand: Demand, past: Past, where: Position, origin: int) -> Levels | Rule:
        """The same for any stock: one forecast, held for as long as a simulator asks."""
        level, days = critical(where.holding, where.penalty, where.review_days), where.protected_days
        keeps = np.minimum(where.shelf_life_days, WIDTHS[-1])
        most = np.where(where.shelf_life_days < WIDTHS[-1], demand.at(keeps)[:, LEVELS.index(0.5)], np.inf)
        quantiles = demand.at(days)
        middle, upper = quantiles[:, LEVELS.index(0.5)], _at_level(quantiles, level)
        if self.learning and self.learned_ is not None:
            learned, fixed = self.learned_, columns(_still(where, demand, middle, upper), 0)
            return lambda _, there, coming: np.minimum(learned.target(fixed, middle, upper, there, coming), most)
        made = levels(_still(where, demand, middle, upper), self.policy_)
        if not self.learning:
            mean = np.nan_to_num(past.sold.mean(origin - 56, origin))
            square = np.nan_to_num(past.squared.mean(origin - 56, origin))
            base = normal(mean, np.sqrt(np.maximum(square - mean**2, 0)), days, level)[:, None]
            made = Levels(base, base)
        return Levels(*(np.minimum(each, most[:, None]) for each in made))

    def save(self, folder: Path) -> None:
        """Write the forecaster's files and ``model.json``; the same model gives the same bytes."""
        self.forecaster_.save(folder)
        if self.learned_ is not None:
            network.save_layers(self.learned_.layers, folder / _POLICY)
        kept = {
            "format": FORMAT,
            "learning": self.learning,
            "seed": self.seed,
            "policy": list(self.policy_),
            "verdict": [None if np.isnan(each) else each for each in self.verdict_],
            "learned": self.learned_ is not None,
            "ids": self.product_ids_.to_pylist(),
        }
        (folder / "model.json").write_text(json.dumps(kept), encoding="utf-8")


def _in_pieces(forecaster: Forecaster, past: Past, origin: int, known: Longs) -> Demand:
    made = forecaster.predict(past, origin, SPANS, known)
    widths = np.asarray(WIDTHS, np.float64)
    return Demand(made.mean * widths, np.maximum.accumulate(made.quantiles * widths[:, None], axis=1))


def _replay(forecaster: Forecaster, past: Past, where: Position, start: int) -> Replay:
    """28 days from ``start``, forecast anew each week; a day out of stock counts as the mean of the others."""
    sold = past.panel.pieces[:, start : start + _REPLAYED_DAYS].astype(np.float64)
    known = ~np.isnan(sold)
    usual = np.where(known, sold, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    level, everything = critical(where.holding, where.penalty, where.review_days), np.arange(len(sold))
    weeks = [_in_pieces(forecaster, past, start + day, everything) for day in range(0, _REPLAYED_DAYS, _WEEK)]
    made = [each.at(where.protected_days) for each in weeks]
    middle, upper, daily = (
        np.repeat(np.stack(each, axis=1), _WEEK, axis=1)
        for each in (
            [q[:, LEVELS.index(0.5)] for q in made],
            [_at_level(q, level) for q in made],
            [each.daily for each in weeks],
        )
    )
    return _with_costs(where, np.where(known, sold, usual[:, None]), middle, upper, daily)


def _still(where: Position, demand: Demand, middle: Floats, upper: Floats) -> Replay:
    """A day without demand, as a policy looks at it."""
    return _with_costs(where, np.zeros((len(middle), 1)), middle[:, None], upper[:, None], demand.daily[:, None])


def _with_costs(where: Position, demand: Floats, middle: Floats, upper: Floats, daily: Floats) -> Replay:
    review, placing = max(int(where.review_days), 1), np.full(len(demand), where.placing)
    return Replay(demand, middle, upper, daily, where.whole_lead, review, where.holding, where.penalty, placing)


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
        model.policy_ = Policy(*kept["policy"])
        model.verdict_ = Verdict(*(np.nan if each is None else each for each in kept["verdict"]))
        model.learned_ = LearnedPolicy(network.load_layers(folder / _POLICY)) if kept["learned"] else None
        model.forecaster_ = Forecaster.load(folder)
    return model

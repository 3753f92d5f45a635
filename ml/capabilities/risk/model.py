"""The chance that an order turns out a fraud: gradient boosting, and logistic regression on raw columns as its baseline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.risk import money, variants
from ml.capabilities.risk.columns import NUMBERS, RATES, RAW, UNUSUAL
from ml.capabilities.risk.inputs import TEXTS, Floats, Inputs, Labels, Matrix, frequent_values, value_rates
from ml.capabilities.risk.spec import Params
from ml.core import artifacts
from ml.core.units import DAY_S
from ml.learn import boosters, boosters_tuning, calibration, decisions, level
from ml.learn.anomaly import Anomaly
from ml.learn.calibration import Calibration
from ml.learn.encoding import Encoder
from ml.learn.logistic import Logistic

FORMAT = 4
FEWEST = 10
"""Fewer orders than this of either kind teach nothing: such a shop gets the anomaly score alone."""
LATER = 0.2
"""Share of the labelled orders, the latest, on which the probabilities are calibrated by a model that did not see them."""
FLOW = 20_000
"""At most so many of the latest orders are kept, to tell how scarce reviews are."""
LATEST = 200
"""With fewer orders that are too young to be learned from, the later ones of the training tell that."""


class RiskModel:
    """Probability and anomaly score of orders.

    Parameters
    ----------
    params : Params
    seed : int
    boosted : bool
        False: logistic regression on the order's own columns, the baseline.

    Attributes
    ----------
    good_, bad_ : int
        Orders that were learnt from. With fewer than ``FEWEST`` of either there is no probability.
    inputs_ : Inputs
        Which columns there are, and what makes them.
    text_rates_ : dict of str to list of float
        Share of frauds of each value of a text.
    usual_ : dict of str to float
        Median of each number.
    chosen_ : Params
        ``params``, with what :mod:`variants` and :mod:`ml.learn.boosters_tuning` found better.
    calibration_ : Calibration
    flow_ : ndarray of shape (n_later, 2), float64
        Probability and total of the latest orders, which the model did not learn from.
    flow_days_, orders_per_day_ : float
        How many days ``flow_`` stands for; how many orders the shop has a day.
    anomaly_ : Anomaly
    """

    def __init__(self, params: Params, seed: int, *, boosted: bool = True) -> None:
        self.params, self.seed, self.boosted = params, seed, boosted

    @property
    def columns_(self) -> tuple[str, ...]:
        """What the columns of :meth:`contributions` are."""
        return self.inputs_.columns

    @property
    def learnt(self) -> bool:
        """Whether there were labels of both kinds to learn from."""
        return min(self.good_, self.bad_) >= FEWEST

    @property
    def text_rates(self) -> dict[str, dict[str, float]]:
        """Share of frauds by text and value."""
        return {
            name: dict(zip(self.inputs_.values[name], rates, strict=True)) for name, rates in self.text_rates_.items()
        }

    @property
    def rate(self) -> float:
        """Share of frauds among the orders that were learnt from."""
        return self.bad_ / max(1, self.good_ + self.bad_)

    def fit(self, features: Mapping[str, pa.Table], fold: npt.NDArray[np.int64] | None = None) -> Self:
        """Learn from the settled orders of ``features["order"]`` whose label is known; forgets any earlier fit.

        Orders of which only what the staff decided is known are learned from too, see :mod:`ml.learn.decisions`.
        ``fold``, one number per such order in the order of ``order_no``, is for orders without a time: see
        :meth:`ml.learn.encoding.Encoder.fit`. The highest folds stand for the later orders then.
        """
        order = _in_order(features["order"])
        self.anomaly_ = Anomaly(UNUSUAL).fit(order)
        # Places, not a copy: a table of millions of orders with all that is counted of them is the most that is held.
        labelled = np.flatnonzero(pc.and_(order["settled"], pc.is_valid(order["label"])).to_numpy())
        y = order["label"].take(pa.array(labelled)).to_numpy().astype(np.int8)
        self.bad_, self.good_ = int(y.sum()), int(len(y) - y.sum())
        texts = {name: order[name].take(pa.array(labelled)) for name in TEXTS}
        values = {name: frequent_values(text) for name, text in texts.items()}
        self.text_rates_ = {n: value_rates(t, values[n], y, self.params.prior_orders) for n, t in texts.items()}
        self.usual_ = _medians(order)
        self.orders_per_day_ = len(order) / max(1.0, _days(order))
        self.calibration_, self.flow_, self.flow_days_ = Calibration(), np.empty((0, 2)), 0.0
        self.core_: Any = None
        self.chosen_ = variants.usual(self.params)
        self.inputs_ = Inputs.of(self.chosen_, values, boosted=self.boosted)
        if self.learnt:
            self._learn(order, labelled, y, fold)
            self._meet_the_latest(order, y)
        return self

    def predict(self, order: pa.Table) -> Floats:
        """Probability of a fraud or chargeback, shape (n_orders,); NaN where there was nothing to learn from."""
        if not self.learnt or not len(order):
            return np.full(len(order), np.nan)
        return self.calibration_.of_log_odds(self.core_.log_odds(self.matrix(order)))

    def decide(self, probability: Floats, total: Floats, costs: money.Costs) -> money.Choices:
        """Positions in ``money.DECISIONS``, reviews being as scarce as among the later orders of the training."""
        gain = money.review_gain(self.flow_[:, 0], self.flow_[:, 1], costs)
        return money.decide(probability, total, costs, money.scarcity(gain, self.flow_days_, costs))

    def contributions(self, order: pa.Table, x: Matrix | None = None) -> Floats:
        """What each of ``columns_`` adds to the log-odds, and in the last column the log-odds of nothing known.

        Exact: a row's sum is the log-odds of :meth:`predict`. ``x`` is :meth:`matrix` of ``order``, where it is there already.

        Returns
        -------
        ndarray of shape (n_orders, n_columns + 1), float64
        """
        if not self.learnt or not len(order):
            return np.zeros((len(order), len(self.columns_) + 1))
        parts = self.core_.contributions(self.matrix(order) if x is None else x) * self.calibration_.slope
        parts[:, -1] += self.calibration_.shift
        return np.asarray(parts)

    def save(self, folder: Path) -> None:
        """Write ``model.json``, ``arrays.npz`` and the boosters' texts; the same model gives the same bytes."""
        config = {
            "format": FORMAT,
            "params": asdict(self.params),
            "chosen": asdict(self.chosen_),
            "seed": self.seed,
            "boosted": self.boosted,
            "good": self.good_,
            "bad": self.bad_,
            "values": self.inputs_.values,
            "usual": self.usual_,
            "text_rates": self.text_rates_,
            "calibration": asdict(self.calibration_),
            "flow_days": self.flow_days_,
            "orders_per_day": self.orders_per_day_,
        }
        (folder / "model.json").write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")
        arrays: dict[str, Any] = {"flow": self.flow_, **self.anomaly_.state()}
        if self.learnt and self.inputs_.encoder is not None:
            arrays |= self.inputs_.encoder.state()
        if self.learnt and self.boosted:
            self.core_.save(folder)
        elif self.learnt:
            arrays |= self.core_.state()
        np.savez(folder / "arrays.npz", **arrays)

    def _learn(
        self, order: pa.Table, labelled: npt.NDArray[np.int64], y: Labels, fold: npt.NDArray[np.int64] | None
    ) -> None:
        """Learn from the youngest of the orders ``labelled``, no row of which sees a label that it may not see."""
        if self.boosted and fold is None:
            first = max(0, len(y) - variants.ROWS)
            rows = order.take(pa.array(labelled[first:]))
            self.chosen_ = variants.chosen(rows, y[first:], self.inputs_.values, self.params, self.seed)
            self.inputs_ = Inputs.of(self.chosen_, self.inputs_.values, boosted=True)
        needs = ["at"] if self.inputs_.encoder is None else self.inputs_.encoder.needs
        encoded = self.inputs_.learn(order.select(needs).take(pa.array(labelled)), y, self.chosen_, fold)
        first = max(0, len(y) - self.params.train_orders)
        rows, y, fold = order.take(pa.array(labelled[first:])), y[first:], None if fold is None else fold[first:]
        x = self.matrix(rows, None if encoded is None else encoded[first:])
        rows = rows.select(["at", "total"])  # the rest is in the matrix, and large
        if self.boosted and fold is None:
            trials, weight = self.chosen_.trials, self.chosen_.fraud_weight
            given = (x, y, len(TEXTS), self.chosen_, self.seed)
            self.chosen_ = boosters_tuning.tuned(*given, trials=trials, weight=weight)
        later = np.arange(len(y)) >= len(y) * (1 - LATER) if fold is None else fold > fold.max() * (1 - LATER)
        self._calibrate(rows, x, y, later)
        decided = decisions.of(order, self.matrix, y) if self.boosted and fold is None else None
        self.core_ = self._fitted(x, y, decided)

    def _fitted(self, x: Matrix, y: Labels, decided: decisions.Decided | None = None) -> Any:
        if not self.boosted:
            return self.linear().fit(x, y)
        weight = boosters_tuning.weights(y, self.chosen_.fraud_weight)
        if decided is not None:
            x, y, weight = decisions.beside(x, y, weight, decided)
        return boosters.boost(x, y, len(TEXTS), self.chosen_, self.seed, weight)

    def linear(self) -> Logistic:
        """The baseline's learner, not fitted yet."""
        return Logistic(len(RAW), [len(self.inputs_.values[name]) for name in TEXTS])

    def _calibrate(self, rows: pa.Table, x: Matrix, y: Labels, later: npt.NDArray[np.bool_]) -> None:
        """Fit on the earlier labelled orders, calibrate on the later: what is fitted on all of them takes this over.

        The matrix is the one that the model learns from: in time, a row's rates hold no label of later rows.
        """
        early = y[~later]
        if min(early.sum(), len(early) - early.sum()) < FEWEST or len(np.unique(y[later])) < 2:
            return
        log_odds = self._fitted(x[~later], early).log_odds(x[later])
        self.calibration_ = calibration.fit(y[later], log_odds)
        self._flow(rows.filter(pa.array(later)), self.calibration_.of_log_odds(log_odds))

    def _meet_the_latest(self, order: pa.Table, y: Labels) -> None:
        """Bring the level of the probabilities, and how scarce reviews are, to the orders that are too young to learn from."""
        recent = np.flatnonzero(~order["settled"].to_numpy())
        if len(recent) < LATEST or not y.any():
            return
        rows = order.take(pa.array(recent))
        age = (pc.max(rows["at"]).as_py() - rows["at"].to_numpy()) / DAY_S
        found = pc.fill_null(pc.equal(rows["label"], 1), False).to_numpy()
        delays = order["fraud_days"].filter(pc.and_(order["settled"], pc.is_valid(order["fraud_days"]))).to_numpy()
        moved = level.shift(self.predict(rows), age, found, delays.astype(np.float64))
        self.calibration_ = replace(self.calibration_, shift=self.calibration_.shift + moved)
        self._flow(rows, self.predict(rows))

    def _flow(self, rows: pa.Table, probability: Floats) -> None:
        kept = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), FLOW)).astype(int))
        total = np.nan_to_num(rows["total"].to_numpy().astype(np.float64))
        self.flow_ = np.column_stack([probability, total])[kept]
        self.flow_days_ = _days(rows) * len(kept) / len(rows)

    def matrix(self, order: pa.Table, encoded: Floats | None = None) -> Matrix:
        """What the learner sees of each order; see :meth:`Inputs.matrix`."""
        return self.inputs_.matrix(order, encoded)


def fit(features: Mapping[str, pa.Table], params: Params, seed: int) -> RiskModel:
    """Fit gradient boosting on all columns."""
    return RiskModel(params, seed).fit(features)


def fit_baseline(features: Mapping[str, pa.Table], params: Params, seed: int) -> RiskModel:
    """Fit logistic regression on what the order itself says."""
    return RiskModel(params, seed, boosted=False).fit(features)


def load(folder: Path) -> RiskModel:
    """Read a model that :meth:`RiskModel.save` wrote. Nothing in the files is executed.

    Raises
    ------
    ArtifactError
        A file is missing or has another format.
    """
    from lightgbm.basic import LightGBMError

    with artifacts.reading(folder, "risk", FORMAT, LightGBMError) as config:
        model = RiskModel(Params(**config["params"]), config["seed"], boosted=config["boosted"])
        model.chosen_ = Params(**config["chosen"])
        model.good_, model.bad_, model.text_rates_ = config["good"], config["bad"], config["text_rates"]
        model.inputs_ = Inputs.of(model.chosen_, config["values"], boosted=model.boosted)
        model.usual_, model.calibration_ = config["usual"], Calibration(**config["calibration"])
        model.flow_days_, model.orders_per_day_ = config["flow_days"], config["orders_per_day"]
        with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
            model.flow_, model.anomaly_ = arrays["flow"], Anomaly.of(UNUSUAL, arrays)
            if model.learnt and model.inputs_.encoder is not None:
                model.inputs_.encoder = Encoder.of(model.params.prior_orders, RATES, arrays)
            if model.learnt and model.boosted:
                model.core_ = boosters.read(folder, model.params.members)
            elif model.learnt:
                model.core_ = model.linear().take(arrays)
    return model


def _in_order(order: pa.Table) -> pa.Table:
    """By ``order_no``; a table that is in order already is not copied."""
    numbers = order["order_no"].to_numpy()
    return order if (numbers[1:] >= numbers[:-1]).all() else order.sort_by("order_no")


def _medians(order: pa.Table) -> dict[str, float]:
    found = {name: pc.quantile(order[name], 0.5, interpolation="lower")[0].as_py() for name in NUMBERS}
    return {name: float(value) for name, value in found.items() if value is not None}


def _days(order: pa.Table) -> float:
    span = pc.min_max(order["at"]).as_py()
    return (span["max"] - span["min"]) / DAY_S if len(order) else 0.0

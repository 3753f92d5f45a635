"""The chance that an order turns out a fraud: gradient boosting, and logistic regression on raw columns as its baseline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.risk import money, tuning
from ml.capabilities.risk.columns import CATEGORIES, ENCODED, NUMBERS, RATES, RAW, UNUSUAL
from ml.capabilities.risk.spec import Params
from ml.core.errors import ArtifactError
from ml.core.units import DAY_S
from ml.learn import boosters, calibration
from ml.learn.anomaly import Anomaly
from ml.learn.calibration import Calibration
from ml.learn.encoding import Encoder
from ml.learn.logistic import Logistic

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int8]

FORMAT = 3
TEXTS = tuple(name for name in CATEGORIES if name != "item")
MOST_VALUES, FEWEST_ROWS = 40, 10
"""A text becomes a category if so many orders have it; the rest is one category, missing."""
FEWEST = 10
"""Fewer orders than this of either kind teach nothing: such a shop gets the anomaly score alone."""
LATER = 0.2
"""Share of the labelled orders, the latest, on which the probabilities are calibrated by a model that did not see them."""
FLOW = 20_000
"""At most so many of these are kept, to tell how scarce reviews are."""


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
    columns_ : tuple of str
        What the columns of :meth:`contributions` are.
    usual_ : dict of str to float
        Median of each number.
    chosen_ : Params
        ``params``, or what :mod:`tuning` found better.
    calibration_ : Calibration
    flow_ : ndarray of shape (n_later, 2), float64
        Probability and total of later orders, by a model that did not learn from them.
    flow_days_, orders_per_day_ : float
        How many days ``flow_`` stands for; how many orders the shop has a day.
    anomaly_ : Anomaly
    """

    def __init__(self, params: Params, seed: int, *, boosted: bool = True) -> None:
        self.params, self.seed, self.boosted = params, seed, boosted
        encoded = tuple(made for name in ENCODED for made in (name, f"{name}_seen"))
        self.columns_ = (*NUMBERS, *encoded, *TEXTS) if boosted else (*RAW, *TEXTS)

    @property
    def learnt(self) -> bool:
        """Whether there were labels of both kinds to learn from."""
        return min(self.good_, self.bad_) >= FEWEST

    @property
    def rate(self) -> float:
        """Share of frauds among the orders that were learnt from."""
        return self.bad_ / max(1, self.good_ + self.bad_)

    def fit(self, features: Mapping[str, pa.Table], fold: npt.NDArray[np.int64] | None = None) -> Self:
        """Learn from the settled orders of ``features["order"]`` whose label is known; forgets any earlier fit.

        ``fold``, one number per such order in the order of ``order_no``, is for orders without a time: see
        :meth:`ml.learn.encoding.Encoder.fit`. The highest folds stand for the later orders then.
        """
        order = _in_order(features["order"])
        self.anomaly_ = Anomaly(UNUSUAL).fit(order)
        # Places, not a copy: a table of millions of orders with all that is counted of them is the most that is held.
        told = np.flatnonzero(pc.and_(order["settled"], pc.is_valid(order["label"])).to_numpy())
        y = order["label"].take(pa.array(told)).to_numpy().astype(np.int8)
        self.bad_, self.good_ = int(y.sum()), int(len(y) - y.sum())
        self.values_ = {name: _values(order[name].take(pa.array(told))) for name in TEXTS}
        self.usual_ = _medians(order)
        self.orders_per_day_ = len(order) / max(1.0, _days(order))
        self.calibration_, self.flow_, self.flow_days_ = Calibration(), np.empty((0, 2)), 0.0
        self.core_: Any = None
        self.encoder_ = Encoder(self.params.prior_orders, RATES)
        self.chosen_ = self.params
        if self.learnt:
            self._learn(order, told, y, fold)
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

    def contributions(self, order: pa.Table) -> Floats:
        """What each of ``columns_`` adds to the log-odds, and in the last column the log-odds of nothing known.

        Exact: a row's sum is the log-odds of :meth:`predict`.

        Returns
        -------
        ndarray of shape (n_orders, n_columns + 1), float64
        """
        if not self.learnt or not len(order):
            return np.zeros((len(order), len(self.columns_) + 1))
        parts = self.core_.contributions(self.matrix(order)) * self.calibration_.slope
        parts[:, -1] += self.calibration_.shift
        return np.asarray(parts)

    def save(self, folder: Path) -> None:
        """Write ``model.json``, ``arrays.npz`` and the boosters' texts; the same model gives the same bytes."""
        story = {
            "format": FORMAT, "params": asdict(self.params), "chosen": asdict(self.chosen_),
            "seed": self.seed, "boosted": self.boosted,
            "good": self.good_, "bad": self.bad_, "values": self.values_, "usual": self.usual_,
            "calibration": asdict(self.calibration_), "flow_days": self.flow_days_,
            "orders_per_day": self.orders_per_day_,
        }  # fmt: skip
        (folder / "model.json").write_text(json.dumps(story, ensure_ascii=False), encoding="utf-8")
        arrays: dict[str, Any] = {"flow": self.flow_, **self.anomaly_.state()}
        if self.learnt and self.boosted:
            arrays |= self.encoder_.state()
            self.core_.save(folder)
        elif self.learnt:
            arrays |= self.core_.state()
        np.savez(folder / "arrays.npz", **arrays)

    def _learn(
        self, order: pa.Table, told: npt.NDArray[np.int64], y: Labels, fold: npt.NDArray[np.int64] | None
    ) -> None:
        """Learn from the youngest of the orders ``told``, no row of which sees a label that it may not see."""
        delay = self.params.settle_days * DAY_S
        encoded = (
            self.encoder_.fit(order.select(self.encoder_.needs).take(pa.array(told)), y, delay, fold)
            if self.boosted
            else None
        )
        first = max(0, len(y) - self.params.train_orders)
        rows, y, fold = order.take(pa.array(told[first:])), y[first:], None if fold is None else fold[first:]
        x = self.matrix(rows, None if encoded is None else encoded[first:])
        rows = rows.select(["at", "total"])  # the rest is in the matrix, and large
        if self.boosted and fold is None:
            self.chosen_ = tuning.tuned(x, y, len(TEXTS), self.params, self.seed)
        later = np.arange(len(y)) >= len(y) * (1 - LATER) if fold is None else fold > fold.max() * (1 - LATER)
        self._calibrate(rows, x, y, later)
        self.core_ = self._fitted(x, y)

    def _fitted(self, x: Matrix, y: Labels) -> Any:
        if self.boosted:
            return boosters.boost(x, y, len(TEXTS), self.chosen_, self.seed, tuning.weights(y, self.chosen_))
        return self.linear().fit(x, y)

    def linear(self) -> Logistic:
        """The baseline's learner, not fitted yet."""
        return Logistic(len(RAW), [len(self.values_[name]) for name in TEXTS])

    def _calibrate(self, rows: pa.Table, x: Matrix, y: Labels, later: npt.NDArray[np.bool_]) -> None:
        """Fit on the earlier labelled orders, calibrate on the later: what is fitted on all of them takes this over.

        The matrix is the one that the model learns from: in time, a row's rates hold no label of later rows.
        """
        early = y[~later]
        if min(early.sum(), len(early) - early.sum()) < FEWEST or len(np.unique(y[later])) < 2:
            return
        log_odds = self._fitted(x[~later], early).log_odds(x[later])
        self.calibration_ = calibration.fit(y[later], log_odds)
        held = rows.filter(pa.array(later))
        kept = np.unique(np.linspace(0, len(held) - 1, min(len(held), FLOW)).astype(int))
        total = np.nan_to_num(held["total"].to_numpy().astype(np.float64))
        self.flow_ = np.column_stack([self.calibration_.of_log_odds(log_odds), total])[kept]
        self.flow_days_ = _days(held) * len(kept) / len(held)

    def matrix(self, order: pa.Table, encoded: Floats | None = None) -> Matrix:
        """Numbers, rates, and texts as the number of their value; NaN for what is not known."""
        names = NUMBERS if self.boosted else RAW
        made = np.empty((len(order), len(self.columns_)), np.float32)
        for j, name in enumerate(names):
            made[:, j] = order[name].cast(pa.float32()).to_numpy()
        if self.boosted:
            made[:, len(names) : -len(TEXTS)] = self.encoder_.encode(order) if encoded is None else encoded
        for j, name in enumerate(TEXTS, len(self.columns_) - len(TEXTS)):
            code = pc.index_in(order[name].combine_chunks(), pa.array(self.values_[name], pa.string()))
            made[:, j] = code.cast(pa.float32()).to_numpy(zero_copy_only=False)
        return made


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

    try:
        story = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        model = RiskModel(Params(**story["params"]), story["seed"], boosted=story["boosted"])
        model.chosen_ = Params(**story["chosen"])
        model.good_, model.bad_, model.values_ = story["good"], story["bad"], story["values"]
        model.usual_, model.calibration_ = story["usual"], Calibration(**story["calibration"])
        model.flow_days_, model.orders_per_day_ = story["flow_days"], story["orders_per_day"]
        with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
            model.flow_, model.anomaly_ = arrays["flow"], Anomaly.of(UNUSUAL, arrays)
            if model.learnt and model.boosted:
                model.encoder_ = Encoder.of(model.params.prior_orders, RATES, arrays)
                model.core_ = boosters.read(folder, model.params.members)
            elif model.learnt:
                model.core_ = model.linear().take(arrays)
    except (OSError, ValueError, KeyError, TypeError, LightGBMError) as error:
        raise ArtifactError(
            "The files of order risk cannot be read.",
            came=f"{type(error).__name__}: {error}",
            do="train it again: ./nightshift train risk",
        ) from error
    return model


def _values(texts: pa.ChunkedArray) -> list[str]:
    """The frequent values of a text column, most frequent first."""
    counts = [(row["counts"], row["values"]) for row in pc.value_counts(texts.combine_chunks()).to_pylist()]
    kept = sorted((-n, value) for n, value in counts if value and n >= FEWEST_ROWS)
    return [value for _, value in kept[:MOST_VALUES]]


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

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

from ml.capabilities.risk.anomaly import Anomaly
from ml.capabilities.risk.columns import CATEGORIES, NUMBERS, RAW
from ml.capabilities.risk.spec import Params
from ml.core.errors import ArtifactError

Floats = npt.NDArray[np.float64]

FORMAT = 1
TEXTS = tuple(name for name in CATEGORIES if name != "item")
FEW = 50_000
"""Up to so many rows one thread is as fast as two, and much faster on a machine that others use too."""
MOST_VALUES, FEWEST_ROWS = 40, 10
"""A text becomes a category if so many orders have it; the rest is one category, missing."""
FEWEST = 10
"""Fewer orders than this of either kind teach nothing: such a shop gets the anomaly score alone."""


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
    anomaly_ : Anomaly
    """

    def __init__(self, params: Params, seed: int, *, boosted: bool = True) -> None:
        self.params, self.seed, self.boosted = params, seed, boosted
        self.columns_ = (*(NUMBERS if boosted else RAW), *TEXTS)

    @property
    def learnt(self) -> bool:
        """Whether there were labels of both kinds to learn from."""
        return min(self.good_, self.bad_) >= FEWEST

    def fit(self, features: Mapping[str, pa.Table]) -> Self:
        """Learn from the settled orders of ``features["order"]`` whose label is known; forgets any earlier fit."""
        order = features["order"].sort_by("order_no")
        self.anomaly_ = Anomaly().fit(order)
        rows = order.filter(pc.and_(order["settled"], pc.is_valid(order["label"])))
        y = rows["label"].to_numpy().astype(np.int8)
        self.bad_, self.good_ = int(y.sum()), int(len(y) - y.sum())
        self.values_ = {name: _values(rows[name]) for name in TEXTS}
        self.booster_: Any = None
        self.coef_ = np.zeros(0)
        if self.learnt and self.boosted:
            self.booster_ = _boost(self._matrix(rows), y, self.params, self.seed, len(TEXTS))
        elif self.learnt:
            self._fit_logistic(self._matrix(rows), y)
        return self

    def predict(self, order: pa.Table) -> Floats:
        """Probability of a fraud or chargeback, shape (n_orders,); NaN where there was nothing to learn from."""
        if not self.learnt or not len(order):
            return np.full(len(order), np.nan)
        x = self._matrix(order)
        if self.boosted:
            return np.asarray(self.booster_.predict(x, num_threads=_threads(x)), np.float64)
        return np.asarray(1 / (1 + np.exp(-(self._design(x) @ self.coef_[:-1] + self.coef_[-1]))))

    def contributions(self, order: pa.Table) -> Floats:
        """What each of ``columns_`` adds to the log-odds, and in the last column the log-odds of nothing known.

        Exact: a row's sum is the log-odds of :meth:`predict` (Lundberg et al., Nature Machine Intelligence 2020).

        Returns
        -------
        ndarray of shape (n_orders, n_columns + 1), float64
        """
        shape = (len(order), len(self.columns_) + 1)
        if not self.learnt or not len(order):
            return np.zeros(shape)
        x = self._matrix(order)
        if self.boosted:
            return np.asarray(self.booster_.predict(x, pred_contrib=True, num_threads=_threads(x)), np.float64)
        parts = self._design(x) * self.coef_[:-1]
        first = np.cumsum([0, *self._widths()[:-1]])
        return np.column_stack([np.add.reduceat(parts, first, axis=1), np.full(len(x), self.coef_[-1])])

    def save(self, folder: Path) -> None:
        """Write ``model.json``, ``arrays.npz`` and ``booster.txt``; the same model gives the same bytes."""
        story = {
            "format": FORMAT, "params": asdict(self.params), "seed": self.seed, "boosted": self.boosted,
            "good": self.good_, "bad": self.bad_, "values": self.values_,
        }  # fmt: skip
        (folder / "model.json").write_text(json.dumps(story, ensure_ascii=False), encoding="utf-8")
        arrays: dict[str, Any] = {"coef": self.coef_, **self.anomaly_.state()}
        if len(self.coef_):
            arrays |= {"mean": self.mean_, "deviation": self.deviation_}
        np.savez(folder / "arrays.npz", **arrays)
        if self.booster_ is not None:
            (folder / "booster.txt").write_text(self.booster_.model_to_string(), encoding="utf-8")

    def _matrix(self, order: pa.Table) -> npt.NDArray[np.float32]:
        """Numbers, and texts as the number of their value; NaN for what is not known."""
        numbers = [order[name].cast(pa.float32()).to_numpy() for name in self.columns_ if name not in TEXTS]
        texts = [pc.index_in(order[n].combine_chunks(), pa.array(self.values_[n], pa.string())) for n in TEXTS]
        coded = [code.cast(pa.float32()).to_numpy(zero_copy_only=False) for code in texts]
        return np.stack([*numbers, *coded], axis=1)

    def _widths(self) -> list[int]:
        return [1] * len(RAW) + [len(self.values_[name]) + 1 for name in TEXTS]

    def _design(self, x: npt.NDArray[np.float32]) -> Floats:
        """Numbers on a log scale, standardised (missing: the mean), and a column per value of each text."""
        numbers = (np.log1p(np.maximum(x[:, : len(RAW)], 0)) - self.mean_) / self.deviation_
        blocks = [np.nan_to_num(numbers)]
        for j, name in enumerate(TEXTS, len(RAW)):
            code = np.nan_to_num(x[:, j], nan=len(self.values_[name])).astype(int)
            blocks.append(np.eye(len(self.values_[name]) + 1)[code])
        return np.concatenate(blocks, axis=1)

    def _fit_logistic(self, x: npt.NDArray[np.float32], y: npt.NDArray[np.int8]) -> None:
        from sklearn.linear_model import LogisticRegression

        numbers = np.log1p(np.maximum(x[:, : len(RAW)].astype(np.float64), 0))
        there = ~np.isnan(numbers)
        self.mean_ = np.where(there, numbers, 0).sum(0) / np.maximum(there.sum(0), 1)
        square = np.where(there, (numbers - self.mean_) ** 2, 0).sum(0) / np.maximum(there.sum(0), 1)
        self.deviation_ = np.sqrt(np.where(square > 0, square, 1))
        fitted = LogisticRegression(max_iter=1000).fit(self._design(x), y)
        self.coef_ = np.append(fitted.coef_[0], fitted.intercept_)


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
    from lightgbm import Booster
    from lightgbm.basic import LightGBMError

    try:
        story = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        model = RiskModel(Params(**story["params"]), story["seed"], boosted=story["boosted"])
        model.good_, model.bad_, model.values_ = story["good"], story["bad"], story["values"]
        with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
            model.coef_, model.anomaly_ = arrays["coef"], Anomaly.of(arrays)
            if "mean" in arrays:
                model.mean_, model.deviation_ = arrays["mean"], arrays["deviation"]
        there = model.boosted and model.learnt
        model.booster_ = Booster(model_str=(folder / "booster.txt").read_text(encoding="utf-8")) if there else None
    except (OSError, ValueError, KeyError, TypeError, LightGBMError) as error:
        raise ArtifactError(
            "The files of order risk cannot be read.",
            came=f"{type(error).__name__}: {error}",
            do="train it again: ./nightshift train risk",
        ) from error
    return model


def _boost(x: npt.NDArray[np.float32], y: npt.NDArray[np.int8], params: Params, seed: int, texts: int) -> Any:
    from lightgbm import Dataset, train

    chosen = {
        "objective": "binary", "learning_rate": params.learning_rate, "num_leaves": params.leaves,
        "min_data_in_leaf": params.min_leaf, "feature_fraction": 0.5, "bagging_fraction": 0.8, "bagging_freq": 1,
        "lambda_l2": 1.0, "seed": seed, "deterministic": True, "force_row_wise": True, "num_threads": _threads(x), "verbosity": -1,
    }  # fmt: skip
    width = x.shape[1]
    data = Dataset(x, y, categorical_feature=list(range(width - texts, width)), free_raw_data=True)
    return train(chosen, data, num_boost_round=params.trees)


def _threads(x: npt.NDArray[np.float32]) -> int:
    return 1 if len(x) <= FEW else 2


def _values(texts: pa.ChunkedArray) -> list[str]:
    """The frequent values of a text column, most frequent first."""
    counts = [(row["counts"], row["values"]) for row in pc.value_counts(texts.combine_chunks()).to_pylist()]
    kept = sorted((-n, value) for n, value in counts if value and n >= FEWEST_ROWS)
    return [value for _, value in kept[:MOST_VALUES]]

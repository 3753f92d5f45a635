"""The chance that a customer orders soon: logistic regression on how often and how lately they ordered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from examples.capability.spec import Params
from ml.core import artifacts
from ml.core.capability import Features

FORMAT = 1
FEWEST = 10
"""Customers who ordered, and who did not, below which there is nothing to learn from."""

Floats = npt.NDArray[np.float64]


class OrderSoon:
    """The chance by customer.

    Parameters
    ----------
    params : Params
    learning : bool
        False: one chance for all, the share of those who ordered; the gate's baseline.

    Attributes
    ----------
    weights_ : ndarray of shape (n_columns + 1,), float64
        Weight of each column of :func:`matrix`, then the intercept.
    """

    def __init__(self, params: Params, *, learning: bool = True) -> None:
        self.params, self.learning = params, learning

    def fit(self, features: Features) -> Self:
        """Learn from the windows before the features' time; forgets any earlier fit."""
        rows = [window.features["customer"].sort_by("customer_id") for window in features.windows]
        labels = [
            pc.is_in(table["customer_id"], window.truth["customer_id"].combine_chunks()).to_numpy()
            for table, window in zip(rows, features.windows, strict=True)
        ]
        y = np.concatenate([np.zeros(0, bool), *labels])
        self.weights_ = np.append(np.zeros(_WIDTH), _logit(y))
        if self.learning and min(y.sum(), (~y).sum()) >= FEWEST:
            from sklearn.linear_model import LogisticRegression

            fitted = LogisticRegression(C=self.params.strength, max_iter=500)
            fitted.fit(np.concatenate([matrix(table) for table in rows]), y)
            self.weights_ = np.append(fitted.coef_[0], fitted.intercept_)
        return self

    def chance(self, customers: pa.Table) -> Floats:
        """Chance of each row of the features' ``customer``, shape (n_customers,)."""
        z = (matrix(customers) * self.weights_[:-1]).sum(axis=1) + self.weights_[-1]
        return np.asarray(1 / (1 + np.exp(-z)))

    def save(self, folder: Path) -> None:
        """Write ``model.json``; the same model gives the same bytes."""
        kept = {"format": FORMAT, "learning": self.learning, "weights": self.weights_.tolist()}
        (folder / "model.json").write_text(json.dumps(kept), encoding="utf-8")


_WIDTH = 3


def matrix(customers: pa.Table) -> Floats:
    """Columns of the features on a log scale, shape (n_customers, 3): they span days to years."""
    columns = [customers[name].to_numpy().astype(np.float64) for name in ("orders", "days_since", "days_known")]
    return np.log1p(np.stack(columns, axis=1)) if len(customers) else np.zeros((0, _WIDTH))


def _logit(y: npt.NDArray[np.bool_]) -> float:
    """Log-odds of a share that is drawn to one half by two: there are shops without an order."""
    share = (y.sum() + 1) / (len(y) + 2)
    return float(np.log(share / (1 - share)))


def fit(features: Features, params: Params, seed: int) -> OrderSoon:  # noqa: ARG001
    """Fit the model."""
    return OrderSoon(params).fit(features)


def fit_baseline(features: Features, params: Params, seed: int) -> OrderSoon:  # noqa: ARG001
    """Fit one chance for all."""
    return OrderSoon(params, learning=False).fit(features)


def load(folder: Path) -> OrderSoon:
    """Read what :meth:`OrderSoon.save` wrote. Nothing in the files is executed.

    Raises
    ------
    ArtifactError
        The file is missing or has another format.
    """
    with artifacts.reading(folder, "order_soon", FORMAT) as kept:
        model = OrderSoon(Params(), learning=kept["learning"])
        model.weights_ = np.array(kept["weights"], np.float64)
    return model

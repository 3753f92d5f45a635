"""Gradient boosting by LightGBM: one or several boosters whose log-odds are averaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.kernels.threads import threads
from ml.learn import trees
from ml.learn.params import BoostingParams

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]

FEW = 200_000
"""Up to so many rows one thread is as fast as several, and much faster on a machine that others use too."""


class Boosters:
    """``params.members`` boosters that differ by their seed alone: each sees other rows and columns in each tree."""

    def __init__(self, boosters: list[Any]) -> None:
        self.boosters = boosters
        self.trees = [trees.from_dump(booster.dump_model()) for booster in boosters]

    def log_odds(self, x: Matrix) -> Floats:
        """Mean log-odds (of another objective: what the trees add up to), shape (n_rows,)."""
        predictions = [trees.predict(each, x) for each in self.trees]
        return np.asarray(np.mean(predictions, axis=0), np.float64)

    def contributions(self, x: Matrix) -> Floats:
        """What each column adds to :meth:`log_odds`, the expectation in the last: exact, so a row's sum is its log-odds.

        TreeSHAP of Lundberg et al., Nature Machine Intelligence 2020.
        """
        parts = [b.predict(x, pred_contrib=True, num_threads=_threads(x)) for b in self.boosters]
        return np.asarray(np.mean(parts, axis=0), np.float64)

    def save(self, folder: Path, name: str = "booster") -> None:
        """One text file per booster."""
        for i, booster in enumerate(self.boosters):
            (folder / f"{name}_{i}.txt").write_text(booster.model_to_string(), encoding="utf-8")


def boost(
    x: Matrix,
    y: npt.NDArray[Any],
    texts: int,
    params: BoostingParams,
    seed: int,
    weight: Floats | None = None,
    objective: str = "binary",
) -> Boosters:
    """Fit on ``x`` of shape (n_rows, n_columns), whose last ``texts`` columns are positions of texts.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
    objective : str
        LightGBM's name; of "poisson" and "tweedie" :meth:`Boosters.log_odds` gives the logarithm of the mean.
    weight : ndarray of shape (n_rows,), optional
        What each row counts.
    """
    from lightgbm import Dataset, train

    width = x.shape[1]
    chosen = {
        "objective": objective,
        "learning_rate": params.learning_rate,
        "num_leaves": params.leaves,
        "min_data_in_leaf": params.min_leaf,
        "feature_fraction": params.column_share,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": params.ridge,
        "max_bin": 127,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": _threads(x),
        "verbosity": -1,
    }
    boosters = []
    for member in range(params.members):
        data = Dataset(x, y, weight=weight, categorical_feature=list(range(width - texts, width)), free_raw_data=True)
        boosters.append(train(chosen | {"seed": seed + member}, data, num_boost_round=params.trees))
    return Boosters(boosters)


def read(folder: Path, members: int, name: str = "booster") -> Boosters:
    """The boosters that :meth:`Boosters.save` wrote."""
    from lightgbm import Booster

    texts = [(folder / f"{name}_{i}.txt").read_text(encoding="utf-8") for i in range(members)]
    return Boosters([Booster(model_str=text) for text in texts])


def _threads(x: Matrix) -> int:
    return 1 if len(x) <= FEW else threads()

"""Gradient boosting of amounts by LightGBM (Ke et al., NeurIPS 2017): their mean, or a quantile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ml.kernels.threads import threads
from ml.learn.trees import Trees, from_dump

FEW_ROWS = 50_000
Matrix = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


class Forest(NamedTuple):
    """How many trees, how large, and how careful."""

    trees: int = 80
    leaves: int = 16
    rate: float = 0.1
    min_leaf: int = 40
    column_share: float = 0.6
    ridge: float = 5.0


def regress(
    x: Matrix, y: Floats, how: Forest, seed: int, levels: Sequence[float | None], *, weight: Floats | None = None
) -> list[Trees]:
    """Grow for each level trees whose sum is that quantile of ``y``; for None its mean.

    Parameters
    ----------
    x : ndarray of shape (n_rows, n_columns), float32
        nan where nothing is known.
    y : ndarray of shape (n_rows,)
    levels : sequence of float or None
        0 to 1; None: the mean, by squared error.
    weight : ndarray of shape (n_rows,), optional
        What each row counts.
    """
    from lightgbm import Dataset, train

    common: dict[str, Any] = {
        "learning_rate": how.rate,
        "num_leaves": how.leaves,
        "min_data_in_leaf": how.min_leaf,
        "feature_fraction": how.column_share,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "lambda_l2": how.ridge,
        "max_bin": 63,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "verbosity": -1,
        "num_threads": threads() if len(x) > FEW_ROWS else 1,
    }
    data = Dataset(x, y, weight=weight, params=common, free_raw_data=True)
    grown = []
    for level in levels:
        aim = {"objective": "regression"} if level is None else {"objective": "quantile", "alpha": level}
        grown.append(from_dump(train(common | aim, data, num_boost_round=how.trees).dump_model()))
    return grown

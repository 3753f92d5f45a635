"""Gradient boosting by LightGBM (Ke et al., NeurIPS 2017): the one place that imports it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ml.core.errors import NightshiftError
from ml.kernels.compiled import Scores
from ml.kernels.threads import threads
from ml.learn.trees import Trees, from_dump

FEW_ROWS = 20_000
FEW_TAKEN, DRAWS = 20_000, 4
"""Below so many rows that are taken, the mean of so many fits, each on other draws of rows and columns, is what is grown."""


class Growth(NamedTuple):
    """How many trees, of how many leaves, and how much each of them counts."""

    trees: int
    leaves: int
    rate: float


def grow(
    x: Scores,
    y: npt.NDArray[np.bool_],
    how: Growth,
    seed: int,
) -> Trees:
    """Grow trees whose sum is the log-odds that a row is taken; of few rows more trees, each of which counts less.

    LambdaRank (Burges 2010) on the same rows was measured beside it and ordered no better, and less of the range.

    Parameters
    ----------
    x : ndarray of shape (n_rows, n_features), float32
        nan where nothing is known.
    y : ndarray of shape (n_rows,), bool
    how : Growth
    seed : int

    Raises
    ------
    NightshiftError
        LightGBM cannot be loaded.
    """
    lightgbm = _lightgbm()
    options: dict[str, Any] = {
        "objective": "binary",
        "learning_rate": how.rate,
        "num_leaves": how.leaves,
        "min_data_in_leaf": 50,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 5.0,
        "max_bin": 127,
        "seed": seed,
        "verbose": -1,
        # A second thread waits longer on few rows than it works; the trees are the same.
        "num_threads": threads() if len(x) > FEW_ROWS else 1,
        "deterministic": True,
        "force_row_wise": True,
    }
    draws, grown = DRAWS if y.sum() < FEW_TAKEN else 1, []
    for draw in range(draws):
        options["seed"] = seed + draw
        data = lightgbm.Dataset(x, y.astype(np.int8), params=options, free_raw_data=True)
        grown += lightgbm.train(options, data, how.trees).dump_model()["tree_info"]
    trees = from_dump({"tree_info": grown})
    return replace(trees, value=trees.value / draws)


def _lightgbm() -> Any:
    try:
        import lightgbm
    except (ImportError, OSError) as error:
        raise NightshiftError(
            "The ranker cannot be trained: LightGBM does not load.",
            came=str(error),
            do="install OpenMP's runtime (Debian: apt-get install libgomp1; macOS: brew install libomp), "
            "or set the parameter ranker to false to serve the blend",
        ) from error
    return lightgbm

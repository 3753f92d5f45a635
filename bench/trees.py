"""Boosted trees in a compiled loop: rows a second on one thread, beside LightGBM's own prediction of the same trees."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import lightgbm
import numpy as np

from bench import Options, Row, in_turn
from ml.kernels.threads import limited
from ml.learn import trees


def run(options: Options) -> Iterator[Row]:
    """200,000 rows of 60 columns, a fifth of the values missing; 100 and 400 trees of 31 leaves."""
    n = 20_000 if options.quick else 200_000
    rng = np.random.default_rng(1)
    x = rng.standard_normal((n, 60)).astype(np.float32)
    x[rng.random(x.shape) < 0.2] = np.nan
    y = (np.nan_to_num(x[:, 0]) * np.nan_to_num(x[:, 1]) + rng.standard_normal(n) > 0).astype(np.int8)
    for many in (100, 400):
        learn = {"objective": "binary", "num_leaves": 31, "verbose": -1, "num_threads": 2, "deterministic": True}
        booster = lightgbm.train(learn, lightgbm.Dataset(x[:20_000], y[:20_000]), many)
        ours = trees.from_dump(booster.dump_model())
        with limited(1):
            if not (trees.predict(ours, x[:5_000]) == booster.predict(x[:5_000], raw_score=True, num_threads=1)).all():
                raise AssertionError("the two disagree")
            taken = in_turn(
                {
                    "ours": partial(trees.predict, ours, x),
                    "theirs": partial(booster.predict, x, raw_score=True, num_threads=1),
                }
            )
        yield Row(
            f"{many} trees, {n:,} rows, one thread",
            "rows/s",
            n / taken["ours"],
            "LightGBM's predict",
            n / taken["theirs"],
            taken["theirs"] / taken["ours"],
            1.0,
            note="equal to the last bit",
        )

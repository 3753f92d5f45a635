"""Trees as flat arrays say what LightGBM says of categories too."""

from __future__ import annotations

import numpy as np
import pytest

from ml.learn import trees


def test_splits_by_category_are_lightgbms() -> None:
    """Runs and single categories, missing, negative and unknown ones: each row's sum equals the library's raw score."""
    lightgbm = pytest.importorskip("lightgbm")
    rng = np.random.default_rng(4)
    x = rng.normal(size=(4_000, 3)).astype(np.float32)
    x[:, 1:] = rng.integers(0, 40, (4_000, 2))
    x[rng.random(x.shape) < 0.1] = np.nan
    effect = rng.normal(size=40)
    y = np.where(np.isnan(x[:, 1]), 1, effect[np.nan_to_num(x[:, 1]).astype(int)]) + x[:, 2] % 3 * np.nan_to_num(
        x[:, 0]
    )
    options = {
        "objective": "regression",
        "num_leaves": 15,
        "max_cat_to_onehot": 1,
        "min_data_per_group": 5,
        "verbose": -1,
    }
    fitted = lightgbm.train(options, lightgbm.Dataset(x, np.nan_to_num(y), categorical_feature=[1, 2]), 30)
    dump = fitted.dump_model()
    assert "||" in str(dump)
    x[:50, 1] = np.arange(-5, 45)
    np.testing.assert_allclose(trees.predict(trees.from_dump(dump), x), fitted.predict(x, raw_score=True), atol=1e-9)

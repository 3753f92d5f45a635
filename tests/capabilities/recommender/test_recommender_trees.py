"""The flat trees say what LightGBM says, and what they went by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.core.errors import NightshiftError
from ml.kernels.threads import limited
from ml.learn import boosting, trees


def _data(seed: int, n: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5)).astype(np.float32)
    x[rng.random(x.shape) < 0.2] = np.nan
    x[:, 3] = np.nan_to_num(x[:, 3])  # a column in which nothing was missing at the fit
    x[:, 4] = np.where(np.isnan(x[:, 0]), np.nan, 1)  # one of which only that it is known tells something
    return x, np.nan_to_num(x[:, 0]) + rng.normal(size=n) * 0.5 > np.nan_to_num(x[:, 1], nan=1.0)


@pytest.fixture(scope="module")
def grown() -> trees.Trees:
    """Twenty small trees."""
    return boosting.grow(*_data(1), boosting.Growth(20, 15, 0.1), 3)


@pytest.mark.parametrize(("few", "draws"), [(10**9, boosting.DRAWS), (0, 1)])
def test_predictions_are_lightgbms(few, draws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row's sum equals the library's raw score, missing values and columns that were never missing among them.

    Of few rows it is the mean of several fits that differ.
    """
    monkeypatch.setattr(boosting, "FEW_TAKEN", few)
    lightgbm = pytest.importorskip("lightgbm")
    kept = []
    train = lightgbm.train
    monkeypatch.setattr(lightgbm, "train", lambda *given: kept.append(train(*given)) or kept[-1])
    grown = boosting.grow(*_data(1), boosting.Growth(20, 15, 0.1), 3)
    x, _ = _data(2)
    x[:100, 3] = np.nan
    found = [one.predict(x, raw_score=True) for one in kept]
    assert len(found) == draws
    assert not any((one == found[0]).all() for one in found[1:])
    np.testing.assert_allclose(trees.predict(grown, x), np.mean(found, axis=0), atol=1e-12)


def test_parts_add_up_to_the_prediction(grown: trees.Trees) -> None:
    """The groups' parts and the roots' means are the prediction; a column that no tree asks adds nothing."""
    x, _ = _data(2)
    parts = trees.saabas(grown, x, np.array([0, 1, 2, 3, 4], np.int32), 6)
    np.testing.assert_allclose(parts.sum(1) + grown.value[grown.root].sum(), trees.predict(grown, x), atol=1e-9)
    assert not parts[:, 5].any()


def test_threads_change_nothing(grown: trees.Trees) -> None:
    """One thread and many give the same bits."""
    x, _ = _data(2, 20_000)
    with limited(1):
        one = trees.predict(grown, x)
    with limited(3):
        assert (trees.predict(grown, x) == one).all()


def test_saved_trees_are_the_same(grown: trees.Trees, tmp_path: Path) -> None:
    """Loaded trees predict the same bits, and no trees predict 0."""
    trees.save(grown, tmp_path / "t.npz")
    x, _ = _data(2)
    assert (trees.predict(trees.load(tmp_path / "t.npz"), x) == trees.predict(grown, x)).all()
    assert not trees.predict(trees.from_dump({"tree_info": []}), x).any()


def test_a_system_without_openmp_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the library's complaint and the way out."""
    import builtins

    real = builtins.__import__

    def refuse(name: str, *rest, **more):
        if name == "lightgbm":
            raise OSError("libgomp.so.1: cannot open shared object file")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(NightshiftError, match="libgomp1"):
        boosting.grow(*_data(1), boosting.Growth(1, 2, 0.1), 3)

"""Uplift learners on a planted answer, and Qini by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.learn import uplift
from ml.learn.metrics.uplift import qini, uplift_at
from ml.learn.params import BoostingParams

PARAMS = BoostingParams(trees=30, leaves=4, learning_rate=0.1, min_leaf=50, column_share=1.0)


def _trial(effect: float, seed: int = 1, n: int = 4000) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)).astype(np.float32)
    chance = np.where(np.arange(n) % 2 == 0, 0.3, 0.6)
    treated = rng.random(n) < chance
    change = effect * (x[:, 0] > 0) - 0.3 * effect * (x[:, 1] > 1)
    y = (rng.random(n) < np.clip(0.3 + 0.1 * x[:, 2] + treated * change, 0, 1)).astype(np.float64)
    return x, treated, y, chance, change


def test_every_learner_finds_what_was_planted(tmp_path: Path) -> None:
    """The chosen one is calibrated and proven; each orders the uplift; read back it predicts the same."""
    x, treated, y, chance, _ = _trial(0.3)
    choice = uplift.choose(x, treated, y, chance, PARAMS, 1)
    assert choice.proven[choice.name] > 4
    fresh = _trial(0.3, seed=2)
    found = choice.line.of(choice.fitted.predict(fresh[0]))
    assert abs(found.mean() - fresh[4].mean()) < 0.04
    for learner in uplift.LEARNERS:
        for base in uplift.BASES:
            fitted = uplift.fit_learner(learner, x, treated, y, chance, uplift._fitter(base, PARAMS, 1))
            predicted = fitted.predict(fresh[0])
            assert np.corrcoef(predicted, fresh[4])[0, 1] > 0.55, (learner, base)
            kept = uplift.save(fitted, tmp_path, f"{learner}{base}")
            again = uplift.read(kept, tmp_path, f"{learner}{base}")
            np.testing.assert_array_equal(again.predict(fresh[0]), predicted)


def test_nothing_is_claimed_where_everybody_is_moved_alike() -> None:
    """Without a difference between people the slope is 0, and everybody gets the mean with its error."""
    x, treated, y, chance, _ = _trial(0.0, seed=5, n=2000)
    line = uplift.choose(x, treated, y, chance, PARAMS, 1).line
    assert line.slope == 0.0
    assert len(set(line.of(x[:, 0].astype(np.float64)).tolist())) == 1


def test_qini_by_hand() -> None:
    """Four people, two of each group: the best order gains first, the worst loses first, a constant is between."""
    treated, y = np.array([True, False, True, False]), np.array([1.0, 0.0, 0.0, 0.0])
    # Cumulative: 1/4·nothing, 1/2·(1-0), 3/4·(1/2-0), 1·(1/2-0); chord 1/8, 1/4, 3/8, 1/2.
    assert qini(np.array([4.0, 3.0, 2.0, 1.0]), treated, y) == pytest.approx((0 - 1 / 8 + 1 / 4 + 0 + 0) / 4)
    assert qini(np.array([1.0, 2.0, 3.0, 4.0]), treated, y) < 0
    assert uplift_at(np.array([4.0, 3.0, 2.0, 1.0]), treated, y, 0.5) == 1.0

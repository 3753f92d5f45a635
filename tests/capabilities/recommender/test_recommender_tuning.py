"""The trees' parameters are chosen on later windows than those that they learn from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml.capabilities.recommender.ranking import tuning
from ml.capabilities.recommender.ranking.window import Window
from ml.capabilities.recommender.spec import Params
from ml.learn import boosting

PARAMS = Params(trees=2, leaves=2, learning_rate=0.02, trials=4)


@pytest.fixture(autouse=True)
def one_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is chosen does not depend on how many draws are averaged; one is quicker."""
    monkeypatch.setattr(boosting, "DRAWS", 1)


def _window(seed: int, n: int = 150, rows: int = 30) -> Window:
    """Customers who take what has a large product of two features: stumps do not see it."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n * rows, 3)).astype(np.float32)
    taken = x[:, 0] * x[:, 1] + rng.normal(size=n * rows) * 0.5 > 2
    return Window(x, taken, np.full(n, rows), n, taken, 0)


def test_windows_that_are_judged_begin_after_the_answers_that_were_learnt() -> None:
    """Each judged window is later than all of its older ones by at least the length of their answers."""
    params = replace(PARAMS, window_days=30.0, window_step_days=12.0)
    found = list(tuning.folds(8, params))
    assert [judged for judged, _ in found] == [0, 1]
    for judged, older in found:
        assert all((w - judged) * params.window_step_days >= params.window_days for w in older)
    assert not list(tuning.folds(3, params))


def test_better_trees_are_found_and_the_same_seed_finds_them_again() -> None:
    """Where stumps see nothing, proposals with more leaves win; nothing depends on anything but the seed."""
    windows = [_window(seed) for seed in range(6)]
    usual = boosting.Growth(PARAMS.trees, PARAMS.leaves, PARAMS.learning_rate)
    best = tuning.tuned(windows, PARAMS, 3)
    assert best.leaves > usual.leaves
    assert best == tuning.tuned(windows, PARAMS, 3)
    reached, base = (np.concatenate(list(tuning.gains(windows, how, PARAMS, 3))).mean() for how in (best, usual))
    assert reached > base


def test_without_trials_or_windows_the_defaults_stay() -> None:
    """No proposals, no older windows, or nothing to gain: the parameters are those of the defaults."""
    windows = [_window(seed) for seed in range(6)]
    usual = boosting.Growth(PARAMS.trees, PARAMS.leaves, PARAMS.learning_rate)
    assert tuning.tuned(windows, replace(PARAMS, trials=0), 3) == usual
    assert tuning.tuned(windows[:2], PARAMS, 3) == usual
    noise = [w._replace(taken=np.random.default_rng(9).random(len(w.taken)) < 0.1) for w in windows]
    assert tuning.tuned(noise, replace(PARAMS, trees=30, leaves=8, trials=2), 3).trees == 30
    deaf = [w._replace(x=np.zeros_like(w.x)) for w in windows]
    assert tuning.tuned(deaf, replace(PARAMS, trees=30, leaves=8, trials=2), 3).trees == 30


def test_noise_seldom_moves_the_defaults() -> None:
    """What is taken by chance alone makes the best of two proposals look better by a standard error in few shops."""
    rng, moved = np.random.default_rng(9), 0
    for _ in range(5):
        noise = [w._replace(taken=rng.random(len(w.taken)) < 0.1) for w in map(_window, range(6))]
        moved += tuning.tuned(noise, replace(PARAMS, trees=30, leaves=8, trials=2), 3).trees != 30
    assert moved <= 2

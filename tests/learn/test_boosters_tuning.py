"""Parameters chosen by what came later."""

from __future__ import annotations

import numpy as np

from ml.learn import boosters_tuning as tuning
from ml.learn.params import BoostingParams

POOR = BoostingParams(trees=2, leaves=2, learning_rate=0.01)
"""What learns next to nothing."""


def _orders(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(n, 6)).astype(np.float32)
    y = rng.random(n) < 1 / (1 + np.exp(2 - 2 * x[:, 0] * x[:, 1]))
    return x, y.astype(np.int8)


def test_what_foretells_later_orders_better_is_chosen() -> None:
    """The proposal that wins has the lower loss on later orders; the same seed makes the same choice."""
    x, y = _orders(2_000)
    first, again = (tuning.tuned(x, y, 0, POOR, 7, trials=6) for _ in range(2))
    assert first == again
    poor, better = (np.concatenate(list(tuning.losses(x, y, 0, params, 7))).mean() for params in (POOR, first))
    assert better < 0.9 * poor


def test_luck_and_few_frauds_change_nothing() -> None:
    """Where there is nothing to learn, too few frauds or no trial asked for, the parameters stay."""
    x, y = _orders(2_000)
    dealt = np.random.default_rng(1).permutation(y)
    assert tuning.tuned(x, dealt, 0, POOR, 7, trials=6) == POOR
    few = np.where(np.cumsum(y) <= tuning.FEWEST - 1, y, 0)
    assert tuning.tuned(x, few, 0, POOR, 7, trials=6) is POOR
    assert tuning.tuned(x, y, 0, POOR, 7, trials=0) is POOR

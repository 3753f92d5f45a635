"""What each part of a score weighs, learned from what was clicked: pairs of the product that was and one shown above or near it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ml.capabilities.search.ranking import PARTS, UNTRAINED, Engine

DEPTH = 30
"""Products of an answer that the one that was clicked is compared with."""
PULL = 0.02
"""How strongly the weights are held to the untrained ones."""
SHARPNESS = 4.0
FEWEST = 30
"""Searches with a click below which there is nothing to learn from."""


def learn(engine: Engine, searches: Sequence[tuple[str, str, int]]) -> list[float]:
    """Weights of :data:`~ml.capabilities.search.ranking.PARTS`, none below 0.

    A pairwise logistic loss on the difference of the parts (RankNet's: Burges et al., ICML 2005, here of a linear score),

        sum over pairs of log(1 + exp(-c w·(x_clicked - x_other))) / pairs + λ‖w - w₀‖²,

    with w₀ the untrained weights, to which few clicks leave them.

    Parameters
    ----------
    engine : Engine
        As it was before the clicks.
    searches : sequence of (query, product_id, how often)
    """
    from scipy.optimize import minimize

    numbers = {name: row for row, name in enumerate(engine.index.products["product_id"].to_pylist())}
    differences, often = [np.zeros((0, len(PARTS)))], [np.zeros(0)]
    for query, product, times in searches:
        answer = engine.answer(query, 10 * DEPTH)
        at = np.flatnonzero(answer.ids == numbers.get(product, -1))
        if len(at):
            others = np.delete(answer.parts, at, axis=0)[:DEPTH]
            differences.append(answer.parts[at[0]] - others)
            often.append(np.full(len(others), times / max(1, len(others))))
    x, weight = np.concatenate(differences), np.concatenate(often)
    start = np.array(UNTRAINED)
    if len(differences) <= FEWEST or not weight.sum():
        return list(UNTRAINED)

    def loss(w: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        margin = SHARPNESS * (x @ w)
        chance = 1 / (1 + np.exp(np.clip(margin, -50, 50)))
        value = (weight * np.logaddexp(0, -margin)).sum() / weight.sum() + PULL * ((w - start) ** 2).sum()
        slope = -SHARPNESS * (x.T @ (weight * chance)) / weight.sum() + 2 * PULL * (w - start)
        return float(value), slope

    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, 5.0)] * len(PARTS))
    return [round(float(value), 4) for value in found.x]

"""How well people are ordered by what an action changes, on a trial with a control group."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def qini(score: Floats, treated: Flags, y: Floats) -> float:
    """Area between the cumulative gain and its chord, per person.

    Of the share p with the largest scores the gain is p (ȳ₁ - ȳ₀), the means of the treated and of the control among them
    (Radcliffe 2007). 0: no better than by lot.
    """
    order = np.argsort(-score, kind="stable")
    t, outcome = treated[order].astype(np.float64), y[order]
    n1, n0 = np.cumsum(t), np.cumsum(1 - t)
    mean1 = np.cumsum(outcome * t) / np.maximum(n1, 1)
    mean0 = np.cumsum(outcome * (1 - t)) / np.maximum(n0, 1)
    share = np.arange(1, len(y) + 1) / len(y)
    gain = np.where((n1 > 0) & (n0 > 0), share * (mean1 - mean0), 0.0)
    return float((gain - share * gain[-1]).mean())


def qini_interval(
    score: Floats, treated: Flags, y: Floats, seed: int, *, draws: int = 300, level: float = 0.95
) -> tuple[float, float]:
    """Percentiles of the bootstrap over people."""
    rng, n = np.random.default_rng(seed), len(y)
    resampled = []
    for _ in range(draws):
        rows = rng.integers(0, n, n)
        resampled.append(qini(score[rows], treated[rows], y[rows]))
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def uplift_at(score: Floats, treated: Flags, y: Floats, share: float) -> float:
    """Difference of the means among the ``share`` of people with the largest scores."""
    top = np.argsort(-score, kind="stable")[: max(1, int(share * len(y)))]
    t = treated[top]
    return float(y[top][t].mean() - y[top][~t].mean()) if t.any() and (~t).any() else 0.0

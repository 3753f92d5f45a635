"""How much stock there should be: classical rules, and one that is found by search in the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from ml.core.gate import difference
from ml.learn.inventory.simulator import Rule, simulate

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

USUAL = (1.0, 1.0)
_FACTORS = (0.7, 0.85, 1.0, 1.15, 1.3, 1.6)


class Replay(NamedTuple):
    """A stretch of the past to try a policy on: demand (n, days), its forecast as it was known, and costs.

    Attributes
    ----------
    middle, upper : ndarray of shape (n, days)
        Median, and the quantile that the costs ask for, of demand until an order of the next review arrives.
    holding, penalty : ndarray of shape (n,)
        Per piece and day, per piece that is not there.
    """

    demand: Floats
    middle: Floats
    upper: Floats
    lead_days: Longs
    review_days: int
    holding: Floats
    penalty: Floats


def critical(holding: Floats, penalty: Floats, review_days: float) -> Floats:
    """Chance of not running out that costs least: p / (p + h), h for the time between two reviews (Arrow et al. 1951)."""
    return np.clip(penalty / np.maximum(penalty + holding * review_days, 1e-12), 0.5, 0.98)


def normal(mean: Floats, spread: Floats, days: Floats, level: Floats) -> Floats:
    """The classical base stock: mean and spread of a day's demand over ``days``, as if it were normal."""
    return np.asarray(np.maximum(mean * days + special.ndtri(level) * spread * np.sqrt(days), 0))


def target(middle: Floats, upper: Floats, policy: tuple[float, float] = USUAL) -> Floats:
    """``policy`` (a, b): a times the median and b times the distance from it to the quantile; (1, 1) is the quantile."""
    return np.asarray(np.maximum(policy[0] * middle + policy[1] * (upper - middle), 0))


def costs(replay: Replay, targets: Floats | Rule) -> Floats:
    """Cost of targets (n, days), or of a rule, by product; every policy begins with the first day's quantile in stock."""
    course = simulate(replay.demand, targets, replay.lead_days, replay.upper[:, 0], review_days=replay.review_days)
    return course.cost(replay.holding, replay.penalty)


def search(replays: Sequence[Replay], seed: int) -> tuple[float, float]:
    """The policy that costs least in all replays but the last, if it costs less in the last by more than chance.

    Else the quantile itself (:data:`USUAL`): the best classical policy serves. Direct search over a grid: with two numbers
    nothing finer was worth its time.
    """
    if len(replays) < 2 or not len(replays[0].demand):
        return USUAL
    choices = [(a, b) for a in _FACTORS[1:5] for b in _FACTORS]
    totals = [sum(float(costs(r, target(r.middle, r.upper, c)).sum()) for r in replays[:-1]) for c in choices]
    best, last = choices[int(np.argmin(totals))], replays[-1]
    scale = np.maximum(costs(last, target(last.middle, last.upper)).mean(), 1e-9)
    ours, theirs = (-costs(last, target(last.middle, last.upper, each)) / scale for each in (best, USUAL))
    return best if difference(ours, theirs, confidence=0.95, seed=seed).lower > 0 else USUAL

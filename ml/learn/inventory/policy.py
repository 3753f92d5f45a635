"""How much stock there should be: classical rules of a few numbers, chosen in the simulator, and what one saves beside another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from ml.core.gate import difference
from ml.learn.inventory.simulator import Rule, simulate

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

_FACTORS = (0.7, 0.85, 1.0, 1.15, 1.3, 1.6)
_BATCHES = (0.5, 0.7, 1.0, 1.4, 2.0)
_CONFIDENCE = 0.95
_WEEK = 7
_FEWEST_WEEKS = 3
"""Over fewer weeks nobody can tell what all products had in common from what a policy saves."""
_TINY = 1e-9


class Policy(NamedTuple):
    """Three numbers that make levels of a forecast, see :func:`levels`.

    Attributes
    ----------
    middle, spread : float
        The base stock is so many times the median and so many times the distance from it to the quantile.
    batch : float
        What is ordered at once, as a multiple of the power approximation; 0: whatever is missing at every review.
    """

    middle: float = 1.0
    spread: float = 1.0
    batch: float = 0.0


USUAL = Policy()
"""The quantile itself at every review."""


class Replay(NamedTuple):
    """A stretch of the past to try a policy on: demand (n, days), its forecast as it was known, and costs.

    Attributes
    ----------
    middle, upper : ndarray of shape (n, days)
        Median, and the quantile that the costs ask for, of demand until an order of the next review arrives.
    mean : ndarray of shape (n, days)
        Mean demand of a day.
    holding, penalty, placing : ndarray of shape (n,)
        Per piece and day, per piece that is not there, per order whatever its size.
    """

    demand: Floats
    middle: Floats
    upper: Floats
    mean: Floats
    lead_days: Longs
    review_days: int
    holding: Floats
    penalty: Floats
    placing: Floats


class Levels(NamedTuple):
    """(s, S): order up to ``target`` where stock and orders together are at ``point`` or below; base stock: both are one.

    Both of shape (n, days); the last day's hold on.
    """

    point: Floats
    target: Floats

    def rule(self, day: int, there: Floats, coming: Floats) -> Floats:
        """The target where it is time to order, else 0."""
        at = min(day, self.point.shape[1] - 1)
        return np.where(there + coming <= self.point[:, at], self.target[:, at], 0.0)

    def begin(self, full: Floats) -> Floats:
        """Stock to begin with, (n,): ``full`` under a base stock, else each product somewhere between its two levels.

        Evenly spread, as products of a shop lie: so that what is ordered in a few weeks is what those weeks use up.
        """
        n = len(self.point)
        phase = (np.arange(n) * 0.6180339887) % 1
        point, target = self.point[:, 0], self.target[:, 0]
        return np.where(target > point, point + phase * (target - point), full)


class Verdict(NamedTuple):
    """What a policy would have saved beside another on a stretch, as a share of the other's cost; nan: not tried.

    Attributes
    ----------
    gain, lower : float
        Mean, and what it lies above with 95 % confidence, by products and by weeks alike: above 0 it serves.
    """

    gain: float = np.nan
    lower: float = np.nan

    @property
    def serves(self) -> bool:
        return bool(self.lower > 0)


def critical(holding: Floats, penalty: Floats, review_days: float) -> Floats:
    """Chance of not running out that costs least: p / (p + h), h for the time between two reviews (Arrow et al. 1951)."""
    return np.clip(penalty / np.maximum(penalty + holding * review_days, 1e-12), 0.5, 0.98)


def normal(mean: Floats, spread: Floats, days: Floats, level: Floats) -> Floats:
    """The classical base stock: mean and spread of a day's demand over ``days``, as if it were normal."""
    return np.asarray(np.maximum(mean * days + special.ndtri(level) * spread * np.sqrt(days), 0))


def levels(replay: Replay, policy: Policy = USUAL) -> Levels:
    """What ``policy`` makes of the forecasts: a base stock, or (s, S) by the revised power approximation.

    Ehrhardt & Mosier, Management Science 1984, with μ and σ of the demand until an order of the next review arrives:
    Q = 1.30 μ_R^.494 (K / h)^.506 (1 + σ² / μ_R²)^.116, z² = Q h / (σ p), s = .973 μ + σ (.183 / z + 1.063 - 2.192 z), S = s + Q;
    where Q is under one and a half times a review's demand neither is above the base stock. Without a cost of placing an
    order it is the base stock.
    """
    base = np.maximum(policy.middle * replay.middle + policy.spread * (replay.upper - replay.middle), 0)
    if not policy.batch or not (replay.placing > 0).any():
        return Levels(base, base)
    hold, lose, place = (replay.holding * replay.review_days)[:, None], replay.penalty[:, None], replay.placing[:, None]
    z_level = np.maximum(special.ndtri(lose / (lose + hold)), 0.25)
    lately = np.maximum(replay.mean * replay.review_days, _TINY)
    over = policy.middle * replay.mean * (replay.lead_days[:, None] + replay.review_days)
    sigma = np.maximum(policy.spread * (replay.upper - replay.middle) / z_level, 0.1 * over + _TINY)
    size = 1.3 * lately**0.494 * (place / hold) ** 0.506 * (1 + (sigma / lately) ** 2) ** 0.116 * policy.batch
    z = np.sqrt(np.maximum(size * hold / (sigma * lose), 1e-12))
    point = 0.973 * over + sigma * (0.183 / z + 1.063 - 2.192 * z)
    target = point + size
    low = size <= 1.5 * lately
    point, target = (np.maximum(np.where(low, np.minimum(each, base), each), 0) for each in (point, target))
    return Levels(point, np.maximum(target, point))


def costs(replay: Replay, choice: Levels | Rule) -> Floats:
    """Cost of each product and day, (n, days); a base stock or a rule begins with the first day's quantile in stock."""
    full = replay.upper[:, 0]
    rule, start = (choice.rule, choice.begin(full)) if isinstance(choice, Levels) else (choice, full)
    course = simulate(replay.demand, rule, replay.lead_days, start, review_days=replay.review_days)
    return course.costs(replay.holding, replay.penalty, replay.placing)


def search(replays: Sequence[Replay], seed: int) -> Policy:
    """The policy that costs least in all replays but the last, if it costs less in the last by more than chance.

    Else the quantile itself (:data:`USUAL`): the best classical policy serves. Direct search over a grid, of the base stock's two
    numbers first, then, where placing an order costs something, of how much is ordered at once.
    """
    if len(replays) < 2 or not len(replays[0].demand):
        return USUAL
    best = _better(replays, USUAL, [Policy(a, b) for a in _FACTORS[1:5] for b in _FACTORS], seed)
    if any((each.placing > 0).any() for each in replays):
        best = _better(replays, best, [best._replace(batch=batch) for batch in _BATCHES], seed)
    return best


def saving(replay: Replay, ours: Levels | Rule, theirs: Levels | Rule, seed: int) -> Verdict:
    """Hold a policy against another on a stretch that it has not seen.

    Products of the same weeks have those weeks in common: a policy that orders less looks good wherever all sell less.
    So the gain must be above 0 over products (bootstrap) and over weeks (Student's t).
    """
    mine, other = costs(replay, ours), costs(replay, theirs)
    unit = max(float(other.sum(axis=1).mean()), _TINY)
    found = difference(-mine.sum(axis=1) / unit, -other.sum(axis=1) / unit, confidence=_CONFIDENCE, seed=seed)
    return Verdict(found.mean, min(found.lower, _over_weeks(mine, other)))


def _better(replays: Sequence[Replay], usual: Policy, choices: Sequence[Policy], seed: int) -> Policy:
    totals = [sum(float(costs(r, levels(r, c)).sum()) for r in replays[:-1]) for c in choices]
    best, last = choices[int(np.argmin(totals))], replays[-1]
    return best if saving(last, levels(last, best), levels(last, usual), seed).serves else usual


def _over_weeks(mine: Floats, other: Floats) -> float:
    """What the mean gain of a week lies above, as a share of a week's cost; minus infinity: too few weeks."""
    weeks = mine.shape[1] // _WEEK
    if weeks < _FEWEST_WEEKS:
        return -np.inf
    ours, theirs = (each[:, -weeks * _WEEK :].sum(axis=0).reshape(weeks, _WEEK).sum(axis=1) for each in (mine, other))
    gain = (theirs - ours) / max(float(theirs.mean()), _TINY)
    return float(gain.mean() - stats.t.ppf(_CONFIDENCE, weeks - 1) * gain.std(ddof=1) / np.sqrt(weeks))

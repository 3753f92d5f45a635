"""What another policy would have earned, estimated from what was shown by lot and what came of it.

The log has, for each thing shown, the probability with which it was shown there (its propensity) and its reward; the
policy in question is known by the probability with which it would have shown the same thing there. Both estimates are
right only if every thing that the policy in question would show could have been shown: a propensity is never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
MANY = 100_000
"""Of more units the interval is the normal one of a ratio: there a bootstrap gives the same and takes minutes."""


@dataclass(frozen=True)
class Estimate:
    """A policy's mean reward per thing shown.

    Parameters
    ----------
    value, low, high : float
        The estimate and the ends of its bootstrap interval; nan where the log says nothing of the policy.
    rows : int
    effective_rows : float
        (Σ w)² / Σ w² (Kish): by how many rows of its own the policy is judged. Below a hundred or so, wait for more.
    """

    value: float
    low: float
    high: float
    rows: int
    effective_rows: float


def ips(
    reward: Numbers,
    propensity: Numbers,
    target: Numbers,
    *,
    seed: int,
    unit: npt.NDArray[np.int64] | None = None,
    clip: float = np.inf,
    confidence: float = 0.95,
    draws: int = 2000,
) -> Estimate:
    """Inverse propensity score: V = 1/n Σ w_i r_i with w_i = min(target_i / propensity_i, clip).

    Without clipping it is right on average; its spread grows with the largest w.

    Parameters
    ----------
    reward : ndarray of shape (n,)
    propensity : ndarray of shape (n,)
        In (0, 1].
    target : ndarray of shape (n,)
        In [0, 1].
    unit : ndarray of shape (n,), optional
        Rows of one unit (a customer) are drawn together by the bootstrap; each row by itself, if not given.
    clip : float
        Largest weight. A bound makes the estimate steadier and, where it cuts, too low for rewards above 0.
    draws : int
        Draws of the bootstrap (percentile interval).

    Raises
    ------
    ValueError
        Lengths differ, or a value is out of its range; all faults at once.

    References
    ----------
    Horvitz & Thompson, JASA 1952; Strehl et al., NeurIPS 2010; Bottou et al., JMLR 2013 (clipping).
    """
    return _estimate(reward, propensity, target, seed, unit, clip, confidence, draws, normalised=False)


def snips(
    reward: Numbers,
    propensity: Numbers,
    target: Numbers,
    *,
    seed: int,
    unit: npt.NDArray[np.int64] | None = None,
    clip: float = np.inf,
    confidence: float = 0.95,
    draws: int = 2000,
) -> Estimate:
    """Self-normalised: V = Σ w_i r_i / Σ w_i. Slightly off on few rows, much steadier, and never beyond the rewards.

    Parameters, errors: as :func:`ips`.

    References
    ----------
    Swaminathan & Joachims, "The self-normalized estimator for counterfactual learning", NeurIPS 2015.
    """
    return _estimate(reward, propensity, target, seed, unit, clip, confidence, draws, normalised=True)


def doubly_robust(  # noqa: PLR0913 (what a policy is judged by)
    reward: Numbers,
    propensity: Numbers,
    target: Numbers,
    model_shown: Numbers,
    model_target: Numbers,
    *,
    seed: int,
    unit: npt.NDArray[np.int64] | None = None,
    clip: float = np.inf,
    confidence: float = 0.95,
    draws: int = 2000,
) -> Estimate:
    """A reward model, put right by what was shown: V = 1/n Σ (m_target + w_i (r_i - m_shown)), w as in :func:`ips`.

    Right on average if either the propensities or the model are; the better the model, the narrower.

    Parameters
    ----------
    model_shown : ndarray of shape (n,)
        What the model foretells for the thing shown.
    model_target : ndarray of shape (n,)
        What it foretells for the policy in question there: Σ_a target(a) m(a).
    reward, propensity, target, unit, clip, draws
        As :func:`ips`.

    References
    ----------
    Dudík, Langford & Li, "Doubly robust policy evaluation and learning", ICML 2011.
    """
    shown, wanted = np.asarray(model_shown, np.float64), np.asarray(model_target, np.float64)
    if len(shown) != len(reward) or len(wanted) != len(reward):
        raise ValueError(f"lengths {sorted({len(reward), len(shown), len(wanted)})} differ")
    _refuse(np.asarray(reward, np.float64) - shown, np.asarray(propensity), np.asarray(target), unit, clip)
    w = np.minimum(np.asarray(target, np.float64) / np.asarray(propensity, np.float64), clip)
    estimate = _estimate(
        wanted + w * (np.asarray(reward, np.float64) - shown),
        np.ones(len(w)),
        np.ones(len(w)),
        seed,
        unit,
        np.inf,
        confidence,
        draws,
        normalised=False,
    )
    effective = float(w.sum() ** 2 / (w * w).sum()) if w.any() else 0.0
    return Estimate(estimate.value, estimate.low, estimate.high, len(w), effective)


def _estimate(  # noqa: PLR0913 (the two public functions' arguments)
    reward: Numbers,
    propensity: Numbers,
    target: Numbers,
    seed: int,
    unit: npt.NDArray[np.int64] | None,
    clip: float,
    confidence: float,
    draws: int,
    *,
    normalised: bool,
) -> Estimate:
    rewards, chances, targets = (np.asarray(values, np.float64) for values in (reward, propensity, target))
    _refuse(rewards, chances, targets, unit, clip)
    w = np.minimum(targets / chances, clip)
    units = np.unique(unit, return_inverse=True)[1] if unit is not None else np.arange(len(w))
    gain, base = np.bincount(units, w * rewards), np.bincount(units, w if normalised else None)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = float(np.divide(gain.sum(), base.sum()))
        effective = float(np.nan_to_num(np.divide(w.sum() ** 2, (w * w).sum())))
        rng, n = np.random.default_rng(seed), len(gain)
        if n > MANY:
            half = _half(gain - value * base, float(base.sum()), confidence)
            return Estimate(value, value - half, value + half, len(w), effective)
        means = np.empty(draws if n else 0)
        for draw in range(len(means)):
            times = np.bincount(rng.integers(0, n, n), minlength=n)
            means[draw] = np.divide(times @ gain, times @ base)
    means = means[np.isfinite(means)]
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail]) if len(means) else (np.nan, np.nan)
    return Estimate(value, float(low), float(high), len(w), effective)


def _half(residual: Numbers, total: float, confidence: float) -> float:
    """Half the normal interval of a ratio of sums, by the delta method."""
    error = float(np.sqrt((residual * residual).sum())) / total if total else float("nan")
    return NormalDist().inv_cdf((1 + confidence) / 2) * error


def _refuse(
    reward: Numbers, propensity: Numbers, target: Numbers, unit: npt.NDArray[np.int64] | None, clip: float
) -> None:
    sizes = {len(reward), len(propensity), len(target)} | ({len(unit)} if unit is not None else set())
    faults = [f"lengths {sorted(sizes)} differ"] if len(sizes) > 1 else []
    for name, values, fits, must in (
        ("reward", reward, np.isfinite(reward), "finite"),
        ("propensity", propensity, (propensity > 0) & (propensity <= 1), "in (0, 1]"),
        ("target", target, (target >= 0) & (target <= 1), "in [0, 1]"),
    ):
        if not fits.all():
            faults.append(f"{name} must be {must}; {int((~fits).sum())} are not, the first is {values[~fits][0]}")
    if not clip > 0:
        faults.append(f"clip must be above 0, got {clip}")
    if faults:
        raise ValueError("; ".join(faults))

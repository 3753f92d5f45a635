"""What an experiment says: adjusted differences, intervals that hold at every look, and whether the draw was as planned."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]

ALPHA = 0.05
UNBALANCED = 0.001
"""Below this p-value the customers were not drawn as planned, and no effect is believed (Fabijan et al., KDD 2019)."""


@dataclass(frozen=True)
class Effect:
    """Difference of two arms' means.

    Parameters
    ----------
    effect, low, high : float
        Adjusted difference and its always-valid interval; nan without enough customers.
    error : float
        Standard error of the difference.
    value, control : float
        The arms' own means.
    """

    effect: float
    low: float
    high: float
    error: float
    value: float
    control: float


def uniform(key: str, experiment: str, ids: Sequence[str]) -> Floats:
    """A number in [0, 1) of each customer, by a keyed hash of experiment and customer: nobody without the key can tell it.

    Two experiments draw independently; the same customer always gets the same number.
    """
    secret = hashlib.sha256(f"{key}\0{experiment}".encode()).digest()
    return np.array(
        [int.from_bytes(hmac.digest(secret, one.encode(), "sha256")[:8], "big") / 2**64 for one in ids], np.float64
    )


def arms_of(draws: Floats, shares: Mapping[str, float]) -> list[str]:
    """The arm of each customer: the unit interval is cut into the shares in the order given; what is left over is ''.

    Examples
    --------
    >>> arms_of(np.array([0.05, 0.15, 0.9]), {"a": 0.1, "b": 0.1})
    ['a', 'b', '']
    """
    edges = np.cumsum(list(shares.values()))
    names = [*shares, ""]
    return [names[place] for place in np.searchsorted(edges, draws, side="right")]


def balance(customers: Mapping[str, int], shares: Mapping[str, float]) -> float:
    """p-value of the numbers of customers being those of the shares (sample-ratio mismatch, χ²)."""
    drawn = {arm: share for arm, share in shares.items() if share > 0}
    n = np.array([customers.get(arm, 0) for arm in drawn], float)
    if n.sum() == 0 or len(n) < 2:
        return 1.0
    expected = np.array(list(drawn.values())) / sum(drawn.values()) * n.sum()
    return float(stats.chisquare(n, expected).pvalue)


def adjusted(y: Floats, before: Floats, *, theta: float | None = None) -> Floats:
    """CUPED: y - θ (x - mean x) with θ = cov(x, y) / var x, where x is what each customer did before the start.

    References
    ----------
    Deng et al., "Improving the sensitivity of online controlled experiments", WSDM 2013.
    """
    slope = cuped_slope(y, before) if theta is None else theta
    return np.asarray(y - slope * (before - before.mean()), np.float64)


def cuped_slope(y: Floats, before: Floats) -> float:
    """θ of :func:`adjusted`; 0 where nobody did anything before."""
    spread = float(before.var())
    return float(np.cov(y, before, ddof=0)[0, 1] / spread) if spread > 0 else 0.0


def always_valid(variance: float, planned: float, alpha: float = ALPHA) -> float:
    """Half the width of an interval that covers at all nights at once with probability 1 - alpha.

    Parameters
    ----------
    variance : float
        Of the difference of what was summed up since the start, tonight.
    planned : float
        What it is expected to be at the planned end; it decides when the interval is narrowest beside its own spread.
        Chosen before the start.

    Notes
    -----
    Without an effect the summed difference D is, in the time v = Var D, a Brownian motion; mixing the likelihood ratio over
    normal effects gives the boundary |D| < √((v + ρ) (ln((v + ρ) / ρ) + 2 ln(1/α))) (Robbins 1970; Johari et al., "Always
    valid inference", Operations Research 2022), narrowest at v = planned for ρ = planned / (2 ln(1/α) + ln(1 + 2 ln(1/α)))
    (Howard et al., Annals of Statistics 2021). What the same customers spend is more alike from night to night than that,
    which only makes the interval wider than it must be.

    Examples
    --------
    >>> round(always_valid(1.0, 1.0), 2)
    3.04
    """
    logs = -2 * np.log(alpha)
    rho = planned / (logs + np.log1p(logs))
    return float(np.sqrt((variance + rho) * (np.log((variance + rho) / rho) + logs)))


def compare(
    treated: Floats, control: Floats, before_treated: Floats, before_control: Floats, planned: float | None = None
) -> Effect:
    """The effect of an arm on a metric per customer, with CUPED and an always-valid interval.

    Parameters
    ----------
    treated, control : ndarray of shape (n_customers,)
        Money (or orders) of each customer since the start, zeros among them.
    before_treated, before_control : ndarray
        The same before the start; both arms are adjusted by one slope.
    planned : float, optional
        Variance of the difference at the planned end; tonight's if not known.
    """
    nan = float("nan")
    if min(len(treated), len(control)) < 2:
        return Effect(nan, nan, nan, nan, _mean(treated), _mean(control))
    y, x = np.r_[treated, control], np.r_[before_treated, before_control]
    corrected = adjusted(y, x)
    a, b = corrected[: len(treated)], corrected[len(treated) :]
    variance = float(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    effect = float(a.mean() - b.mean())
    if variance <= 0:
        return Effect(effect, nan, nan, 0.0, _mean(treated), _mean(control))
    half = always_valid(variance, planned or variance)
    return Effect(effect, effect - half, effect + half, float(np.sqrt(variance)), _mean(treated), _mean(control))


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")


def foreseen(earlier: Floats, later: Floats, length: float) -> float:
    """Variance per customer of the adjusted metric after so long, foreseen from what was before the start.

    Parameters
    ----------
    earlier, later : ndarray of shape (n_customers,)
        What each customer did in two windows of equal length before the start; the later one stands for the experiment.
    length : float
        Of the experiment, in lengths of such a window.
    """
    return float(adjusted(later, earlier).var(ddof=1)) * length if len(later) > 1 else 0.0


def detectable(deviation: float, treated: int, control: int, power: float = 0.8, alpha: float = ALPHA) -> float:
    """Smallest effect that is found with ``power`` at the planned end, by the always-valid interval.

    Parameters
    ----------
    deviation : float
        Standard deviation of the (adjusted) metric per customer over the planned length.
    """
    if min(treated, control) < 2 or not deviation > 0:
        return float("nan")
    variance = deviation**2 * (1 / treated + 1 / control)
    return always_valid(variance, variance, alpha) + float(stats.norm.ppf(power)) * float(np.sqrt(variance))

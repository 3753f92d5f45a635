"""One answer from several: weights that are never negative, learned on what none of the candidates had seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ml.capabilities.customer.columns import HORIZONS
from ml.capabilities.customer.frame import Outcome
from ml.capabilities.customer.learners import Outlook
from ml.kernels.rows import product

Floats = npt.NDArray[np.float64]
QUANTILES = 101
COVERED = 0.8
_RIDGE = 20.0
"""The weights are drawn to equal ones as if by about so many customers."""


class Blend(NamedTuple):
    """How the candidates' answers become one.

    Parameters
    ----------
    odds : ndarray of shape (n_horizons, n_candidates + 1)
        Weights of the log-odds for each horizon, and what is added. The weights need not sum to 1: who is too sure is
        drawn to the middle (Platt 1999).
    orders, spend : ndarray of shape (n_candidates,)
        Weights of the expected orders and money; they sum to 1.
    rest : ndarray of shape (n_quantiles,)
        Quantiles of log(money / expected money of a buyer) among buyers.
    """

    odds: Floats
    orders: Floats
    spend: Floats
    rest: Floats

    @classmethod
    def equal(cls, n: int) -> Blend:
        """Each candidate counts as much; nothing is calibrated."""
        odds = np.column_stack([np.full((len(HORIZONS), n), 1 / n), np.zeros(len(HORIZONS))])
        # About the 80 % of a log-normal of deviation .8
        rest = 0.8 * np.sqrt(2) * _erfinv(np.linspace(-0.99, 0.99, QUANTILES)) - 0.32
        return cls(odds, np.full(n, 1 / n), np.full(n, 1 / n), rest)

    def chances(self, outlooks: Sequence[Outlook]) -> Floats:
        """Chance within each horizon, never falling with it, shape (n_customers, n_horizons)."""
        z = np.stack([each.log_odds for each in outlooks], axis=2)
        odds = np.stack([product(z[:, h], w[:-1]) + w[-1] for h, w in enumerate(self.odds)], axis=1)
        return np.asarray(np.maximum.accumulate(1 / (1 + np.exp(-odds)), axis=1))

    def expected(self, outlooks: Sequence[Outlook]) -> tuple[Floats, Floats]:
        """Expected orders and money in the longest horizon, shape (n_customers,)."""
        orders = product(np.stack([each.orders for each in outlooks], axis=1), self.orders)
        return orders, product(np.stack([each.spend for each in outlooks], axis=1), self.spend)


def fit(outlooks: Sequence[Outlook], out: Outcome) -> Blend:
    """Learn the weights from answers about customers whose outcome the candidates had not seen."""
    n = len(outlooks)
    usual = Blend.equal(n)
    z = np.stack([each.log_odds for each in outlooks], axis=2)
    odds = np.stack([_odds(z[:, h], out.bought[:, h], usual.odds[h]) for h in range(len(HORIZONS))])
    orders = _means(np.stack([each.orders for each in outlooks], axis=1), out.orders)
    spend = _means(np.stack([each.spend for each in outlooks], axis=1), out.spend)
    blend = Blend(odds, orders, spend, usual.rest)
    buyers = out.spend > 0
    if buyers.sum() < QUANTILES:
        return blend
    chance, (_, money) = blend.chances(outlooks)[:, -1], blend.expected(outlooks)
    rest = np.log(out.spend[buyers]) - np.log(of_buyer(money, chance)[buyers])
    return blend._replace(rest=np.quantile(rest, np.linspace(0, 1, QUANTILES)))


def of_buyer(money: Floats, chance: Floats) -> Floats:
    """Expected money of a customer, given that they buy."""
    return np.maximum(money, 1e-6) / np.maximum(chance, 1e-3)


def interval(money: Floats, chance: Floats, rest: Floats) -> tuple[Floats, Floats]:
    """Bounds between which four of five amounts lie.

    Where nothing comes with a chance of a tenth or more, the interval begins at 0 and ends where four of five are below;
    else a tenth lies on each side.
    """
    none, level = 1 - chance, of_buyer(money, chance)
    at = np.linspace(0, 1, len(rest))
    from_zero = none >= (1 - COVERED) / 2
    above = np.where(from_zero, COVERED, (1 + COVERED) / 2)
    high = np.clip((above - none) / np.maximum(chance, 1e-9), 0, 1)
    low = np.clip(((1 - COVERED) / 2 - none) / np.maximum(chance, 1e-9), 0, 1)
    upper = np.where(above > none, level * np.exp(np.interp(high, at, rest)), 0.0)
    lower = np.where(from_zero, 0.0, level * np.exp(np.interp(low, at, rest)))
    return np.minimum(lower, money), np.maximum(upper, money)


def count_interval(mean: Floats, chance: Floats) -> tuple[Floats, Floats]:
    """The same of a number of orders, negative binomial with this mean and this chance of at least one."""
    from scipy.stats import nbinom

    size = _size(mean, chance)
    p = size / (size + np.maximum(mean, 1e-9))
    from_zero = 1 - chance >= (1 - COVERED) / 2
    high = nbinom.ppf(np.where(from_zero, COVERED, (1 + COVERED) / 2), size, p)
    low = np.where(from_zero, 0, nbinom.ppf((1 - COVERED) / 2, size, p))
    return np.minimum(low, mean), np.maximum(np.nan_to_num(high), mean)


def _size(mean: Floats, chance: Floats) -> Floats:
    """K with (1 + m / k)^-k = 1 - chance, by halving; a Poisson has an endless one."""
    low, high = np.full(len(mean), -6.0), np.full(len(mean), 6.0)
    wanted = -np.log1p(-np.minimum(chance, 1 - 1e-9))
    for _ in range(30):
        middle = (low + high) / 2
        k = np.exp(middle)
        short = k * np.log1p(np.maximum(mean, 1e-9) / k) < wanted
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.asarray(np.exp((low + high) / 2))


def _odds(z: Floats, y: Floats, usual: Floats) -> Floats:
    """Weights for one horizon.

    A level is learned beside them and let go again: it is that of one season, and the candidates learned from several.
    """
    from scipy.optimize import minimize

    x = np.column_stack([z, np.ones(len(z))])
    weak = np.append(np.full(z.shape[1], _RIDGE), 0.01)

    def loss(w: Floats) -> tuple[float, Floats]:
        odds = x @ w
        value = np.logaddexp(0, odds).sum() - y @ odds + (weak * (w - usual) ** 2).sum()
        return float(value), x.T @ (1 / (1 + np.exp(-odds)) - y) + 2 * weak * (w - usual)

    bounds = [(0.0, None)] * z.shape[1] + [(None, None)]
    found = np.asarray(minimize(loss, usual, jac=True, method="L-BFGS-B", bounds=bounds).x)
    return np.append(found[:-1], 0.0)


def _means(x: Floats, y: Floats) -> Floats:
    """Weights with the least Poisson deviance, each candidate on the right level, drawn to equal ones; they sum to 1."""
    from scipy.optimize import minimize

    n = x.shape[1]
    x = np.clip(x / np.maximum(x.mean(axis=0), 1e-9), 1e-6, 1e4)
    y, equal = y / max(float(y.mean()), 1e-9), np.full(n, 1 / n)

    def loss(w: Floats) -> tuple[float, Floats]:
        mean = np.maximum(x @ w, 1e-9)
        value = (mean - y * np.log(mean)).sum() + _RIDGE * ((w - equal) ** 2).sum()
        return float(value), x.T @ (1 - y / mean) + 2 * _RIDGE * (w - equal)

    found = np.asarray(minimize(loss, equal, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * n).x)
    return found / max(float(found.sum()), 1e-9)


def _erfinv(x: Floats) -> Floats:
    from scipy.special import erfinv

    return np.asarray(erfinv(x))

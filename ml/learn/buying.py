"""When customers come back, from how often and how lately they came: BG/NBD; and what an order is worth: Gamma-Gamma.

Of a customer are known the repeat orders x (all but the first), t_x (days from the first to the last) and T (days from the
first until now). While there, they order by a Poisson process of a rate λ ~ Gamma(r, α); after each order they leave with
a chance p ~ Beta(a, b) (Fader, Hardie & Lee, Marketing Science 2005). As in MBG/NBD (Batislam, Denizel & Filiztekin,
IJRM 2007) they may leave after their first order too: BG/NBD says of nobody with one order that they may have left.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_LIMIT = 12.0
"""Logarithms of parameters are held within this: a shop without a repeat order has no finite best ones."""


class Buying(NamedTuple):
    """Parameters of the rate, Gamma(r, alpha), and of leaving, Beta(a, b); time in days."""

    r: float = 0.5
    alpha: float = 30.0
    a: float = 1.0
    b: float = 3.0

    def _odds_gone(self, x: Floats, tx: Floats, t: Floats) -> Floats:
        ratio = (self.r + x) * np.log((self.alpha + t) / (self.alpha + tx))
        return np.asarray(self.a / (self.b + x) * np.exp(np.minimum(ratio, 50.0)))

    def alive(self, x: Floats, tx: Floats, t: Floats) -> Floats:
        """Chance that each customer is still there, shape (n,)."""
        return np.asarray(1 / (1 + self._odds_gone(x, tx, t)))

    def chance(self, x: Floats, tx: Floats, t: Floats, days: float) -> Floats:
        """Chance of an order within ``days``: P(alive) (1 - ((α + T) / (α + T + d))^(r + x))."""
        none = np.exp((self.r + x) * np.log((self.alpha + t) / (self.alpha + t + days)))
        return np.asarray(self.alive(x, tx, t) * (1 - none))

    def expected(self, x: Floats, tx: Floats, t: Floats, days: float) -> Floats:
        """Expected orders within ``days`` (Fader, Hardie & Lee 2005, formula 10, with b + x + 1 for b + x)."""
        from scipy.special import hyp2f1

        a = self.a if abs(self.a - 1) > 1e-6 else 1 + 1e-6
        shape, c = self.r + x, self.b + x + 1
        z = days / (self.alpha + t + days)
        stay = np.exp(shape * np.log((self.alpha + t) / (self.alpha + t + days)))
        found = (a + c - 1) / (a - 1) * (1 - stay * hyp2f1(shape, c, a + c - 1, z)) * self.alive(x, tx, t)
        # Where the series does not converge, the rate of the past goes on for as long as they are there.
        rate = self.alive(x, tx, t) * shape / (self.alpha + t) * days
        return np.where(np.isfinite(found) & (found >= 0), found, rate)


def fit(x: Floats, tx: Floats, t: Floats, ridge: float = 0.02) -> Buying:
    """Fit by maximum likelihood with a weak ridge on the logarithms; of nobody it is the default.

    Parameters
    ----------
    x, tx, t : ndarray of shape (n,)
        Repeat orders, and days from the first order to the last and until now, ``0 <= tx <= t``.
    """
    from scipy.optimize import minimize
    from scipy.special import betaln, gammaln

    if not len(x):
        return Buying()
    start = np.log(np.array(Buying()))
    start[1] = np.log(max(1.0, float(t.mean()) / 2))

    def loss(at: Floats) -> float:
        r, alpha, a, b = np.exp(np.clip(at, -_LIMIT, _LIMIT))
        alive = betaln(a, b + x + 1) - (r + x) * np.log(alpha + t)
        lapsed = betaln(a + 1, b + x) - (r + x) * np.log(alpha + tx)
        common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - betaln(a, b)
        return float(-(common + np.logaddexp(alive, lapsed)).mean() + ridge * ((at - start) ** 2).mean())

    found = minimize(loss, start, method="L-BFGS-B", options={"maxiter": 200})
    return Buying(*(float(value) for value in np.exp(np.clip(found.x, -_LIMIT, _LIMIT))))


class Worth(NamedTuple):
    """Parameters of the Gamma-Gamma model of the mean value of an order (Fader & Hardie 2013)."""

    p: float = 2.0
    q: float = 3.0
    v: float = 50.0

    def mean(self, n: Floats, mean: Floats) -> Floats:
        """Expected value of an order of each customer with ``n`` orders of ``mean`` value: between theirs and the shop's."""
        weight = self.p * n
        return (self.q - 1) / (weight + self.q - 1) * self.p * self.v / (self.q - 1) + weight / (
            weight + self.q - 1
        ) * mean


def fit_worth(n: Floats, mean: Floats, ridge: float = 0.02) -> Worth:
    """Fit by maximum likelihood on customers with orders of more than no value."""
    from scipy.optimize import minimize
    from scipy.special import gammaln

    buyers = (n > 0) & (mean > 0)
    n, mean = n[buyers], mean[buyers]
    if not len(n):
        return Worth()
    start = np.log([2.0, 2.0, max(1e-6, float(np.median(mean)))])

    def loss(at: Floats) -> float:
        p, q, v = np.exp(np.clip(at, -_LIMIT, _LIMIT + 8))
        q = q + 1.0  # below 1 there is no mean
        likely = (
            gammaln(p * n + q)
            - gammaln(p * n)
            - gammaln(q)
            + q * np.log(v)
            + (p * n - 1) * np.log(mean)
            + p * n * np.log(n)
            - (p * n + q) * np.log(v + n * mean)
        )
        return float(-likely.mean() + ridge * ((at - start) ** 2).mean())

    found = minimize(loss, start, method="L-BFGS-B", options={"maxiter": 200})
    p, q, v = np.exp(np.clip(found.x, -_LIMIT, _LIMIT + 8))
    return Worth(float(p), float(q + 1), float(v))

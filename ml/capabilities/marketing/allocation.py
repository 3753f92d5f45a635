"""At most one action a customer, so that the expected profit is largest under a budget and a limit for each action.

The linear program's dual has one price per unit of money, λ, and one per piece of an action, μ. At given prices every
customer takes what is left of the profit is most of: p_ia - λ c_ia - μ_a, or nothing. The prices are found in turns, and
what is over a limit in the end, by ties, is dropped from the least worthwhile on.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

ROUNDS, HALVINGS = 8, 30
SAMPLE = 20_000
"""Prices of more customers than this are found on so many of them, with the limits in proportion."""


def allocate(profit: Floats, cost: Floats, budget: float, most: Floats) -> Ids:
    """Choose an action for each customer.

    Parameters
    ----------
    profit, cost : ndarray of shape (n_customers, n_actions)
        Expected profit (``-inf``: not allowed) and what it costs, 0 or more.
    budget : float
        Of the summed cost; ``inf``: none.
    most : ndarray of shape (n_actions,)
        Limits by action; ``inf``: none.

    Returns
    -------
    ndarray of shape (n_customers,), int64
        Number of the action, -1 for nothing.

    Examples
    --------
    >>> allocate(np.array([[3.0], [2.0], [-1.0]]), np.ones((3, 1)), 1.0, np.array([np.inf])).tolist()
    [0, -1, -1]
    """
    n = len(profit)
    if not n or not profit.shape[1]:
        return np.full(n, -1, np.int64)
    some = np.random.default_rng(n).permutation(n)[:SAMPLE]
    price, pieces = _prices(profit[some], cost[some], budget * len(some) / n, most * len(some) / n)
    chosen = _choice(profit - price * cost - pieces)
    return _within(chosen, profit, cost, budget, most)


def _prices(profit: Floats, cost: Floats, budget: float, most: Floats) -> tuple[float, Floats]:
    price, pieces = 0.0, np.zeros(profit.shape[1])
    for _ in range(ROUNDS):
        before = price, pieces.copy()
        for a in np.flatnonzero(np.isfinite(most)):
            net = profit - price * cost - pieces
            own = net[:, a] + pieces[a]
            net[:, a] = -np.inf
            gap = own - np.maximum(net.max(axis=1), 0.0)
            room = int(most[a])
            pieces[a] = 0.0 if room >= len(gap) else max(0.0, float(np.partition(gap, -room - 1)[-room - 1]))
        price = _price(profit - pieces, profit, cost, budget)
        if abs(price - before[0]) <= 1e-9 * (1 + price) and np.allclose(pieces, before[1]):
            break
    return price, pieces


def _price(net: Floats, profit: Floats, cost: Floats, budget: float) -> float:
    """Least price of money at which the budget is kept."""

    def spent(price: float) -> float:
        chosen = _choice(net - price * cost)
        rows = np.flatnonzero(chosen >= 0)
        return float(cost[rows, chosen[rows]].sum())

    if not np.isfinite(budget) or spent(0.0) <= budget:
        return 0.0
    worth = (cost > 0) & np.isfinite(profit)
    low, high = 0.0, float((profit[worth] / cost[worth]).max(initial=0.0)) + 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if spent(middle) > budget else (low, middle)
    return high


def _choice(net: Floats) -> Ids:
    best = net.argmax(axis=1)
    return np.where(net[np.arange(len(net)), best] > 0, best, -1).astype(np.int64)


def _within(chosen: Ids, profit: Floats, cost: Floats, budget: float, most: Floats) -> Ids:
    """Drop what is over a limit, then fill what is left of the budget with the most worthwhile that fits."""
    for a in np.flatnonzero(np.isfinite(most)):
        rows = np.flatnonzero(chosen == a)
        if len(rows) > most[a]:
            order = np.argsort(-profit[rows, a], kind="stable")
            chosen[rows[order[int(most[a]) :]]] = -1
    if np.isfinite(budget):
        rows = np.flatnonzero(chosen >= 0)
        chosen_cost = cost[rows, chosen[rows]]
        order = np.argsort(-profit[rows, chosen[rows]] / np.maximum(chosen_cost, 1e-12), kind="stable")
        chosen[rows[order[np.cumsum(chosen_cost[order]) > budget]]] = -1
        _fill(chosen, profit, cost, budget, most)
    return chosen


def _fill(chosen: Ids, profit: Floats, cost: Floats, budget: float, most: Floats) -> None:
    rows = np.flatnonzero(chosen >= 0)
    left = budget - float(cost[rows, chosen[rows]].sum())
    room = most - np.bincount(chosen[rows], minlength=len(most))
    free = np.flatnonzero(chosen < 0)
    net = np.where(room > 0, profit[free], -np.inf)
    best = net.argmax(axis=1)
    gain, price = net[np.arange(len(free)), best], cost[free, best]
    order = np.argsort(-gain / np.maximum(price, 1e-12), kind="stable")
    for i in order[:10_000]:
        if gain[i] <= 0:
            break
        if price[i] <= left and room[best[i]] >= 1:
            chosen[free[i]] = best[i]
            left, room[best[i]] = left - price[i], room[best[i]] - 1

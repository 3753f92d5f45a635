"""A shop's stock day by day under a policy: goods are neither made nor lost, and come when their lead time is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

Rule = Callable[[int, Floats, Floats], Floats]
"""Day, stock less what waits, and what is on its way, to the target of each product."""


class Course(NamedTuple):
    """What happened, each of shape (n_products, n_days) but ``open`` (n_products,).

    Attributes
    ----------
    ordered, arrived, sold : ndarray
        Pieces.
    lost : ndarray
        Demand that found no stock; with back orders what waits at the day's end.
    held : ndarray
        Stock at the day's end.
    open : ndarray
        Ordered and not yet there at the end.
    """

    ordered: Floats
    arrived: Floats
    sold: Floats
    lost: Floats
    held: Floats
    open: Floats

    def costs(self, holding: Floats, penalty: Floats, placing: Floats) -> Floats:
        """Holding per piece, penalty per piece that was lost (or waits), ``placing`` per order, (n_products, n_days)."""
        parts = ((self.held, holding), (self.lost, penalty), (self.ordered > 0, placing))
        return np.asarray(sum(what * each[:, None] for what, each in parts))


def simulate(
    demand: Floats,
    targets: Floats | Rule,
    lead_days: Longs,
    start: Floats,
    *,
    review_days: int = 1,
    back_orders: bool = False,
) -> Course:
    """Order up to ``targets`` on every review day, before the day's demand is known.

    A day begins with arrivals, then the review orders what is missing to the target (stock, less what waits, and all
    that is on its way count), then customers come. What is ordered on day t arrives on the morning of day t + lead.

    Parameters
    ----------
    demand : ndarray of shape (n_products, n_days)
        0 or more; amounts may be fractions.
    targets : ndarray of shape (n_products, n_days), or Rule
        Stock and orders together should be as many; a rule is asked on every review day.
    lead_days : ndarray of shape (n_products,), int64
        1 or more.
    start : ndarray of shape (n_products,)
        Stock on the first morning.
    review_days : int
        Days between two reviews; the first day is one.
    back_orders : bool
        Demand without stock waits and is served first; else it is lost.

    Returns
    -------
    Course
    """
    n, days = demand.shape
    if (lead_days < 1).any() or (demand < 0).any():
        raise ValueError("lead_days must be 1 or more and demand 0 or more")
    due = np.zeros((n, days + int(lead_days.max(initial=1)) + 1))
    stock, waiting, coming = start.astype(np.float64), np.zeros(n), np.zeros(n)
    out = {name: np.zeros((n, days)) for name in ("ordered", "arrived", "sold", "lost", "held")}
    rows = np.arange(n)
    for day in range(days):
        stock = stock + due[:, day]
        coming = coming - due[:, day]
        out["arrived"][:, day] = due[:, day]
        if day % review_days == 0:
            level = targets(day, stock - waiting, coming) if callable(targets) else targets[:, day]
            order = np.maximum(level - (stock - waiting + coming), 0)
            due[rows, day + lead_days] += order
            coming = coming + order
            out["ordered"][:, day] = order
        wanted = demand[:, day] + waiting
        sold = np.minimum(stock, wanted)
        stock = stock - sold
        missed = wanted - sold
        waiting = missed if back_orders else waiting
        for name, value in (("sold", sold), ("lost", missed), ("held", stock)):
            out[name][:, day] = value
    return Course(**out, open=coming)

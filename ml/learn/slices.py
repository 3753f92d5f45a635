"""Whether a model of a rare event serves every kind of unit: rates by slice, and where one model is worse than another."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ml.learn.intervals import wilson

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

Masks = Iterable[tuple[str, Mask]]
"""Name and rows of each slice."""

FEWEST_EVENTS = 10
"""Events below which models are not compared within a slice."""
ALARMS = 0.01
"""Share of all good orders that is held for the comparison of slices: their false alarms."""
TIMES = 3.0
"""A slice is flagged when its good customers are held so many times as often as all others, by more than chance."""
CONFIDENCE_Z = 2.58


@dataclass(frozen=True)
class Slice:
    """Orders of one kind: how many, the share of frauds, and the share of the good ones among the riskiest of all.

    ``fraud_rate`` and ``false_alarms`` come with Wilson's 95 % bounds: (rate, lower, upper).
    """

    name: str
    orders: int
    fraud_rate: tuple[float, float, float]
    false_alarms: tuple[float, float, float]
    flagged: bool


def slices(masks: Masks, label: npt.NDArray[np.integer], probability: Floats) -> list[Slice]:
    """Rates of each slice.

    False alarms are compared at one bar for all, the one that holds ``ALARMS`` of all good orders.
    """
    good = np.asarray(label) == 0
    if not good.any():
        return []
    bar = np.quantile(probability[good], 1 - ALARMS)
    alarm = good & (probability > bar)
    found = []
    for name, rows in masks:
        n, others = float((good & rows).sum()), float((good & ~rows).sum())
        rest = float((alarm & ~rows).sum()) / max(1.0, others)
        least = float(wilson((alarm & rows).sum(), n, CONFIDENCE_Z)[0])
        found.append(
            Slice(
                name,
                int(rows.sum()),
                _rate((~good & rows).sum(), rows.sum()),
                _rate((alarm & rows).sum(), n),
                flagged=others > 0 and least > TIMES * max(rest, ALARMS / TIMES),
            )
        )
    return found


def metrics(found: list[Slice]) -> dict[str, float]:
    """The slices as figures of an evaluation."""
    figures = {}
    for one in (replace(one, name=re.sub(r"[^\w/. -]", "_", one.name)) for one in found):
        figures[f"slice/{one.name}/orders"] = float(one.orders)
        for kind, rates in (("fraud_rate", one.fraud_rate), ("false_alarms", one.false_alarms)):
            for bound, value in zip(("", "_lower", "_upper"), rates, strict=True):
                figures[f"slice/{one.name}/{kind}{bound}"] = value
        figures[f"slice/{one.name}/flagged"] = float(one.flagged)
    return figures


def worse(masks: Masks, label: npt.NDArray[np.integer], ours: Floats, theirs: Floats) -> list[str]:
    """Slices in which our metric per order is below theirs by more than chance, in words.

    A normal bound at 99.5 % each, for there are several. A model that is better on average must not be paid for by one
    country or by all new customers. A slice with hardly a fraud says nothing here: whoever expects the fewest frauds wins
    it; what its good customers suffer, :func:`slices` flags.

    Parameters
    ----------
    label : ndarray of shape (n_orders,)
    ours, theirs : ndarray of shape (n_orders,)
        The gate's metric per order.
    """
    found = []
    gap, bad = ours - theirs, np.asarray(label) > 0
    for name, rows in masks:
        mean, error = float(gap[rows].mean()), float(gap[rows].std() / np.sqrt(rows.sum()))
        if (bad & rows).sum() >= FEWEST_EVENTS and mean + CONFIDENCE_Z * error < 0:
            found.append(f"{name}: {mean:+.4f} ± {CONFIDENCE_Z * error:.4f} on {int(rows.sum()):,} orders")
    return found


def _rate(hits: float, n: float) -> tuple[float, float, float]:
    lower, upper = wilson(hits, n)
    return float(hits) / max(1.0, float(n)), float(lower), float(upper)

"""Which rates of ids and which counts of recent frauds a model has: what tells a shop's later orders best.

Where fraud moves from id to id within weeks (a card network's terminals) the rates of ids are out of date before they are
known, and counts of the frauds of the last days are worth most; where products differ for good it is the other way round.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa

from ml.capabilities.risk.inputs import TEXTS, Inputs, Labels
from ml.capabilities.risk.spec import Params
from ml.core.units import DAY_S
from ml.learn import boosters
from ml.learn.metrics import binary

RATES = ("late", "none", "early")
"""A row of the training sees the labels that were known when it was placed, none, or all but the youngest."""
RECENT = ("yes", "no")
FEWEST = 30
"""Frauds before and after the split; with fewer the choice would be by chance."""
ROWS = 120_000
"""The latest so many orders are looked at."""
LEARNED = 0.6
"""Share of the orders, in the order of time, before the split."""


def usual(params: Params) -> Params:
    """``params`` with the first of the variants wherever none was asked for."""
    rates = RATES[0] if params.rates == "chosen" else params.rates
    return replace(
        params, rates=rates, recent_frauds=RECENT[0] if params.recent_frauds == "chosen" else params.recent_frauds
    )


def chosen(rows: pa.Table, y: Labels, values: Mapping[str, list[str]], params: Params, seed: int) -> Params:
    """``params`` with the variant of the highest average precision on the later orders.

    Parameters
    ----------
    rows : pyarrow.Table
        Labelled orders in the order of time.
    y : ndarray of shape (n_orders,), int8

    Notes
    -----
    What is learned ends ``settle_days`` before the split, as at night, unless too few frauds would be left.
    """
    best = usual(params)
    rows, y = rows.slice(max(0, len(y) - ROWS)), y[-ROWS:]
    split = int(LEARNED * len(y))
    at = rows["at"].to_numpy()
    if not len(y) or y[split:].sum() < FEWEST or y[:split].sum() < FEWEST:
        return best
    early = int(np.searchsorted(at, at[split] - params.settle_days * DAY_S))
    early = early if y[:early].sum() >= FEWEST else split
    found: dict[Params, float] = {}

    def worth(tried: Params) -> float:
        if tried not in found:
            found[tried] = _worth(rows, y, (early, split), values, tried, seed)
        return found[tried]

    for name, options in (("recent_frauds", RECENT), ("rates", RATES)):
        if getattr(params, name) == "chosen":
            best = max(_each(best, name, options), key=worth)
    return best


def _each(params: Params, name: str, options: tuple[str, ...]) -> Iterator[Params]:
    yield from (replace(params, **{name: option}) for option in options)  # type: ignore[arg-type]


def _worth(
    rows: pa.Table, y: Labels, ends: tuple[int, int], values: Mapping[str, list[str]], params: Params, seed: int
) -> float:
    early, split = ends
    before, after = rows.slice(0, early), rows.slice(split)
    inputs = Inputs.of(params, dict(values), boosted=True)
    x = inputs.matrix(before, inputs.learn(before, y[:early], params))
    fitted = boosters.boost(x, y[:early], len(TEXTS), replace(params, members=1), seed)
    return binary.average_precision(y[split:], fitted.log_odds(inputs.matrix(after)))

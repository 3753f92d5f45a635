"""Stock on FreshRetail: daily review, two days of lead time, lost sales, a lost piece costs nine times a held one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy import special

from bench import Options, Row
from bench import _series as series
from ml.capabilities.stock.simulator import simulate
from ml.learn.series.columns import Past
from ml.learn.series.forecaster import Forecaster, SeriesParams
from ml.learn.series.panel import Panel

SEED, RESAMPLES = 7, 1000
LEAD, REVIEW, PENALTY, LEVEL = 2, 1, 9.0, 0.9
SPAN = ((0, LEAD + REVIEW),)
FACTORS = (0.8, 0.9, 1.0, 1.1, 1.2, 1.35)
Floats = npt.NDArray[np.float64]


def run(options: Options) -> Iterator[Row]:
    """The last 21 days; what is sold stands for demand, as for the peers. The factor is searched on the 21 days before."""
    if options.data is None:
        raise SystemExit("bench stock needs --data FOLDER with freshretail")
    told = series.freshretail(options.data).panel
    told = told.rows(slice(0, 300)) if options.quick else told
    days = 21
    split = told.length - days
    ours = _quantiles(told, split, split, boosted=True)
    earlier = _quantiles(told, split - days, split - days, boosted=True)
    spent = {factor: _cost(told, split - days, earlier * factor, days).sum() for factor in FACTORS}
    best = min(spent, key=lambda factor: spent[factor])
    costs = {
        "ours": _cost(told, split, ours, days),
        f"searched in the simulator (times {best:g})": _cost(told, split, ours * best, days),
        "average by weekday, conformal": _cost(told, split, _quantiles(told, split, split, boosted=False), days),
        "normal by weekday": _cost(told, split, _normal(told, split, days), days),
    }
    unit = told.pieces[:, split:].sum(axis=1, dtype=np.float64)
    mine = float(costs["ours"].sum() / unit.sum())
    yield Row(
        "FreshRetail: cost of the quantile's base stock", "per unit of demand", mine, "target", 1.46, 1.46 / mine, 1.0
    )
    rng = np.random.default_rng(SEED)
    for who in (name for name in costs if name != "ours"):
        gaps = []
        for _ in range(RESAMPLES):
            rows = rng.integers(0, len(unit), len(unit))
            gaps.append(float((costs[who] - costs["ours"])[rows].sum() / unit[rows].sum()))
        lower, upper = np.quantile(gaps, [0.025, 0.975])
        theirs = float(costs[who].sum() / unit.sum())
        yield Row(
            "FreshRetail: cost of the quantile's base stock",
            "per unit of demand",
            mine,
            who,
            theirs,
            theirs / mine,
            None if who.startswith("searched") else 1.0,
            note=f"paired gain {theirs - mine:+.3f} [{lower:+.3f}, {upper:+.3f}]",
        )


def _quantiles(told: Panel, learned: int, start: int, *, boosted: bool) -> Floats:
    """Targets of each of 21 days from ``start`` on, (n_series, 21): the .9 quantile of the next three days' demand."""
    methods = SeriesParams.methods if boosted else ("average",)
    chosen = SeriesParams((0.1, 0.5, LEVEL), rows=60_000, step=3, boosted=boosted, methods=methods)
    model = Forecaster(SPAN, chosen, SEED).fit(series.before(told, learned, 7))
    past = Past(told)
    return np.stack([model.predict(past, start + day).quantiles[:, 0, 2] * SPAN[0][1] for day in range(21)], axis=1)


def _normal(told: Panel, start: int, days: int) -> Floats:
    """Mean by weekday and spread of the last 56 days, as if demand were normal."""
    past, made = Past(told), []
    for day in range(days):
        origin = start + day
        seen = past.seen(origin, SPAN)
        spread = np.nanstd(told.pieces[:, max(origin - 56, 0) : origin], axis=1)
        width = SPAN[0][1]
        made.append(seen.level * seen.profile[:, 0] * width + special.ndtri(LEVEL) * spread * np.sqrt(width))
    return np.stack(made, axis=1)


def _cost(told: Panel, start: int, targets: Floats, days: int) -> Floats:
    n = len(told.pieces)
    demand = told.pieces[:, start : start + days].astype(np.float64)
    course = simulate(demand, targets, np.full(n, LEAD), targets[:, 0], review_days=REVIEW)
    return course.cost(np.ones(n), np.full(n, PENALTY))

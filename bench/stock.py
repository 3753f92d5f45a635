"""Stock on FreshRetail: daily review, two days of lead time, lost sales, a lost piece costs nine times a held one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy import special

from bench import Options, Row, _large_shop
from bench import _series as series
from ml.capabilities.stock.spec import SPEC
from ml.learn.inventory.learned import learn, try_out
from ml.learn.inventory.policy import USUAL, Replay
from ml.learn.inventory.policy import costs as policy_costs
from ml.learn.inventory.simulator import simulate
from ml.learn.params import NetworkParams
from ml.learn.series.columns import Past
from ml.learn.series.forecaster import Forecaster
from ml.learn.series.panel import Panel
from ml.learn.series.params import SeriesParams

SEED, RESAMPLES = 7, 1000
LEAD, REVIEW, PENALTY, LEVEL = 2, 1, 9.0, 0.9
SPAN = ((0, LEAD + REVIEW),)
FACTORS = (0.8, 0.9, 1.0, 1.1, 1.2, 1.35)
NETWORK = NetworkParams(epochs=60, patience=8, dropout=0.0, batch=512, seconds=120.0)
Floats = npt.NDArray[np.float64]


def run(options: Options) -> Iterator[Row]:
    """The last 21 days; what is sold stands for demand, as for the peers. The factor is searched on the 21 days before; ``--shop large``: time of 100,000 products."""
    if options.shop == "large":
        yield from _large_shop.timed(options, SPEC, 120.0)
        return
    if options.data is None:
        raise SystemExit("bench stock needs --data FOLDER with freshretail")
    told = series.freshretail(options.data).panel
    told = told.rows(slice(0, 300)) if options.quick else told
    days = 21
    split = told.length - days
    middle, ours = _quantiles(told, split, split, boosted=True)
    before, earlier = _quantiles(told, split - days, split - days, boosted=True)
    past, now = _replay(told, split - days, before, earlier), _replay(told, split, middle, ours)
    spent = {factor: _cost(told, split - days, earlier * factor, days).sum() for factor in FACTORS}
    best = min(spent, key=lambda factor: spent[factor])
    learned = learn([past], NETWORK, SEED)
    halves = [_stretch(past, 0, days // 2), _stretch(past, days // 2, 2 * (days // 2))]
    _, verdict = try_out(halves, USUAL, NETWORK, SEED)
    costs = {
        "ours": _cost(told, split, ours, days),
        f"searched in the simulator (times {best:g})": _cost(told, split, ours * best, days),
        "LightGBM's quantile": _cost(told, split, _boosted(told, split, days), days),
        "network learned through the simulator": policy_costs(now, learned.rule(now)),
        "average by weekday, conformal": _cost(told, split, _quantiles(told, split, split, boosted=False)[1], days),
        "normal by weekday": _cost(told, split, _normal(told, split, days), days),
    }
    unit = told.pieces[:, split:].sum(axis=1, dtype=np.float64)
    mine = float(costs["ours"].sum() / unit.sum())
    yield Row(
        "FreshRetail: cost of the quantile's base stock", "per unit of demand", mine, "target", 1.46, 1.46 / mine, 1.0
    )
    gate = "it serves" if verdict.serves else "the quantile's base stock serves"
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
            None if who.startswith(("searched", "network")) else 1.0,
            note=f"paired gain {theirs - mine:+.3f} [{lower:+.3f}, {upper:+.3f}]"
            + (
                f"; gate before: it saves {verdict.gain:+.1%}, above {verdict.lower:+.1%}: {gate}"
                if who.startswith("network")
                else ""
            ),
        )


def _quantiles(told: Panel, learned: int, start: int, *, boosted: bool) -> tuple[Floats, Floats]:
    """Median and .9 quantile of the next three days' demand, for each of 21 days from ``start`` on: (n_series, 21)."""
    methods = SeriesParams.methods if boosted else ("average",)
    chosen = SeriesParams((0.1, 0.5, LEVEL), rows=60_000, step=3, boosted=boosted, methods=methods)
    model = Forecaster(SPAN, chosen, SEED).fit(told.before(learned, 7))
    past = Past(told)
    made = np.stack([model.predict(past, start + day).quantiles[:, 0] * SPAN[0][1] for day in range(21)], axis=1)
    return made[:, :, 1], made[:, :, 2]


def _boosted(told: Panel, start: int, days: int) -> Floats:
    """The .9 quantile by a plain LightGBM, a fit before ``start``, asked each day."""
    model = series.PlainBoosted(told.before(start, 7), SPAN, SEED)
    made = [model.predict(told, start + day).quantiles[:, 0, 2] * SPAN[0][1] for day in range(days)]
    return np.stack(made, axis=1)


def _replay(told: Panel, start: int, middle: Floats, upper: Floats) -> Replay:
    n = len(told.pieces)
    demand = told.pieces[:, start : start + middle.shape[1]].astype(np.float64)
    return Replay(demand, middle, upper, np.full(n, LEAD), REVIEW, np.ones(n), np.full(n, PENALTY))


def _stretch(replay: Replay, start: int, end: int) -> Replay:
    days = {name: getattr(replay, name)[:, start:end] for name in ("demand", "middle", "upper")}
    return replay._replace(**days)


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

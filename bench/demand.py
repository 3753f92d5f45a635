"""Forecasts of demand on three published data sets, beside global LightGBM and simple methods on the same origins."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from bench import Options, Row, _large_shop
from bench import _series as series
from bench._series import JUDGED, Losses, Series
from ml.capabilities.demand.spec import SPEC
from ml.learn.series.columns import Past
from ml.learn.series.forecaster import Forecaster
from ml.learn.series.panel import actual
from ml.learn.series.params import SeriesParams

SEED, RESAMPLES = 7, 1000
AT = (0, 1, 2)
AVERAGE = "average by season"


class Aim(NamedTuple):
    """What was promised on a data set, and the parameters of ours there."""

    load: Callable[..., Series]
    wape: float
    pinball: float
    rmsse: float
    params: SeriesParams


AIMS = {
    "FreshRetail": Aim(
        series.freshretail,
        0.350,
        0.280,
        0.0,
        SeriesParams(JUDGED, trees=160, leaves=31, rate=0.06, rows=150_000, step=3, network_seconds=40.0),
    ),
    "Online Retail": Aim(
        series.online_retail, 0.86, 0.312, 0.775, SeriesParams(JUDGED, rows=100_000, network_seconds=40.0)
    ),
    "car parts": Aim(series.car_parts, 0.0, 0.295, 0.575, SeriesParams(JUDGED, step=1, network_seconds=40.0)),
}


def run(options: Options) -> Iterator[Row]:
    """Each data set of ``--data FOLDER``; ``--shop`` names one alone, ``--shop large`` times 100,000 products."""
    if options.shop == "large":
        yield from _large_shop.timed(options, SPEC, 360.0)
        return
    if options.data is None:
        raise SystemExit("bench demand needs --data FOLDER with freshretail, uci_online_retail and carparts")
    for name, aim in AIMS.items():
        if options.shop in ("", name):
            told = aim.load(options.data)
            if options.quick:
                told = told._replace(panel=told.panel.rows(slice(0, 300)), origins=told.origins[-1:])
            yield from _measure(name, told, aim)


def _measure(name: str, told: Series, aim: Aim) -> Iterator[Row]:
    parts: dict[str, list[Losses]] = {"ours": [], "LightGBM": [], AVERAGE: []}
    cpu = 0.0
    for origin in told.origins:
        panel = told.panel.before(origin, len(told.spans))
        truth = actual(told.panel, origin, told.spans)
        begin = time.process_time()
        past = Past(panel)
        made = {"ours": Forecaster(told.spans, aim.params, SEED).fit(panel).predict(past, origin)}
        cpu += time.process_time() - begin
        made["LightGBM"] = series.PlainBoosted(panel, told.spans).predict(panel, panel.length)
        plain = SeriesParams(JUDGED, boosted=False, methods=("average",), step=aim.params.step)
        made[AVERAGE] = Forecaster(told.spans, plain, SEED).fit(panel).predict(past, origin)
        for who, forecast in made.items():
            parts[who].append(series.losses(told.panel, origin, np.nan_to_num(truth), forecast, AT))
    found = {who: series.together(each) for who, each in parts.items()}
    peers = {who: each for who, each in found.items() if who != "ours"}
    yield from _rows(f"{name}, {len(told.panel.pieces):,} series", found["ours"], peers, aim)
    each_thousand = cpu / len(told.origins) / len(told.panel.pieces) * 1000
    yield Row(
        f"{name}: work of a fit and a forecast",
        "CPU s per 1,000 series",
        each_thousand,
        "limit",
        10,
        10 / each_thousand,
        1.0,
    )


METRICS: dict[str, Callable[[Losses], float]] = {
    "WAPE": lambda loss: float(loss.absolute.sum() / loss.came.sum()),
    "scaled pinball": lambda loss: float(np.nanmean(loss.pinball)),
    "RMSSE": lambda loss: float(np.nanmean(loss.squared)),
}


def _rows(what: str, ours: Losses, peers: dict[str, Losses], aim: Aim) -> Iterator[Row]:
    targets = {"WAPE": aim.wape, "scaled pinball": aim.pinball, "RMSSE": aim.rmsse}
    for metric, of in METRICS.items():
        mine = of(ours)
        if targets[metric]:
            yield Row(f"{what}: {metric}", "loss", mine, "target", targets[metric], targets[metric] / mine, 1.0)
        for who, theirs in peers.items():
            lower, upper = _gap(of, ours, theirs)
            yield Row(
                f"{what}: {metric}",
                "loss",
                mine,
                who,
                of(theirs),
                of(theirs) / mine,
                1.0 if targets[metric] else None,
                note=f"paired gain {of(theirs) - mine:+.4f} [{lower:+.4f}, {upper:+.4f}]",
            )
    inside, off = float(ours.inside.mean()), float(ours.mean.sum() / ours.came.sum() - 1)
    shares = {who: f"{each.inside.mean():.3f}" for who, each in peers.items()}
    yield Row(
        f"{what}: coverage of the 80 % interval",
        "share",
        inside,
        "stated",
        0.8,
        1 - abs(inside - 0.8),
        0.98,
        note=f"peers {shares}",
    )
    totals = {who: f"{each.mean.sum() / each.came.sum() - 1:+.3f}" for who, each in peers.items()}
    yield Row(
        f"{what}: bias of the total",
        "share",
        off,
        "limit",
        0.02,
        0.02 / max(abs(off), 1e-9),
        1.0,
        note=f"peers {totals}",
    )


def _gap(of: Callable[[Losses], float], ours: Losses, theirs: Losses) -> tuple[float, float]:
    """95 % of the paired difference, over resamples of series."""
    rng, n = np.random.default_rng(SEED), len(ours.came)
    gaps = []
    for _ in range(RESAMPLES):
        rows = rng.integers(0, n, n)
        pick = [Losses(*(np.asarray(value)[rows] for value in each)) for each in (ours, theirs)]
        gaps.append(of(pick[1]) - of(pick[0]))
    lower, upper = np.quantile(gaps, [0.025, 0.975])
    return float(lower), float(upper)

"""Stock on FreshRetail (daily review, two days of lead time) and Online Retail (weekly, seven days): cost by unit, lost sales."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from bench import Options, Row, _large_shop
from bench import _series as series
from ml.capabilities.stock.spec import SPEC
from ml.learn.inventory.learned import learn
from ml.learn.inventory.policy import Levels, Replay, Verdict, costs, levels, saving, search
from ml.learn.inventory.simulator import Rule
from ml.learn.params import NetworkParams
from ml.learn.series.columns import Past
from ml.learn.series.forecaster import Forecast, Forecaster
from ml.learn.series.panel import Panel, Span
from ml.learn.series.params import SeriesParams

SEED, RESAMPLES = 7, 1000
LEVEL = 0.9
"""A lost piece costs nine times what one costs in stock from a review to the next."""
NETWORK = NetworkParams(epochs=60, patience=8, dropout=0.0, batch=512, seconds=60.0)
FACTORS = (0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5)
Floats = npt.NDArray[np.float64]


class Task(NamedTuple):
    """Data, stretches that are judged and those before that policies are chosen on, days of each, and what was promised."""

    load: Callable[[Path], series.Series]
    judged: int
    chosen_on: int
    days: int
    lead: int
    review: int
    target: float
    params: SeriesParams

    @property
    def span(self) -> Span:
        """Until an order of the next review arrives."""
        return (0, self.lead + self.review)

    @property
    def penalty(self) -> float:
        """Of a lost piece, where one in stock costs 1 a day."""
        return self.review * LEVEL / (1 - LEVEL)


TASKS = {
    "FreshRetail": Task(series.freshretail, 1, 2, 21, 2, 1, 1.46, SeriesParams((0.1, 0.5, LEVEL), rows=60_000, step=3)),
    "Online Retail": Task(series.online_retail, 3, 3, 28, 7, 7, 21.5, SeriesParams((0.1, 0.5, LEVEL), rows=60_000)),
}
Asked = Callable[[Past, int], Forecast]


def run(options: Options) -> Iterator[Row]:
    """Both data sets of ``--data FOLDER``; ``--shop`` names one alone, ``--shop large`` times 100,000 products."""
    if options.shop == "large":
        yield from _large_shop.timed(options, SPEC, 120.0)
        return
    if options.data is None:
        raise SystemExit("bench stock needs --data FOLDER with freshretail and uci_online_retail")
    for name, task in TASKS.items():
        if options.shop in ("", name):
            panel = task.load(options.data).panel
            yield from _measure(name, task, panel.rows(slice(0, 300)) if options.quick else panel)


def _measure(name: str, task: Task, panel: Panel) -> Iterator[Row]:
    """Policies are chosen and gated on the stretches before the first that is judged."""
    starts = [panel.length - task.days * back for back in range(task.judged + task.chosen_on, 0, -1)]
    inner, judged = starts[: task.chosen_on], starts[task.chosen_on :]
    before, now = [_replay(task, panel, each, _ours) for each in inner], _joined(task, panel, judged, _ours)
    base = search(before, SEED)
    boosted, average = (_joined(task, panel, judged, peer) for peer in (_boosted, _average))
    normal = [_normal(task, panel, each) for each in inner]
    best = min(FACTORS, key=lambda f: sum(costs(r, _held(n * f)).sum() for r, n in zip(before, normal, strict=True)))
    usual, last = np.concatenate([_normal(task, panel, each) for each in judged], axis=1), before[-1]
    # As the capability's gate: the plain base stock serves unless ours costs less on the newest stretch by more than chance.
    ours = saving(last, levels(last, base), _held(normal[-1] * best), SEED).serves
    classical, then = (
        (levels(now, base), levels(last, base)) if ours else (_held(usual * best), _held(normal[-1] * best))
    )
    policy = learn(before[:-1], NETWORK, SEED)
    verdict = saving(last, policy.rule(last), then, SEED)
    rules: dict[str, Levels | Rule] = {
        "what the gate serves": policy.rule(now) if verdict.serves else classical,
        "base stock at our quantile": levels(now),
        "network learned through the simulator": policy.rule(now),
        "base stock at LightGBM's quantile": _held(boosted.upper),
        "average by weekday, conformal": _held(average.upper),
        f"normal by weekday (tuned: times {best:g})": _held(usual * best),
    }
    spent = {who: costs(now, rule).sum(axis=1) for who, rule in rules.items()}
    spent["clairvoyant"] = _clairvoyant(now).sum(axis=1)
    chosen = (
        f"base stock of {base.middle:g} medians and {base.spread:g} distances to the quantile" if ours else "normal"
    )
    yield from _rows(f"{name}, {len(panel.pieces):,} series", task, spent, now.demand.sum(axis=1), verdict, chosen)


def _rows(
    what: str, task: Task, spent: dict[str, Floats], unit: Floats, verdict: Verdict, chosen: str
) -> Iterator[Row]:
    ours, *others = spent
    cost = {who: float(each.sum() / unit.sum()) for who, each in spent.items()}
    gate = f"; gate before: it saves {verdict.gain:+.1%}, above {verdict.lower:+.1%}: " + (
        "it serves" if verdict.serves else f"{chosen} serves"
    )
    what, mine, rng = f"{what}: cost of {ours}", cost[ours], np.random.default_rng(SEED)
    yield Row(what, "per unit of demand", mine, "target", task.target, task.target / mine, 1.0)
    for who in others:
        gap, draws = spent[who] - spent[ours], []
        for _ in range(RESAMPLES):
            rows = rng.integers(0, len(unit), len(unit))
            draws.append(float(gap[rows].sum() / unit[rows].sum()))
        lower, upper = np.quantile(draws, [0.025, 0.975])
        note = f"paired gain {cost[who] - mine:+.3f} [{lower:+.3f}, {upper:+.3f}]"
        aim = None if who.startswith(("network", "base stock at our", "clairvoyant")) else 1.0
        note += gate if who.startswith("network") else ""
        yield Row(what, "per unit of demand", mine, who, cost[who], cost[who] / mine, aim, note=note)


def _replay(task: Task, panel: Panel, start: int, method: Callable[[Task, Panel, int], Asked]) -> Replay:
    """A stretch from ``start``, by a method that was fitted before it and is asked at every review."""
    asked, past, width = method(task, panel.before(start, sum(task.span)), start), Past(panel), task.span[1]
    made = [asked(past, start + day) for day in range(0, task.days, task.review)]
    mean, middle, upper = (
        np.repeat(np.stack(each, axis=1), task.review, axis=1)
        for each in zip(*[(f.mean[:, 0], f.quantiles[:, 0, 1], f.quantiles[:, 0, 2]) for f in made], strict=True)
    )
    n, demand = len(panel.pieces), np.nan_to_num(panel.pieces[:, start : start + task.days].astype(np.float64))
    money = np.ones(n), np.full(n, task.penalty), np.zeros(n)
    return Replay(demand, middle * width, upper * width, mean, np.full(n, task.lead), task.review, *money)


def _joined(task: Task, panel: Panel, starts: list[int], method: Callable[[Task, Panel, int], Asked]) -> Replay:
    """Stretches one after the other, fitted anew before each."""
    parts = [_replay(task, panel, each, method) for each in starts]
    demand, middle, upper, mean = (
        np.concatenate(each, axis=1)
        for each in zip(*[(p.demand, p.middle, p.upper, p.mean) for p in parts], strict=True)
    )
    return parts[0]._replace(demand=demand, middle=middle, upper=upper, mean=mean)


def _ours(task: Task, known: Panel, start: int) -> Asked:  # noqa: ARG001
    return Forecaster((task.span,), task.params, SEED).fit(known).predict


def _average(task: Task, known: Panel, start: int) -> Asked:  # noqa: ARG001
    plain = replace(task.params, boosted=False, methods=("average",))
    return Forecaster((task.span,), plain, SEED).fit(known).predict


def _boosted(task: Task, known: Panel, start: int) -> Asked:  # noqa: ARG001
    model = series.PlainBoosted(known, (task.span,), SEED)
    return lambda past, origin: model.predict(past.panel, origin)


def _normal(task: Task, panel: Panel, start: int) -> Floats:
    """Mean by weekday and spread of the last 56 days, as if demand were normal, (n, days)."""
    past, made, width = Past(panel), [], task.span[1]
    for day in range(0, task.days, task.review):
        origin = start + day
        seen = past.seen(origin, (task.span,))
        spread = np.nan_to_num(np.nanstd(panel.pieces[:, max(origin - 56, 0) : origin], axis=1))
        made.append(seen.level * seen.profile[:, 0] * width + special.ndtri(LEVEL) * spread * np.sqrt(width))
    return np.repeat(np.stack(made, axis=1), task.review, axis=1)


def _held(targets: Floats) -> Levels:
    return Levels(targets, targets)


def _clairvoyant(replay: Replay) -> Floats:
    """Cost where demand is known: what is sold from the arrival of an order to that of the next is ordered, no more."""
    total = np.concatenate([np.zeros((len(replay.demand), 1)), np.cumsum(replay.demand, axis=1)], axis=1)
    days = replay.demand.shape[1]
    ends = np.minimum(np.arange(days) + replay.lead_days[0] + replay.review_days, days)
    needed = total[:, ends] - total[:, :-1]
    return costs(replay._replace(upper=needed), _held(needed))

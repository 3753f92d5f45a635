"""Recommendations on a real shop's last 30 days beside tuned peers, full ranking: NDCG, recall, coverage, novelty.

``--shop online_retail --data FOLDER`` (or demo, olist, tables, complete_journey). Time split: what is learned and chosen
lies before the window that is reported; the peers' settings are those that were best in the 30 days before it. Units are
customers who had bought before; the catalogue are the products sold before. "all": repeat purchases count; "new": what a
customer had bought before is taken out of lists and truth.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench import Options, Row
from bench import _planted as planted
from bench import _recommender_as_read as as_read
from bench._peers import Past, Scorer, peers
from bench._window import HORIZON, Window, load
from ml.capabilities.recommender import model
from ml.capabilities.recommender.evaluate import Truth, judge, ranked
from ml.capabilities.recommender.ranking.lists import Lists
from ml.capabilities.recommender.spec import SPEC, Params
from ml.core.gate import difference

SEED = 7
TASKS = ("all", "new")
# What is promised on Online Retail: NDCG@10, Recall@20, coverage@10.
PROMISED = {"all": (0.400, 0.290, 0.30), "new": (0.155, 0.145, 0.18)}
CONFIDENCE = 0.975
TUNING_S, PEER_S = 300.0, 60.0
"""Seconds for choosing the peers' settings in all, and of one peer; the settings of a larger shop are chosen of fewer."""

Ids = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Judged:
    """Lists of the units with what they are worth: NDCG@10 of each unit that took something."""

    lists: Ids
    figures: Mapping[str, float]
    per_unit: npt.NDArray[np.float64]


def run(options: Options) -> Iterator[Row]:
    """Rows of the last window; with ``--quick`` a small demo shop and few settings; what SQL returns with ``--as-read``."""
    if options.as_read:
        yield from as_read.run(options)
        return
    shop = load(options)
    params: Params = SPEC.params
    window = Window(shop, shop.end - HORIZON, params)
    earlier = Window(shop, window.start - HORIZON, params)
    _say(
        f"{shop.name}: learning before {window.start:%Y-%m-%d}, {window.log.n_customers:,} customers, {window.log.n_products:,} products"
    )
    fitted = model.fit(window.features, params, SEED)
    ours = {task: _ours(fitted, window, params, task) for task in TASKS}
    theirs = _theirs(window, earlier, quick=options.quick)
    label = f"{shop.name}, {window.start:%Y-%m-%d} + 30 d, {len(window.users):,} customers"
    for task in TASKS:
        yield from _compared(f"{label}, {task}", ours[task], theirs[task])
        if shop.name == "online_retail":
            yield from _promised(f"{label}, {task}", ours[task], PROMISED[task])
        yield from _segments(f"{label}, {task}", ours[task], theirs[task], window, task)
        yield from _variety(f"{label}, {task}", ours[task], theirs[task], window)
    before = model.fit(earlier.features, params, SEED)
    for task in TASKS:
        judged = _ours(before, earlier, params, task)
        yield from _plain(f"{shop.name}, {earlier.start:%Y-%m-%d} + 30 d (window of choice), {task}", judged)
    if shop.name == "demo":
        yield from planted.rows(shop, window, fitted, ours, params)


def truth_of(window: Window, task: str) -> Truth:
    """What counts as taken in a task."""
    return window.truth if task == "all" else window.new


def judged(lists: Ids, window: Window, task: str) -> Judged:
    """Judge the lists of all units."""
    truth = truth_of(window, task)
    figures, per_unit = judge(lists, truth)
    took = np.bincount(truth.units, minlength=truth.n_units) > 0
    return Judged(lists, figures, per_unit[took])


def _ours(fitted: model.Recommender, window: Window, params: Params, task: str) -> Judged:
    lists = Lists(fitted, window.features, window.users.astype(np.int32), params, new=task == "new")
    return judged(ranked(lists), window, task)


def _theirs(window: Window, earlier: Window, *, quick: bool) -> dict[str, dict[str, Judged]]:
    """By task and peer: lists of the last window, by the setting that was best for the task in the earlier one."""
    found: dict[str, dict[str, Judged]] = {task: {} for task in TASKS}
    past, old = Past.of(window.log), Past.of(earlier.log)
    began = time.monotonic()
    for name, settings in peers().items():
        over = time.monotonic() - began > TUNING_S
        tried = dict(list(settings.items())[:1]) if quick or over else dict(settings)
        kept = ", its first: the time for choosing is over" if over else ""
        _say(f"{name}: {len(tried)} settings on the window before{kept}")
        chosen = _choose(tried, old, earlier) if len(tried) > 1 else dict.fromkeys(TASKS, next(iter(tried)))
        tables = {setting: tried[setting](past, window.users) for setting in sorted(set(chosen.values()))}
        for task in TASKS:
            lists = window.lists(tables[chosen[task]], new=task == "new")
            label = f"{name} ({chosen[task]})" if chosen[task] else name
            found[task][label] = judged(lists, window, task)
    return found


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _choose(settings: Mapping[str, Scorer], past: Past, window: Window) -> dict[str, str]:
    best: dict[str, tuple[float, str]] = {}
    began = time.monotonic()
    for setting, scorer in settings.items():
        if best and time.monotonic() - began > PEER_S:
            _say(f"  the rest of its settings is left out after {PEER_S:.0f} s: {len(settings)} in all")
            break
        table = scorer(past, window.users)
        _say(f"  {setting}, {time.monotonic() - began:.0f} s")
        for task in TASKS:
            ndcg = judged(window.lists(table, new=task == "new"), window, task).figures["ndcg@10"]
            best[task] = max(best.get(task, (-1.0, "")), (ndcg, setting))
    return {task: setting for task, (_, setting) in best.items()}


def _compared(label: str, ours: Judged, theirs: Mapping[str, Judged]) -> Iterator[Row]:
    """A row per peer; the best one must be beaten by more than chance."""
    best = max(theirs, key=lambda name: theirs[name].figures["ndcg@10"])
    for name, peer in sorted(theirs.items(), key=lambda item: -item[1].figures["ndcg@10"]):
        gap = difference(ours.per_unit, peer.per_unit, confidence=CONFIDENCE, seed=SEED)
        figures = (ours.figures["ndcg@10"], peer.figures["ndcg@10"])
        # With its lower bound in place of the difference: above 1 only if the peer is beaten by more than chance.
        yield Row(
            f"{label}: NDCG@10",
            "ndcg",
            figures[0],
            name,
            figures[1],
            _ratio(figures[1] + gap.lower, figures[1]) if name == best else _ratio(*figures),
            1.0 if name == best else None,
            note=f"difference {gap}" + (", ratio at its lower bound" if name == best else ""),
            extra={f"peer {key}": value for key, value in peer.figures.items()},
        )
    for metric in ("recall@20", "hit_rate@10", "coverage@10"):
        peer = theirs[best]
        yield Row(
            f"{label}: {metric}",
            metric,
            ours.figures[metric],
            best,
            peer.figures[metric],
            _ratio(ours.figures[metric], peer.figures[metric]),
        )


def _promised(label: str, ours: Judged, bars: tuple[float, float, float]) -> Iterator[Row]:
    for metric, bar in zip(("ndcg@10", "recall@20", "coverage@10"), bars, strict=True):
        yield Row(f"{label}: {metric}", metric, ours.figures[metric], "its limit", bar, ours.figures[metric] / bar, 1.0)


def _plain(label: str, ours: Judged) -> Iterator[Row]:
    for metric in ("ndcg@10", "recall@20", "coverage@10"):
        yield Row(f"{label}: {metric}", metric, ours.figures[metric], "-", float("nan"), float("nan"))


def _segments(label: str, ours: Judged, theirs: Mapping[str, Judged], window: Window, task: str) -> Iterator[Row]:
    """NDCG@10 by how many orders a customer had placed, with 95 % bounds."""
    best = max(theirs, key=lambda name: theirs[name].figures["ndcg@10"])
    truth = truth_of(window, task)
    users = window.users[np.bincount(truth.units, minlength=truth.n_units) > 0]
    log = window.log
    orders = np.array([len(np.unique(log.order[log.indptr[u] : log.indptr[u + 1]])) for u in users])
    for name, low, high in (("new (1 order)", 1, 1), ("light (2 to 4)", 2, 4), ("heavy (5 or more)", 5, np.inf)):
        inside = (orders >= low) & (orders <= high)
        if inside.sum() < 2:
            continue
        own_units, peer = ours.per_unit[inside], theirs[best].per_unit[inside]
        own = difference(own_units, np.zeros(len(own_units)), confidence=CONFIDENCE, seed=SEED)
        yield Row(
            f"{label}: NDCG@10 of {name}, {len(own_units):,} customers",
            "ndcg",
            own.mean,
            best,
            float(peer.mean()),
            _ratio(own.mean, float(peer.mean())),
            note=f"95 % [{own.lower:.3f}, {own.upper:.3f}]",
        )


def _variety(label: str, ours: Judged, theirs: Mapping[str, Judged], window: Window) -> Iterator[Row]:
    """Novelty (mean surprise, -log2 of the share of customers who own a listed product), and the share of new products."""
    best = max(theirs, key=lambda name: theirs[name].figures["ndcg@10"])
    log = window.log
    who = np.repeat(np.arange(log.n_customers), np.diff(log.indptr))
    owners = np.bincount(np.unique(who * log.n_products + log.product) % log.n_products, minlength=log.n_products)
    surprise = -np.log2((owners + 1) / (log.n_customers + 1))
    first = np.full(log.n_products, np.iinfo(np.int64).max)
    np.minimum.at(first, log.product, log.at)
    fresh = first >= log.until - 30 * 86_400
    for name, values, unit in (
        ("novelty", surprise, "bits"),
        ("products first sold in the last 30 days", fresh, "share"),
    ):
        reached, peer = (
            float(values[lists[:, :10][lists[:, :10] >= 0]].mean()) for lists in (ours.lists, theirs[best].lists)
        )
        yield Row(f"{label}: {name} of the first 10", unit, reached, best, peer, _ratio(reached, peer))


def _ratio(ours: float, theirs: float) -> float:
    return ours / theirs if theirs else float("inf")


__all__ = ["Judged", "judged", "run"]

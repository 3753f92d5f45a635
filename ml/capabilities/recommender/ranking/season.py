"""What is new to a customer: the ranker's order beside simple ones, so that the turn of a season is no fall.

The ranker knows how buying was on its windows. When it changes, it may order what is new worse than the best sellers do,
so places are always shared: a product's worth is a sum of reciprocal ranks (Cormack, Clarke & Büttcher, SIGIR 2009),

    v_ui = (1 - w) / (κ + r_ui) + w Σ_l 1 / (κ + r_uil) / L,        κ = ``SMOOTH``,

r its place from 0 among the customer's candidates that are new to them, by the ranker and by each of the simple orders
l. The share w that costs nothing while nothing changes is the least; the last days may ask for more, and for other orders.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ml.capabilities.recommender.ranking.columns import COLUMNS, Product, at
from ml.core.gate import difference
from ml.kernels.compiled import Ids, Scores, compiled, share
from ml.learn.metrics.ranking import ndcg

SMOOTH = 10.0
USUAL = 0.3
"""Share of the simple orders. Online Retail, three cutoffs a month apart, NDCG@10 of what is new, with 0, 0.25, 0.4 and 0.7
of the usual orders: .173 .175 .172 .125, .139 .140 .137 .099 and .140 .138 .132 .094."""
YOUNG_DAYS = 180
YOUNG = 0.45
"""Their share in a shop of fewer days: its ranker never saw a season turn."""
WEIGHTS = (0.6, 0.8, 1.0)
"""Shares that the last days may ask for instead."""
ORDERS = {
    "linear": COLUMNS.index("score linear"),
    "neighbours": COLUMNS.index("score neighbours"),
    "week": at(Product.BUYERS_7),
    "month": at(Product.BUYERS_30),
    "ever": at(Product.BUYERS),
}
"""The simple orders: EASE, item-kNN, and the best sellers of 7, 30 and all days; each with its column."""
USUAL_ORDERS = ("linear", "month", "ever")
MIXES = (USUAL_ORDERS, *((name,) for name in ORDERS))
K = 10
CONFIDENCE = 0.95
_STEP = 256

Places = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Verdict(NamedTuple):
    """How the order of new products did on some past days, NDCG@10 of ``customers``, beside the best simple order.

    ``worse``: it was below it by more than chance.
    """

    days_ago: int
    customers: int
    ours: float
    best: str
    theirs: float
    worse: bool


@dataclass(frozen=True)
class Season:
    """Share ``weight`` of the simple ``orders``, and what the last days said of it."""

    weight: float = USUAL
    orders: tuple[str, ...] = USUAL_ORDERS
    verdicts: tuple[Verdict, ...] = ()


class Fold(NamedTuple):
    """Candidates of some customers at a time past, and what they bought next that was new to them.

    ``ends`` of shape (n + 1,); ``x`` and ``score`` (by a ranker that knew nothing of what came next), ``new`` and ``taken``
    of shape (n_pairs, …); ``relevant`` of shape (n,): new products bought, proposed or not.
    """

    days_ago: int
    ends: Places
    items: Ids
    x: Scores
    score: Floats
    new: npt.NDArray[np.bool_]
    taken: npt.NDArray[np.bool_]
    relevant: Places


def worth(
    season: Season, ends: Places, items: Ids, x: Scores, score: npt.NDArray[np.floating], new: npt.NDArray[np.bool_]
) -> Scores:
    """V of each pair, shape (n_pairs,); -inf where the product is not new to the customer."""
    columns = [score, *(np.nan_to_num(x[:, ORDERS[name]]) for name in season.orders)]
    orders = np.stack([column.astype(np.float64) for column in columns])
    shares = np.full(len(orders), season.weight / len(season.orders))
    shares[0] = 1 - season.weight
    out = np.full(len(items), -np.inf, np.float32)

    def work(start: int, end: int) -> None:
        _fuse((start, end), ends, items, orders, shares, new, out)

    share(work, len(ends) - 1, _STEP)
    return out


def usual(history_days: float) -> Season:
    """The season of a shop whose last days were not asked."""
    return Season(YOUNG if history_days < YOUNG_DAYS else USUAL)


def confirmed(folds: Sequence[Fold], history_days: float) -> Season:
    """The usual season, or the one that orders the new products of the last days better by more than chance."""
    first = usual(history_days)
    if not folds:
        return first
    took = [fold.relevant > 0 for fold in folds]

    def judged(season: Season) -> list[Floats]:
        return [_ndcg(fold, season)[mask] for fold, mask in zip(folds, took, strict=True)]

    found = {first: judged(first)}
    for weight, orders in product(WEIGHTS, MIXES):
        found[Season(weight, orders)] = judged(Season(weight, orders))
    base = np.concatenate(found[first])
    better = [
        season
        for season, parts in found.items()
        if season != first and len(base) and _gain(np.concatenate(parts), base) > 0
    ]
    best = max(better, key=lambda season: float(np.concatenate(found[season]).mean()), default=first)
    verdicts = tuple(
        verdict(fold.days_ago, ours, {name: found[Season(1.0, (name,))][i] for name in ORDERS})
        for i, (fold, ours) in enumerate(zip(folds, found[best], strict=True))
    )
    return Season(best.weight, best.orders, verdicts)


def _gain(ours: Floats, theirs: Floats) -> float:
    return difference(ours, theirs, confidence=CONFIDENCE, seed=0).lower


def verdict(days_ago: int, ours: Floats, simple: Mapping[str, Floats]) -> Verdict:
    """Compare, customer by customer, with the best of the simple orders."""
    if not len(ours):
        return Verdict(days_ago, 0, 0.0, "", 0.0, worse=False)
    best = max(simple, key=lambda name: float(simple[name].mean()))
    worse = difference(ours, simple[best], confidence=CONFIDENCE, seed=0).upper < 0
    return Verdict(days_ago, len(ours), float(ours.mean()), best, float(simple[best].mean()), worse=bool(worse))


def stops(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Why such lists of new products must not be served, in words; the best simple order of each cutoff is the floor."""
    for found in verdicts:
        if found.worse:
            when = f"{found.days_ago} days before" if found.days_ago else "in the gate's window"
            yield (
                f"of products new to the customer it finds less than {NAMES[found.best]} ({found.ours:.3f} to "
                f"{found.theirs:.3f} NDCG@10 on {found.customers:,} customers, {when})"
            )


NAMES = {
    "linear": "EASE",
    "neighbours": "item-kNN",
    "week": "the best sellers of 7 days",
    "month": "the best sellers of 30 days",
    "ever": "the best sellers of all days",
}


def save(season: Season, folder: Path) -> None:
    """Write ``season.json``."""
    (folder / "season.json").write_text(json.dumps(asdict(season)), encoding="utf-8")


def load(folder: Path) -> Season:
    """Read what :func:`save` wrote."""
    found = json.loads((folder / "season.json").read_text(encoding="utf-8"))
    return Season(found["weight"], tuple(found["orders"]), tuple(Verdict(*verdict) for verdict in found["verdicts"]))


def _ndcg(fold: Fold, season: Season) -> Floats:
    """NDCG@10 of each customer's new candidates."""
    value = worth(season, fold.ends, fold.items, fold.x, fold.score, fold.new)
    hits = np.zeros((len(fold.ends) - 1, K), bool)
    _hits(fold.ends, fold.items, value, fold.taken, hits)
    return ndcg(hits, fold.relevant, K)


@compiled
def _fuse(
    span: tuple[int, int],
    ends: Places,
    items: Ids,
    orders: Floats,
    shares: Floats,
    new: npt.NDArray[np.bool_],
    out: Scores,
) -> None:
    for r in range(span[0], span[1]):
        rows = np.arange(ends[r], ends[r + 1])
        rows = rows[new[ends[r] : ends[r + 1]]]
        # Ties by the smaller product number: the rows in the order of the products, and a stable sort.
        rows = rows[np.argsort(items[rows], kind="mergesort")]
        total = np.zeros(len(rows))
        for s in range(len(shares)):
            place = np.argsort(-orders[s][rows], kind="mergesort")
            for p in range(len(rows)):
                total[place[p]] += shares[s] / (SMOOTH + p)
        for p in range(len(rows)):
            out[rows[p]] = total[p]


@compiled
def _hits(ends: Places, items: Ids, value: Scores, taken: npt.NDArray[np.bool_], hits: npt.NDArray[np.bool_]) -> None:
    for r in range(len(ends) - 1):
        rows = np.arange(ends[r], ends[r + 1])
        rows = rows[np.argsort(items[rows], kind="mergesort")]
        order = rows[np.argsort(-value[rows], kind="mergesort")]
        for p in range(min(len(order), hits.shape[1])):
            hits[r, p] = taken[order[p]] and value[order[p]] > -np.inf

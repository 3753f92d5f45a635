"""The last days as judges of the order of new products: past cutoffs at which a ranker is asked that knew nothing later.

It is learned anew from the same windows, from purchases of before the earliest cutoff alone. The candidate models are those
of the latest window, as old as a model may be that serves; what is made every night from the log is made at the cutoff.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ml.capabilities.recommender.candidates import ensemble
from ml.capabilities.recommender.ranking.facts import product_facts
from ml.capabilities.recommender.ranking.frame import frame
from ml.capabilities.recommender.ranking.season import Fold
from ml.capabilities.recommender.ranking.window import Window
from ml.capabilities.recommender.spec import Params
from ml.core.units import DAY_S
from ml.kernels.groups import group_of
from ml.learn import boosting, trees
from ml.learn.purchases import Log, before

DAYS = 10
CUTOFFS = (10, 20)
"""Judged are the ``DAYS`` that begin so many days before the night."""
EARLIEST_DAYS = max(CUTOFFS)
CUSTOMERS = 1500
"""Most customers of a cutoff, drawn by lot."""
LEAST_TAKEN = 300
"""With fewer purchases of before the earliest cutoff to learn from, nothing is confirmed."""

Known = Callable[[Log], npt.NDArray[np.bool_]]


def folds(
    log: Log, windows: Sequence[Window], known: Known, params: Params, how: boosting.Growth, seed: int
) -> list[Fold]:
    """Make the folds of :data:`CUTOFFS`; none where there is too little to learn from before them.

    ``known`` says which products were there.
    """
    latest = windows[0].learnt
    if latest is None or sum(int(window.early.sum()) for window in windows) < LEAST_TAKEN:
        return []
    x, taken = (np.concatenate([getattr(window, name) for window in windows]) for name in ("x", "early"))
    grown = boosting.grow(x, taken, how, seed)
    return list(_folds(log, latest, grown, known, params, seed))


def _folds(
    log: Log, learnt: ensemble.Learnt, grown: trees.Trees, known: Known, params: Params, seed: int
) -> Iterator[Fold]:
    for days in CUTOFFS:
        at = log.until - days * DAY_S
        past = before(log, at)
        inside = (log.at >= at) & (log.at < at + DAYS * DAY_S)
        who = group_of(log.indptr)[inside]
        pairs = np.unique(who * np.int64(log.n_products) + log.product[inside])
        pairs = pairs[np.diff(past.indptr)[pairs // log.n_products] > 0]
        users = np.unique(pairs // log.n_products)
        users = np.sort(np.random.default_rng(seed).permutation(users)[:CUSTOMERS]).astype(np.int32)
        if len(users):
            yield _fold(
                days, past, users, pairs, ensemble.tonight(learnt, past, at, params), grown, known(past), params
            )


def _fold(
    days: int,
    past: Log,
    users: npt.NDArray[np.int32],
    pairs: npt.NDArray[np.int64],
    sources: ensemble.Sources,
    grown: trees.Trees,
    there: npt.NDArray[np.bool_],
    params: Params,
) -> Fold:
    m = np.int64(past.n_products)
    table = frame(sources, past, users, product_facts(past), there, params)
    row = group_of(table.ends)
    keys = users[row] * m + table.items
    owned = np.unique(group_of(past.indptr) * m + past.product)
    fresh = pairs[np.isin(pairs // m, users) & ~np.isin(pairs, owned)]
    relevant = np.bincount(np.searchsorted(users, fresh // m), minlength=len(users)).astype(np.int64)
    score = trees.predict(grown, table.x)
    return Fold(days, table.ends, table.items, table.x, score, ~table.bought, np.isin(keys, fresh), relevant)

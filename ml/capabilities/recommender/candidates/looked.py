"""Pictures beside words in the likeness by content: how both are joined, and how much pictures count."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ml.core.gate import difference
from ml.kernels.compiled import Ids, Scores
from ml.kernels.groups import group_of
from ml.kernels.topk.dense import top_k_dense
from ml.learn.purchases import Log, before

SHARES = (0.1, 0.25, 0.4)
"""Shares that are tried beside none."""
JUDGED_CUSTOMERS, OTHERS = 1_500, 60
"""Customers whose last new product is looked for, among so many others."""
LEAST_JUDGED = 100
"""Of fewer customers nothing is learned: pictures count nothing beside words."""
CONFIDENCE = 0.99
NEIGHBOURS = 10
"""A product without words borrows those of so many that look most like it."""

Rows = npt.NDArray[np.int64]
Scored = Callable[[float, tuple[Log, Ids, Rows, Ids]], Scores]


def joined(words: Scores, seen: Scores, share: float) -> Scores:
    """(√(1 - p) words, √p picture): the product of two rows is the mean likeness. Without pictures, or p = 0: the words."""
    if not share or not seen.any():
        return words
    return np.concatenate([np.sqrt(np.float32(1 - share)) * words, np.sqrt(np.float32(share)) * seen], axis=1)


def borrowed(words: Scores, seen: Scores) -> Scores:
    """The words' vectors; of a product without a known word, the mean of those that look most like it."""
    there, shown = words.any(axis=1), seen.any(axis=1)
    lacking, lenders = np.flatnonzero(~there & shown), np.flatnonzero(there & shown)
    if not len(lacking) or not len(lenders):
        return words
    ids, scores = top_k_dense(seen[lacking], seen[lenders], min(NEIGHBOURS, len(lenders)))
    weight = np.maximum(np.where(ids >= 0, scores, 0), 0).astype(np.float32) ** 2
    mean = np.einsum("ik,ikj->ij", weight, words[lenders[np.maximum(ids, 0)]])
    length = np.sqrt(np.einsum("ij,ij->i", mean, mean))[:, None]
    made = words.copy()
    made[lacking] = np.divide(mean, length, out=np.zeros_like(mean), where=length > 1e-6)
    return made


def chosen_share(scored: Scored, log: Log, seed: int) -> float:
    """What pictures count: the share of ``SHARES`` that finds customers' next new product better than words alone.

    Each customer's last product that was new to them is ranked among others drawn by lot, by what was bought before. A
    share is taken only if its mean reciprocal rank is higher by more than chance; 0 if none is.

    Parameters
    ----------
    scored : callable
        Scores of a share for a log, customers, row numbers and items.
    """
    asked = _questions(log, seed)
    if asked is None:
        return 0.0
    none = _reciprocal(scored(0.0, asked))
    found = {share: _reciprocal(scored(share, asked)) for share in SHARES}
    best = max(SHARES, key=lambda share: float(found[share].mean()))
    return best if difference(found[best], none, confidence=CONFIDENCE, seed=seed).lower > 0 else 0.0


def _questions(log: Log, seed: int) -> tuple[Log, Ids, Rows, Ids] | None:
    """The log before the last fifth of its time, customers, and for each the new product and others; None: too few.

    What is asked for comes from the last fifth, so that a customer's history is what was known at one moment.
    """
    if not len(log.at):
        return None
    at = int(np.quantile(log.at, 0.8))
    past = before(log, at)
    who = group_of(log.indptr)
    key = who * np.int64(log.n_products) + log.product
    later = np.flatnonzero((log.at >= at) & ~np.isin(key, key[log.at < at]) & (np.diff(past.indptr)[who] > 0))
    who, first = np.unique(who[later], return_index=True)
    if len(who) < LEAST_JUDGED:
        return None
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.permutation(len(who))[:JUDGED_CUSTOMERS])
    users: Ids = who[drawn].astype(np.int32)
    target = log.product[later[first[drawn]]]
    others = rng.integers(0, log.n_products, (len(users), OTHERS))
    items: Ids = np.concatenate([target[:, None], others], axis=1).astype(np.int32)
    rows: Rows = np.repeat(np.arange(len(users)), items.shape[1])
    return past, users, rows, items.ravel()


def _reciprocal(scores: Scores) -> npt.NDArray[np.float64]:
    """1 / rank of each customer's first item among theirs, on average over the orders of what ties.

    Ties in the middle would make any noise look better: 1 / rank is convex.
    """
    table = scores.reshape(-1, OTHERS + 1)
    above, ties = ((compare(table[:, 1:], table[:, :1])).sum(1) for compare in (np.greater, np.equal))
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, OTHERS + 2))])
    return np.asarray((harmonic[above + ties + 1] - harmonic[above]) / (ties + 1))

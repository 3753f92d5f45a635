"""Ranking metrics over whole tables of lists: one formula each, on hits of shape (n_units, k).

``hits[u, r]`` says whether the product at rank r+1 of unit u's list was really taken; ``relevant[u]`` counts all that
unit u took, whether it was in reach of the model or not (full ranking, no sampling: Krichene & Rendle, KDD 2020).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Hits = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def hits(lists: npt.NDArray[np.integer], units: npt.NDArray[np.integer], items: npt.NDArray[np.integer]) -> Hits:
    """Mark which entries of each list are true.

    Parameters
    ----------
    lists : ndarray of shape (n_units, k)
        Item numbers, best first; -1 where a list ends early.
    units, items : ndarray of shape (n_truths,)
        Pairs that happened; ``units`` counts rows of ``lists``, an item outside the catalogue is -1.

    Returns
    -------
    ndarray of shape (n_units, k), bool

    Examples
    --------
    >>> hits(np.array([[3, 1], [2, -1]]), np.array([0, 1]), np.array([1, -1])).tolist()
    [[False, True], [False, False]]
    """
    width = int(max(lists.max(initial=0), items.max(initial=0))) + 1
    row = np.arange(len(lists), dtype=np.int64)[:, None] * width
    known = items >= 0
    truth = np.unique(units[known].astype(np.int64) * width + items[known])
    keys = row + lists
    at = np.searchsorted(truth, keys)
    found = np.zeros(lists.shape, bool)
    inside = at < len(truth)
    found[inside] = truth[at[inside]] == keys[inside]
    return found & (lists >= 0)


def ndcg(hits: Hits, relevant: Counts, k: int) -> Floats:
    """NDCG@k with gain 1 for what was taken: DCG = Σ_r hit_r / log2(r + 1), divided by the best that k places allow.

    Järvelin & Kekäläinen, TOIS 2002. A unit that took nothing scores 0.
    """
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(relevant, k)]
    dcg = hits[:, :k] @ discount[: hits.shape[1]]
    return _share(dcg, ideal)


def recall(hits: Hits, relevant: Counts, k: int) -> Floats:
    """Recall@k = taken and listed in the first k places / taken."""
    return _share(hits[:, :k].sum(1), relevant)


def hit_rate(hits: Hits, k: int) -> Floats:
    """HitRate@k = 1 where at least one of the first k places was taken."""
    return np.asarray(hits[:, :k].any(1), np.float64)


def coverage(lists: npt.NDArray[np.integer], n_items: int, k: int) -> float:
    """Share of the ``n_items`` products that stand in the first k places of at least one list."""
    shown = np.unique(lists[:, :k])
    return float((shown >= 0).sum() / n_items) if n_items else 0.0


def _share(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Floats:
    """``part / whole``, 0 where there is no whole."""
    share: Floats = np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
    return share

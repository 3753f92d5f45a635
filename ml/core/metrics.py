"""Ranking metrics over whole tables of lists: one formula each, on hits of shape (n_units, k).

``hits[u, r]`` says whether the product at rank r+1 of unit u's list was really taken; ``relevant[u]`` counts all that
unit u took, whether it was in reach of the model or not (full ranking, no sampling: Krichene & Rendle, KDD 2020).
"""

from __future__ import annotations

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
    return np.divide(dcg, ideal, out=np.zeros(len(hits)), where=ideal > 0)


def recall(hits: Hits, relevant: Counts, k: int) -> Floats:
    """Recall@k = taken and listed in the first k places / taken."""
    return np.divide(hits[:, :k].sum(1), relevant, out=np.zeros(len(hits)), where=relevant > 0)


def hit_rate(hits: Hits, k: int) -> Floats:
    """HitRate@k = 1 where at least one of the first k places was taken."""
    return hits[:, :k].any(1).astype(np.float64)


def coverage(lists: npt.NDArray[np.integer], n_items: int, k: int) -> float:
    """Share of the ``n_items`` products that stand in the first k places of at least one list."""
    shown = np.unique(lists[:, :k])
    return float((shown >= 0).sum() / n_items) if n_items else 0.0

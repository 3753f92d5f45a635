"""How many frauds of an order's customer, device, product … were known when it was placed: ever, and in windows of time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ml.kernels.compiled import compiled
from ml.kernels.windows import Codes, Longs


def frauds(
    code: Codes, n: int, at: Longs, by_at: Codes, news: tuple[Codes, Longs, Codes], spans: Longs | None = None
) -> npt.NDArray[np.int32]:
    """Count the frauds of each row's group that were known before it was placed.

    Parameters
    ----------
    news : tuple of ndarray of shape (n_news,)
        Rows that turned out to be frauds (1) or, after that, none (-1: the dispute was won); when that
        became known, in this order; 1 or -1.
    spans : ndarray of shape (n_spans,), int64, optional

    Returns
    -------
    ndarray of shape (n_rows, 1 + n_spans), int32
        Known ever, and those that became known in the ``spans`` seconds before the row; a dispute that was won by then
        counts in none.
    """
    chosen = np.empty(0, np.int64) if spans is None else spans
    return _frauds(code, np.zeros((n + 1, 1 + len(chosen)), np.int32), at, by_at, news, chosen)  # type: ignore[no-any-return]


@compiled
def _frauds(
    code: Codes, known: Codes, at: Longs, by_at: Codes, news: tuple[Codes, Longs, Codes], spans: Longs
) -> Codes:
    """Walk through time once: news enter all counts when they are known, and leave window w when they are ``spans[w]`` old."""
    fraud_row, fraud_at, fraud_step = news
    out = np.zeros((len(code), 1 + len(spans)), np.int32)
    place, lo, f = np.full(len(code), -1, np.int64), np.zeros(len(spans), np.int64), 0
    won = np.zeros(len(code), np.bool_)
    for row in by_at:
        t = at[row]
        while f < len(fraud_row) and fraud_at[f] < t:
            r = fraud_row[f]
            if code[r] >= 0:
                known[code[r], 0] += fraud_step[f]
                for w in range(len(spans)):
                    if fraud_step[f] > 0 or place[r] >= lo[w]:
                        known[code[r], 1 + w] += fraud_step[f]
            if fraud_step[f] > 0:
                place[r] = f
            else:
                won[r] = True
            f += 1
        for w in range(len(spans)):
            while lo[w] < f and fraud_at[lo[w]] < t - spans[w]:
                r = fraud_row[lo[w]]
                if fraud_step[lo[w]] > 0 and not won[r] and code[r] >= 0:
                    known[code[r], 1 + w] -= 1
                lo[w] += 1
        if code[row] >= 0:
            out[row] = known[code[row]]
    return out

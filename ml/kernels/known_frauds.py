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
        while f < len(fraud_row) and fraud_at[f] < at[row]:
            r = fraud_row[f]
            if code[r] >= 0:
                known[code[r], 0] += fraud_step[f]
                for w in range(len(spans)):
                    known[code[r], 1 + w] += fraud_step[f] * (fraud_step[f] > 0 or place[r] >= lo[w])
            if fraud_step[f] > 0:
                place[r] = f
            won[r] = fraud_step[f] < 0
            f += 1
        for w in range(len(spans)):
            lo[w] = _left(known, code, won, news, (lo[w], f, at[row] - spans[w], 1 + w))
        if code[row] >= 0:
            out[row] = known[code[row]]
    return out


@compiled
def _left(
    known: Codes,
    code: Codes,
    won: npt.NDArray[np.bool_],
    news: tuple[Codes, Longs, Codes],
    window: tuple[int, int, int, int],
) -> int:
    """Take what became known before the window's begin out of its count; the first of the news that are inside."""
    fraud_row, fraud_at, fraud_step = news
    i, end, begin, column = window
    while i < end and fraud_at[i] < begin:
        r = fraud_row[i]
        if fraud_step[i] > 0 and not won[r] and code[r] >= 0:
            known[code[r], column] -= 1
        i += 1
    return i

"""A text of many values as two numbers: the rate of frauds with it, and how often it was seen.

A value's rate is drawn to the rate of all by ``prior`` orders (Micci-Barreca, SIGKDD Explorations 2001). An order never
sees its own label, nor, by :func:`in_time`, one that was not known when it was placed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.integer]


def numbered(values: pa.ChunkedArray | pa.Array, known: pa.Array) -> Codes:
    """Position of each value in ``known``, and ``len(known)`` for one that is not in it or null."""
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    found: Codes = pc.fill_null(pc.index_in(whole, known), len(known)).to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def rates(code: Codes, label: Labels, size: int, prior: float) -> Floats:
    """Rate of each value, shape (size + 1,); the last stands for values that were not seen.

    Examples
    --------
    >>> rates(np.array([0, 0, 1]), np.array([1, 1, 0]), 2, prior=1).round(2).tolist()
    [0.89, 0.33, 0.67]
    """
    overall = float(np.mean(label)) if len(label) else 0.0
    bad = np.bincount(code, label, size + 1)[: size + 1]
    every = np.bincount(code, minlength=size + 1)[: size + 1]
    made = (bad + prior * overall) / (every + prior)
    made[size] = overall
    return np.asarray(made, np.float64)


def out_of_fold(code: Codes, label: Labels, fold: Codes, size: int, prior: float) -> Floats:
    """Rate of each row's value by the rows of the other folds, shape (n_rows,): for rows without an order of time."""
    made = np.empty(len(code))
    for part in np.unique(fold):
        own = fold == part
        made[own] = rates(code[~own], label[~own], size, prior)[code[own]]
    return made


def in_time(code: Codes, label: Labels, at: Codes, delay: int, size: int, prior: float) -> Floats:
    """Rate of each row's value by the rows that were placed more than ``delay`` before it, shape (n_rows,).

    Parameters
    ----------
    code : ndarray of shape (n_rows,), int64
        In ``[0, size]``; ``size`` is no value and counts for none.
    label : ndarray of shape (n_rows,)
    at : ndarray of shape (n_rows,), int64
        When each was placed, seconds.
    delay : int
        Seconds until a label is known.
    """
    order = np.lexsort((at, code))
    c, t, y = code[order], at[order], np.asarray(label, np.float64)[order]
    bad = np.concatenate([[0.0], np.cumsum(y)])
    # One key per value and time, so that a single search finds the rows of the same value that are old enough.
    origin, span = (int(at.min()) if len(at) else 0), (int(at.max() - at.min()) if len(at) else 0) + delay + 2
    key = c * span + (t - origin)
    start = np.searchsorted(key, c * span, side="left")
    end = np.maximum(np.searchsorted(key, np.maximum(key - delay, c * span), side="left"), start)
    seen = np.where(c < size, end - start, 0)
    found = np.where(c < size, bad[end] - bad[start], 0.0)
    rate = _overall(at, label, delay)[order]
    made = np.empty(len(code))
    made[order] = (found + prior * rate) / (seen + prior)
    return made


def _overall(at: Codes, label: Labels, delay: int) -> Floats:
    """Rate of all rows placed more than ``delay`` before each; half a bad one in fifty where there is none yet."""
    by_time = np.argsort(at, kind="stable")
    end = np.searchsorted(at[by_time], at - delay, side="left")
    bad = np.concatenate([[0.0], np.cumsum(np.asarray(label, np.float64)[by_time])])
    return np.asarray((bad[end] + 0.5) / (end + 50.0), np.float64)

"""Rows in groups: where each group ends, which group a row is of, and its place inside."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Longs = npt.NDArray[np.int64]


def ends_of(sizes: npt.ArrayLike) -> Longs:
    """Where groups of these sizes begin and end, as the ``indptr`` of a sparse matrix: group i has rows ``[e[i], e[i + 1])``.

    Examples
    --------
    >>> ends_of([2, 0, 3]).tolist()
    [0, 2, 2, 5]
    """
    return np.concatenate([[0], np.cumsum(np.asarray(sizes, np.int64))])


def group_of(ends: npt.NDArray[np.integer]) -> Longs:
    """The group of each row.

    Examples
    --------
    >>> group_of(np.array([0, 2, 2, 5])).tolist()
    [0, 0, 2, 2, 2]
    """
    return np.repeat(np.arange(len(ends) - 1, dtype=np.int64), np.diff(ends))


def place_inside(group: npt.NDArray[np.generic]) -> Longs:
    """Place of each row among those of its group, from 0; equal groups stand side by side, in ascending order.

    Examples
    --------
    >>> place_inside(np.array([3, 3, 7, 9, 9])).tolist()
    [0, 1, 0, 0, 1]
    """
    return np.arange(len(group)) - np.searchsorted(group, group)

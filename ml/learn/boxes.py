"""Boosted trees as boxes: each leaf as the bounds of its columns, so that any database scores them by comparing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ml.learn.trees import Trees

Floats = npt.NDArray[np.float64]

FAR = 1e9
"""A side without a bound; columns must lie within."""


class Boxes(NamedTuple):
    """A row lies in a box where ``low < x <= high`` in every column; its points add up to what the trees say.

    Attributes
    ----------
    low, high : ndarray of shape (n_boxes, n_columns)
    points : ndarray of shape (n_boxes,)
    """

    low: Floats
    high: Floats
    points: Floats

    def log_odds(self, x: Floats) -> Floats:
        """Sum of the points of the boxes that each row lies in, shape (n_rows,)."""
        out = np.zeros(len(x))
        for low, high, points in zip(self.low, self.high, self.points, strict=True):
            out += np.where(((x > low) & (x <= high)).all(axis=1), points, 0.0)
        return out


def boxes(trees: Trees, columns: int, share: float = 1.0) -> Boxes:
    """The leaves of ``trees``, their values times ``share``; splits must be of numbers that are known.

    Examples
    --------
    >>> one = Trees(*(np.array(each) for each in (
    ...     [0], [0, -1, -1], [1, -1, -1], [2, -1, -1], [2.5, 0, 0], [0, -1.0, 3.0], [False] * 3, [False] * 3)))
    >>> boxes(one, 1).log_odds(np.array([[2.5], [2.6]])).tolist()
    [-1.0, 3.0]
    """
    found: list[tuple[Floats, Floats, float]] = []
    for root in trees.root:
        waits = [(int(root), np.full(columns, -FAR), np.full(columns, FAR))]
        while waits:
            node, low, high = waits.pop()
            if trees.feature[node] < 0:
                found.append((low, high, float(trees.value[node]) * share))
                continue
            column, border = int(trees.feature[node]), float(trees.threshold[node])
            under, over = high.copy(), low.copy()
            under[column], over[column] = min(border, high[column]), max(border, low[column])
            waits += [(int(trees.left[node]), low, under), (int(trees.right[node]), over, high)]
    empty = np.zeros((0, columns))
    return Boxes(
        np.array([each[0] for each in found]) if found else empty,
        np.array([each[1] for each in found]) if found else empty,
        np.array([each[2] for each in found]),
    )

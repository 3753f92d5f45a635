"""What people decided about a unit (held, released), as a label until the truth is known.

A decision is no proof. It was made with the model's own score on the screen, and what is held never gets a truth of its
own: a model that takes it for one learns to agree with itself. So a decision counts only as much as the truth has shown
such decisions to be worth, all of a kind together stay the lesser part beside true labels of that kind, and nothing is
judged or calibrated by them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]
Matrix = npt.NDArray[np.float32]

MOST = 0.5
"""All decisions of a kind count at most this share of the true labels of that kind."""


class Decided(NamedTuple):
    """Units of which a decision is known and no truth.

    Parameters
    ----------
    x : ndarray of shape (n, n_columns), float32
    y : ndarray of shape (n,), int8
        What was decided: 0 or 1.
    weight : ndarray of shape (n,), float64
    """

    x: Matrix
    y: Labels
    weight: Floats


def of(units: pa.Table, matrix: Callable[[pa.Table], Matrix], labels: Labels) -> Decided:
    """The units of which only a decision is known, weighed by what became of those whose truth is settled.

    Parameters
    ----------
    units : pyarrow.Table
        ``decided`` and ``label`` (0, 1 or null), ``settled``, and what ``matrix`` makes the columns of.
    matrix : callable
    labels : ndarray of int8
        The true labels that are learned from.
    """
    known, decided = pc.is_valid(units["label"]), pc.is_valid(units["decided"])
    judged = units.filter(pc.and_(pc.and_(known, units["settled"]), decided))
    rows = units.filter(pc.and_(pc.invert(known), decided))
    y, before, truth = (
        column.to_numpy().astype(np.int8) for column in (rows["decided"], judged["decided"], judged["label"])
    )
    return Decided(matrix(rows), y, weights(y, trust(before, truth), labels))


def trust(decided: Labels, truth: Labels) -> Floats:
    """Share of the decisions of each kind that proved right, shape (2,), drawn to 1/2: (right + 1) / (n + 2).

    Examples
    --------
    >>> trust(np.array([0, 0, 1, 1], np.int8), np.array([0, 0, 0, 0], np.int8)).tolist()
    [0.75, 0.25]
    """
    return np.array([(float((truth[decided == k] == k).sum()) + 1) / (int((decided == k).sum()) + 2) for k in (0, 1)])


def weights(decided: Labels, trusted: Floats, labels: Labels) -> Floats:
    """What each decision counts beside ``labels``, each of which counts 1; shape of ``decided``.

    Examples
    --------
    >>> weights(np.array([1, 1, 1, 0], np.int8), np.array([0.75, 0.5]), np.array([0, 0, 0, 1], np.int8)).round(3).tolist()
    [0.167, 0.167, 0.167, 0.75]
    """
    n, known = np.bincount(decided, minlength=2), np.bincount(labels, minlength=2)
    each: Floats = np.minimum(trusted, MOST * known / np.maximum(n, 1))
    return each[decided]


def beside(x: Matrix, y: Labels, weight: Floats | None, decided: Decided) -> tuple[Any, Any, Any]:
    """Rows, labels and weights with the decisions after them; as they are where there is no decision."""
    if not len(decided.y):
        return x, y, weight
    ours = np.ones(len(y)) if weight is None else weight
    return (
        np.concatenate([x, decided.x]),
        np.concatenate([y, decided.y]),
        np.concatenate([ours, decided.weight]),
    )

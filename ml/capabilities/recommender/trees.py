"""Boosted trees as flat arrays: they predict and tell what they went by, without the library that grew them.

``saabas``: on the way from a tree's root to its leaf, each split moves the tree's mean value; the move belongs to the
feature that was split on (Saabas 2014, "Interpreting random forests"). Summed over the trees, with the roots' values,
the parts give the prediction exactly, at the price of one prediction.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.core.compiled import Ids, Scores, compiled, share

_STEP = 4096
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trees:
    """Nodes of all trees, one after the other; a leaf has ``feature`` -1.

    Attributes
    ----------
    root : ndarray of shape (n_trees,), int32
    feature, left, right : ndarray of shape (n_nodes,), int32
        A row goes left where ``x <= threshold``.
    threshold, value : ndarray of shape (n_nodes,), float64
        ``value`` of an inner node is the mean of what is below it.
    missing_left, missing_zero : ndarray of shape (n_nodes,), bool
        Where nan goes; or nan counts as 0.
    """

    root: Ids
    feature: Ids
    left: Ids
    right: Ids
    threshold: Floats
    value: Floats
    missing_left: Flags
    missing_zero: Flags


def predict(trees: Trees, x: Scores, *, threads: int = 2) -> Floats:
    """Sum the leaves' values of each row of ``x``, shape (n,)."""
    out = np.zeros(len(x))
    parts = tuple(getattr(trees, f.name) for f in fields(trees))

    def work(start: int, end: int) -> None:
        _predict(parts, x[start:end], out[start:end])

    share(work, len(x), threads, _STEP)
    return out


def saabas(trees: Trees, x: Scores, group: Ids, n_groups: int, *, threads: int = 2) -> Floats:
    """Split the prediction of each row by groups of features, shape (n, n_groups); the roots' values are left out."""
    out = np.zeros((len(x), n_groups))
    parts = tuple(getattr(trees, f.name) for f in fields(trees))

    def work(start: int, end: int) -> None:
        _saabas(parts, x[start:end], group, out[start:end])

    share(work, len(x), threads, _STEP)
    return out


def from_dump(dump: dict[str, Any]) -> Trees:
    """Flatten what LightGBM's ``Booster.dump_model()`` gives. Splits must be numerical."""
    nodes: list[tuple[int, int, int, float, float, bool, bool]] = []

    def add(node: dict[str, Any]) -> int:
        at = len(nodes)
        if "leaf_value" in node:
            nodes.append((-1, -1, -1, 0.0, float(node["leaf_value"]), False, False))
            return at
        if node["decision_type"] != "<=":
            raise ValueError(f"only numerical splits are known, got {node['decision_type']!r}")
        nodes.append((-1, -1, -1, 0.0, 0.0, False, False))
        left, right = add(node["left_child"]), add(node["right_child"])
        nodes[at] = (
            int(node["split_feature"]), left, right, float(node["threshold"]), float(node["internal_value"]),
            bool(node["default_left"]), node["missing_type"] != "NaN",
        )  # fmt: skip
        return at

    roots = [add(tree["tree_structure"]) for tree in dump["tree_info"]]
    feature, left, right, threshold, value, missing_left, zero = zip(*nodes, strict=True) if nodes else ((),) * 7
    return Trees(
        np.array(roots, np.int32), np.array(feature, np.int32), np.array(left, np.int32), np.array(right, np.int32),
        np.array(threshold, np.float64), np.array(value, np.float64), np.array(missing_left, bool), np.array(zero, bool),
    )  # fmt: skip


def save(trees: Trees, path: Path) -> None:
    """Write an ``.npz``; the same trees give the same bytes."""
    np.savez(path, **{f.name: getattr(trees, f.name) for f in fields(trees)})


def load(path: Path) -> Trees:
    """Read what :func:`save` wrote; nothing in the file is executed."""
    with np.load(path, allow_pickle=False) as file:
        return Trees(**{f.name: file[f.name] for f in fields(Trees)})


_Parts = tuple[Ids, Ids, Ids, Ids, Floats, Floats, Flags, Flags]


@compiled
def _step(parts: _Parts, node: int, row: Scores) -> int:
    """The child that a row goes to."""
    _, feature, left, right, threshold, _, missing_left, missing_zero = parts
    x = row[feature[node]]
    if np.isnan(x):
        if not missing_zero[node]:
            return int(left[node] if missing_left[node] else right[node])
        x = np.float32(0.0)
    return int(left[node] if x <= threshold[node] else right[node])


@compiled
def _predict(parts: _Parts, x: Scores, out: Floats) -> None:
    root, feature, value = parts[0], parts[1], parts[5]
    for t in range(len(root)):  # a tree stays in the cache while all rows go down
        for r in range(len(x)):
            node = root[t]
            while feature[node] >= 0:
                node = _step(parts, node, x[r])
            out[r] += value[node]


@compiled
def _saabas(parts: _Parts, x: Scores, group: Ids, out: Floats) -> None:
    root, feature, value = parts[0], parts[1], parts[5]
    for t in range(len(root)):
        for r in range(len(x)):
            node = root[t]
            while feature[node] >= 0:
                below = _step(parts, node, x[r])
                out[r, group[feature[node]]] += value[below] - value[node]
                node = below

"""Boosted trees as flat arrays: they predict and tell what they went by, without the library that grew them.

``saabas``: on the way from a tree's root to its leaf, each split moves the tree's mean value; the move belongs to the
feature that was split on (Saabas 2014, "Interpreting random forests"). Summed over the trees, with the roots' values,
the parts give the prediction exactly, at the price of one prediction.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ml.kernels.compiled import Ids, Scores, compiled, share

_STEP = 4096
_ROWS = 32
"""Rows that go down a tree together."""
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


def predict(trees: Trees, x: Scores) -> Floats:
    """Sum the leaves' values of each row of ``x``, shape (n,)."""
    return summed(trees, x, trees.value[:, None])[:, 0]


def saabas(trees: Trees, x: Scores, group: Ids, n_groups: int) -> Floats:
    """Split the prediction of each row by groups of features, shape (n, n_groups); the roots' values are left out.

    The way to a leaf is the same for every row that ends in it: its parts are added up once per leaf, not per row.
    """
    parts = np.zeros((len(trees.feature), n_groups))
    _along(trees.feature, trees.left, trees.right, trees.value, group, parts)
    return summed(trees, x, parts)


def from_dump(dump: dict[str, Any]) -> Trees:
    """Flatten what LightGBM's ``Booster.dump_model()`` gives.

    A split by categories (whole numbers from 0) becomes splits of one column at the borders of its runs of categories:
    several ways lead to each of its two sides, and nan to the right one.
    """
    nodes: list[tuple[int, int, int, float, float, bool, bool]] = []

    def add(node: dict[str, Any]) -> int:
        at = len(nodes)
        if "leaf_value" in node:
            nodes.append((-1, -1, -1, 0.0, float(node["leaf_value"]), False, False))
            return at
        if node["decision_type"] == "==":
            split = _borders(node["threshold"])
            nodes.extend([(-1, -1, -1, 0.0, 0.0, False, False)] * len(split))
            sides = (add(node["right_child"]), add(node["left_child"]))
            for k, (border, below, above) in enumerate(split):
                left, right = (sides[to] if inside else at + to for to, inside in (below, above))
                nodes[at + k] = (
                    int(node["split_feature"]),
                    left,
                    right,
                    border,
                    float(node["internal_value"]),
                    False,
                    False,
                )
            return at
        if node["decision_type"] != "<=":
            raise ValueError(f"a split is by <= or ==, got {node['decision_type']!r}")
        nodes.append((-1, -1, -1, 0.0, 0.0, False, False))
        left, right = add(node["left_child"]), add(node["right_child"])
        nodes[at] = (
            int(node["split_feature"]),
            left,
            right,
            float(node["threshold"]),
            float(node["internal_value"]),
            bool(node["default_left"]),
            node["missing_type"] != "NaN",
        )
        return at

    roots = [add(tree["tree_structure"]) for tree in dump["tree_info"]]
    feature, left, right, threshold, value, missing_left, zero = zip(*nodes, strict=True) if nodes else ((),) * 7
    return Trees(
        np.array(roots, np.int32),
        np.array(feature, np.int32),
        np.array(left, np.int32),
        np.array(right, np.int32),
        np.array(threshold, np.float64),
        np.array(value, np.float64),
        np.array(missing_left, bool),
        np.array(zero, bool),
    )


_Next = tuple[int, bool]
"""Where to go: a border by its place, or a side (1: a category of the split) and True."""


def _borders(categories: str) -> list[tuple[float, _Next, _Next]]:
    """Balanced search over the borders of the categories' runs: border, what comes below it and what above, first the root.

    Examples
    --------
    >>> _borders("2||3")
    [(3.5, (1, False), (0, True)), (1.5, (0, True), (1, True))]
    """
    members = {int(one) for one in categories.split("||")}
    borders = sorted(
        {c - 0.5 for c in members if c - 1 not in members} | {c + 0.5 for c in members if c + 1 not in members}
    )
    nodes: list[tuple[float, _Next, _Next]] = []

    def between(low: int, high: int) -> _Next:
        if low == high:
            return low % 2, True
        at, middle = len(nodes), (low + high) // 2
        nodes.append((borders[middle], (0, True), (0, True)))
        nodes[at] = (borders[middle], between(low, middle), between(middle + 1, high))
        return at, False

    between(0, len(borders))
    return nodes


def save(trees: Trees, path: Path) -> None:
    """Write an ``.npz``; the same trees give the same bytes."""
    np.savez(path, **{f.name: getattr(trees, f.name) for f in fields(trees)})


def load(path: Path) -> Trees:
    """Read what :func:`save` wrote; nothing in the file is executed."""
    with np.load(path, allow_pickle=False) as file:
        return Trees(**{f.name: file[f.name] for f in fields(Trees)})


def summed(trees: Trees, x: Scores, values: Floats) -> Floats:
    """Sum the rows of ``values``, shape (n_nodes, k), of the leaves that each row of ``x`` ends in, shape (n, values.shape[1])."""
    out = np.zeros((len(x), values.shape[1]))
    if not len(trees.root):
        return out
    nodes, depth = _packed(trees, x.shape[1]), _depth(trees.root, trees.feature, trees.left, trees.right)

    def work(start: int, end: int) -> None:
        _walk(trees.root.astype(np.uint32), depth, nodes, values, x[start:end], out[start:end])

    share(work, len(x), _STEP)
    return out


class _Nodes(NamedTuple):
    """Nodes as :func:`_walk` reads them: unsigned, so that no index is tested for being negative.

    ``column`` is where a row holds the feature: at f with -inf for nan, at m + f with inf for it. So ``x > threshold``
    alone decides, and ``child[2 k + (x > threshold)]`` comes next; a leaf comes after itself.
    """

    column: npt.NDArray[np.uint32]
    threshold: Scores
    child: npt.NDArray[np.uint32]


def _packed(trees: Trees, m: int) -> _Nodes:
    leaf = trees.feature < 0
    # The largest float32 that is not above the threshold: x is float32, so every comparison comes out the same.
    with np.errstate(over="ignore"):  # a split between what is known and what is not has the largest float64
        threshold = trees.threshold.astype(np.float32)
    above = threshold > trees.threshold
    threshold[above] = np.nextafter(threshold[above], np.float32(-np.inf))
    left = leaf | np.where(trees.missing_zero, trees.threshold >= 0, trees.missing_left)
    column = np.where(leaf, 0, trees.feature) + np.where(left, 0, m)
    itself = np.arange(len(leaf))
    child = np.stack([np.where(leaf, itself, trees.left), np.where(leaf, itself, trees.right)], axis=1)
    return _Nodes(column.astype(np.uint32), threshold, child.astype(np.uint32).reshape(-1))


@compiled
def _depth(root: Ids, feature: Ids, left: Ids, right: Ids) -> npt.NDArray[np.int64]:
    """Splits on the longest way of each tree; a node stands after those above it."""
    depth, below = np.zeros(len(root), np.int64), np.zeros(len(feature), np.int64)
    for t in range(len(root)):
        end = root[t + 1] if t + 1 < len(root) else len(feature)
        for k in range(root[t], end):
            if feature[k] >= 0:
                below[left[k]] = max(below[left[k]], below[k] + 1)
                below[right[k]] = max(below[right[k]], below[k] + 1)
            depth[t] = max(depth[t], below[k])
    return depth


@compiled
def _along(feature: Ids, left: Ids, right: Ids, value: Floats, group: Ids, parts: Floats) -> None:
    """Give each node what the splits on the way to it have moved, by the split feature's group."""
    for k in range(len(feature)):
        if feature[k] >= 0:
            for below in (left[k], right[k]):
                parts[below] = parts[k]
                parts[below, group[feature[k]]] += value[below] - value[k]


@compiled
def _walk(
    root: npt.NDArray[np.uint32], depth: npt.NDArray[np.int64], nodes: _Nodes, values: Floats, x: Scores, out: Floats
) -> None:
    """Take 32 rows down each tree side by side: the rows and the tree stay in the cache, and no step waits for a branch."""
    column, threshold, child = nodes
    at, wide = np.empty(_ROWS, np.uint32), np.uint32(2 * x.shape[1])
    block = np.zeros(_ROWS * 2 * x.shape[1], np.float32)
    for start in range(0, len(x), _ROWS):
        n = min(_ROWS, len(x) - start)
        _copy(x[start : start + n], block)
        for t in range(len(root)):
            at[:] = root[t]
            for _ in range(depth[t]):
                for i in range(np.uint32(_ROWS)):
                    r = np.uint32(i)
                    k = at[r]
                    right = np.uint32(not (block[r * wide + column[k]] <= threshold[k]))
                    at[r] = child[np.uint32(2) * k + right]
            for i in range(n):
                for g in range(values.shape[1]):
                    out[start + i, g] += values[at[i], g]


@compiled
def _copy(x: Scores, block: Scores) -> None:
    m = x.shape[1]
    for r in range(len(x)):
        for j in range(m):
            unknown, v = np.isnan(x[r, j]), x[r, j]
            block[2 * r * m + j] = -np.inf if unknown else v
            block[2 * r * m + m + j] = np.inf if unknown else v

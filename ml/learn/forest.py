"""A random forest (Breiman 2001) of several answers at once, grown by scikit-learn and walked by our own kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ml.kernels.threads import threads
from ml.learn import trees
from ml.learn.trees import Trees

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]


MOST_ROWS = 15_000
"""A tree sees at most so many rows: more trees tell more than larger ones, and cost less."""


class Forest(NamedTuple):
    """Trees, and what each node says of each answer, over the number of trees: shape (n_nodes, n_answers)."""

    trees: Trees
    values: Floats

    def predict(self, x: Matrix) -> Floats:
        """Mean of the trees' leaves, shape (n_rows, n_answers); a missing number counts as -1."""
        return trees.summed(self.trees, np.nan_to_num(x, nan=-1.0), self.values)

    def save(self, folder: Path, name: str = "forest") -> None:
        """Two files; the same forest gives the same bytes."""
        trees.save(self.trees, folder / f"{name}_trees.npz")
        np.savez(folder / f"{name}_values.npz", values=self.values)


def read(folder: Path, name: str = "forest") -> Forest:
    """What :meth:`Forest.save` wrote."""
    with np.load(folder / f"{name}_values.npz", allow_pickle=False) as file:
        return Forest(trees.load(folder / f"{name}_trees.npz"), file["values"])


def grow(x: Matrix, y: Floats, n_trees: int, seed: int, *, leaf: int = 20) -> Forest:
    """Grow on ``x`` of shape (n_rows, n_columns) and ``y`` of shape (n_rows, n_answers).

    Each answer is scaled to deviation 1 while growing, so that none of them decides all splits.
    """
    from sklearn.ensemble import RandomForestRegressor

    scale = np.maximum(y.std(axis=0), 1e-9)
    grown = RandomForestRegressor(
        n_trees,
        min_samples_leaf=leaf,
        max_features=0.33,
        max_samples=min(1.0, max(0.5, 5_000 / len(x)), MOST_ROWS / len(x)),
        n_jobs=threads(),
        random_state=seed,
    ).fit(np.nan_to_num(x, nan=-1.0), y / scale)
    nodes, values = _flat([each.tree_ for each in grown.estimators_])
    return Forest(nodes, values * scale / n_trees)


def _flat(grown: list[Any]) -> tuple[Trees, Floats]:
    sizes = np.array([tree.node_count for tree in grown])
    root = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    shift = np.repeat(root, sizes)

    def joined(name: str) -> npt.NDArray[Any]:
        return np.concatenate([getattr(tree, name) for tree in grown])

    leaf = joined("children_left") < 0
    n = len(leaf)
    values = np.concatenate([tree.value[:, :, 0] for tree in grown])
    return Trees(
        root.astype(np.int32),
        np.where(leaf, -1, joined("feature")).astype(np.int32),
        np.where(leaf, -1, joined("children_left") + shift).astype(np.int32),
        np.where(leaf, -1, joined("children_right") + shift).astype(np.int32),
        joined("threshold").astype(np.float64),
        np.zeros(n),
        np.zeros(n, bool),
        np.zeros(n, bool),
    ), values.astype(np.float64)

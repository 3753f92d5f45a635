"""Groups of texts that are like each other, by their n-grams."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ml.kernels.compiled import Csr

Labels = npt.NDArray[np.int64]

NEAR = 0.25
"""Cosine with a cluster's mean from which a text belongs to it."""
_PASSES = 3


def contrast(x: Csr, strange: Labels) -> Csr:
    """Rows of the strange texts, each n-gram weighed by how much more of them have it than of the others; of length 1 again."""
    from scipy.sparse import diags_array

    presence = x.copy()
    presence.data = np.ones_like(presence.data)
    is_strange = np.zeros(x.shape[0], bool)
    is_strange[strange] = True
    some, others = (np.asarray(presence.T @ side.astype(np.float64)).ravel() for side in (is_strange, ~is_strange))
    ratio = np.log((some + 0.5) / (is_strange.sum() + 1)) - np.log((others + 0.5) / ((~is_strange).sum() + 1))
    rows = x[strange] @ diags_array(np.maximum(ratio, 0.0))
    length = np.sqrt(np.asarray((rows * rows).sum(axis=1)).ravel())
    return (diags_array(1 / np.maximum(length, 1e-9)) @ rows).tocsr()


def clusters(x: Csr) -> Labels:
    """Cluster of each row: leaders by the order of the rows, then means (spherical k-means, Dhillon & Modha 2001)."""
    n = x.shape[0]
    near = np.asarray((x @ x.T).todense()) if n else np.zeros((0, 0))
    leader: list[int] = []
    for i in range(n):
        if not leader or near[i, leader].max() < NEAR:
            leader.append(i)
    if not leader:
        return np.zeros(0, np.int64)
    label = near[:, leader].argmax(axis=1)
    for _ in range(_PASSES):
        of = np.zeros((n, len(leader)))
        of[np.arange(n), label] = 1
        means = np.asarray(x.T @ of)
        means /= np.maximum(np.linalg.norm(means, axis=0), 1e-9)
        label = np.round(np.asarray(x @ means), 9).argmax(axis=1)
    return np.asarray(label, np.int64)

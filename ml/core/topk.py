"""The k best items for each of many users by dense factors, exactly: a compiled kernel and its obvious reference.

Ties are broken by the smaller item number. A user with fewer than k candidates gets a list that ends in -1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from ml.core.compiled import Csr, Ids, Scores, compiled, insert, share

NOTHING = np.float32(-np.inf)
# A tile of 256 x 1024 scores is 1 MB: with the factors of its items it stays in the L2 cache from the product to the scan.
USERS_PER_TILE, ITEMS_PER_TILE = 256, 1024
USERS_PER_CALL = 2048
LANES = 32


def top_k_dense(
    users: Scores, items: Scores, k: int, exclude: Csr | None = None, *, threads: int = 1
) -> tuple[Ids, Scores]:
    """Rank items by the product of dense factors, x_u · y_i.

    Parameters
    ----------
    users : ndarray of shape (n_users, n_factors), float32
    items : ndarray of shape (n_items, n_factors), float32
    k : int
        Length of each list, at least 1.
    exclude : csr of shape (n_users, n_items), optional
        Stored entries are left out (what the user has bought), whatever their value.
    threads : int
        Worker threads, each with one BLAS thread. The process' BLAS is held to one thread meanwhile.

    Returns
    -------
    ids : ndarray of shape (n_users, k), int32
        Best first; -1 where there are no more candidates.
    scores : ndarray of shape (n_users, k), float32
        ``-inf`` where the id is -1.

    Examples
    --------
    >>> x, y = np.eye(2, dtype=np.float32), np.array([[1, 5], [3, 5], [2, 0]], dtype=np.float32)
    >>> top_k_dense(x, y, 2)[0].tolist()
    [[1, 2], [0, 1]]
    """
    x, y = (np.ascontiguousarray(a, dtype=np.float32) for a in (users, items))
    _check_dense(x, y, k, exclude)
    # Long vectors give large scores: met first, they raise the threshold that lets the scan skip all others.
    order = np.argsort(-np.einsum("if,if->i", y, y), kind="stable").astype(np.int32)
    y = y[order]
    place = np.empty_like(order)
    place[order] = np.arange(len(order), dtype=np.int32)
    ids, scores = np.full((len(x), k), -1, np.int32), np.full((len(x), k), NOTHING, np.float32)
    skip = _sorted_rows(csr_array((len(x), len(y))) if exclude is None else exclude, place)

    def work(start: int, end: int) -> None:
        buffer = np.empty(USERS_PER_TILE * ITEMS_PER_TILE, np.float32)
        for u in range(start, end, USERS_PER_TILE):
            v = min(u + USERS_PER_TILE, end)
            passed = skip.indptr[u:v].copy()
            for i in range(0, len(y), ITEMS_PER_TILE):
                j = min(i + ITEMS_PER_TILE, len(y))
                tile = buffer[: (v - u) * (j - i)].reshape(v - u, j - i)
                np.matmul(x[u:v], y[i:j].T, out=tile)
                _strike(tile, i, passed, skip.indptr[u + 1 : v + 1], skip.indices)
                _scan(tile, order[i:j], ids[u:v], scores[u:v])

    with threadpool_limits(1, user_api="blas"):
        share(work, len(x), threads, USERS_PER_CALL)
    return ids, scores


def top_k_dense_reference(users: Scores, items: Scores, k: int, exclude: Csr | None = None) -> tuple[Ids, Scores]:
    """:func:`top_k_dense` in the obvious way: all scores, one sort."""
    scores = np.asarray(users, np.float32) @ np.asarray(items, np.float32).T
    if exclude is not None:
        scores[exclude.tocoo().coords if hasattr(exclude.tocoo(), "coords") else exclude.nonzero()] = NOTHING
    ids = np.broadcast_to(np.arange(len(items)), scores.shape)
    best = np.lexsort((ids, -scores))[:, :k]
    found = np.take_along_axis(scores, best, 1)
    return _padded(np.where(np.isneginf(found), -1, best), k, -1, np.int32), _padded(found, k, -np.inf, np.float32)


@compiled
def _strike(tile: Scores, offset: int, passed: Ids, ends: Ids, excluded: Ids) -> None:
    """Take the excluded items out of a tile; ``passed[u]`` is how far row u's sorted exclusions have been used."""
    for u in range(tile.shape[0]):
        p = passed[u]
        while p < ends[u] and excluded[p] < offset + tile.shape[1]:
            tile[u, excluded[p] - offset] = -np.inf
            p += 1
        passed[u] = p


@compiled
def _scan(tile: Scores, names: Ids, ids: Ids, scores: Scores) -> None:
    """Merge a tile's scores into the sorted lists. θ_u = the k-th best of row u so far; most blocks have none above it."""
    width, k = tile.shape[1], ids.shape[1]
    for u in range(tile.shape[0]):
        row = tile[u]
        theta = scores[u, k - 1]
        for start in range(0, width - width % LANES, LANES):
            above = 0
            for lane in range(LANES):  # a fixed count of comparisons without a branch: the compiler makes it SIMD
                above |= row[start + lane] >= theta
            if above:
                for i in range(start, start + LANES):
                    if row[i] >= theta:
                        theta = insert(ids[u], scores[u], names[i], row[i])
        for i in range(width - width % LANES, width):
            if row[i] >= theta:
                theta = insert(ids[u], scores[u], names[i], row[i])


def _sorted_rows(matrix: Csr, place: Ids) -> Csr:
    """``matrix`` with its columns renumbered by ``place``, sorted in each row."""
    rows = csr_array(matrix)
    moved = csr_array((np.ones(rows.nnz, np.int8), place[rows.indices], rows.indptr), shape=rows.shape)
    moved.sort_indices()
    moved.indptr = moved.indptr.astype(np.int64)
    return moved


def _padded(values: npt.NDArray[Any], k: int, fill: float, dtype: type) -> npt.NDArray[Any]:
    out: npt.NDArray[Any] = np.full((len(values), k), fill, dtype)
    out[:, : values.shape[1]] = values
    return out


def _check_dense(x: Scores, y: Scores, k: int, exclude: Csr | None) -> None:
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise ValueError(f"users and items need the same number of factors, got {x.shape} and {y.shape}")
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    if exclude is not None and exclude.shape != (len(x), len(y)):
        raise ValueError(f"exclude must have shape {(len(x), len(y))}, got {exclude.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("the factors must be finite, got NaN or infinity")

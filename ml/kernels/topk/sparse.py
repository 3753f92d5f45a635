"""The k best items for each of many users by a sparse product, exactly, and why: a kernel and its obvious reference."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from ml.kernels.compiled import Csr, Ids, Scores, compiled, insert, share

USERS_PER_CALL = 2048
Arrays = tuple[npt.NDArray[np.int64], Ids, Scores]
"""``indptr``, ``indices`` and ``data`` of a CSR."""


def top_k_sparse(history: Csr, similar: Csr, k: int, exclude: Csr | None = None) -> tuple[Ids, Scores, Ids]:
    """Rank items by a sparse product, r_u = Σ_j h_uj s_j, of which no more than one row is ever held.

    Parameters
    ----------
    history : csr of shape (n_users, n_sources), float32
    similar : csr of shape (n_sources, n_items), float32
    k : int
        Length of each list, at least 1.
    exclude : csr of shape (n_users, n_items), optional
        Stored entries are left out, whatever their value.

    Returns
    -------
    ids : ndarray of shape (n_users, k), int32
        Best first; -1 where no more items are reached from the user's history.
    scores : ndarray of shape (n_users, k), float32
        0 where the id is -1.
    source : ndarray of shape (n_users, k), int32
        The j whose h_uj s_ji is largest: why the item is there. -1 where the id is -1.

    Ties are broken by the smaller item number. An item whose sum is 0 is no candidate.

    Notes
    -----
    Gustavson's row-wise product (ACM TOMS 1978) with the selection fused in; memory is O(n_items) per thread.
    """
    h, s = _rows(history), _rows(similar)
    skip = csr_array((h.shape[0], s.shape[1]), dtype=np.float32) if exclude is None else csr_array(exclude)
    _check_sparse(h, s, k, skip)
    n = h.shape[0]
    ids, source = np.full((n, k), -1, np.int32), np.full((n, k), -1, np.int32)
    scores = np.full((n, k), -np.inf, np.float32)

    def work(start: int, end: int) -> None:
        _lists(
            (start, end),
            _parts(h),
            _parts(s),
            _parts(skip)[:2],
            s.shape[1],
            (ids, scores, source),
        )

    share(work, n, USERS_PER_CALL)
    scores[ids < 0] = 0
    return ids, scores, source


def top_k_sparse_reference(history: Csr, similar: Csr, k: int, exclude: Csr | None = None) -> tuple[Ids, Scores, Ids]:
    """:func:`top_k_sparse` in the obvious way, a user and an item at a time."""
    h, s = history.toarray(), similar.toarray()
    skip = csr_array((len(h), s.shape[1])) if exclude is None else csr_array(exclude)
    ids, source = np.full((len(h), k), -1, np.int32), np.full((len(h), k), -1, np.int32)
    scores = np.zeros((len(h), k), np.float32)
    for u in range(len(h)):
        r = h[u] @ s
        r[skip.indices[skip.indptr[u] : skip.indptr[u + 1]]] = 0
        best = sorted(np.flatnonzero(r), key=lambda i: (-r[i], i))[:k]
        for rank, i in enumerate(best):
            ids[u, rank], scores[u, rank] = i, r[i]
            source[u, rank] = np.argmax(np.where((h[u] != 0) & (s[:, i] != 0), h[u] * s[:, i], -np.inf))
    return ids, scores, source


# The three passes of a user read the same few similarity rows, which lie in the L1 cache after the first. Indices are
# cast to unsigned: that spares Numba's test for negative ones, a fifth of the time.


@compiled
def _lists(
    span: tuple[int, int],
    history: Arrays,
    similar: Arrays,
    skip: tuple[npt.NDArray[np.int64], Ids],
    m: int,
    lists: tuple[Ids, Scores, Ids],
) -> None:
    """Make the lists of users [start, end) = ``span``. Matrices come as (indptr, indices, data)."""
    hp, hj, hx = history
    xp, xi = skip
    ids, scores, source = lists
    r = np.zeros(m, np.float32)
    place = np.full(m, -1, np.int32)
    for u in range(span[0], span[1]):
        js, weights = hj[hp[u] : hp[u + 1]], hx[hp[u] : hp[u + 1]]
        _sum(js, weights, similar, r)
        for p in range(xp[u], xp[u + 1]):
            r[np.uint32(xi[p])] = 0
        _pick(js, similar, r, ids[u], scores[u])
        _explain(js, weights, similar, place, ids[u], source[u])


@compiled
def _sum(js: Ids, weights: Scores, similar: Arrays, r: Scores) -> None:
    """Add up r = Σ_j h_j s_j over a scratch of zeros."""
    sp, si, sx = similar
    for t in range(len(js)):
        for q in range(sp[js[t]], sp[js[t] + 1]):
            r[np.uint32(si[q])] += weights[t] * sx[q]


@compiled
def _pick(js: Ids, similar: Arrays, r: Scores, ids: Ids, scores: Scores) -> None:
    """Move the best of r into the list, and leave r zero again."""
    sp, si, _ = similar
    theta = scores[-1]
    for j in js:
        for q in range(sp[j], sp[j + 1]):
            i = np.uint32(si[q])
            score = r[i]
            r[i] = 0
            if score >= theta and score != 0:
                theta = insert(ids, scores, si[q], score)


@compiled
def _explain(js: Ids, weights: Scores, similar: Arrays, place: Ids, ids: Ids, source: Ids) -> None:
    """Find source_r, the j with the largest h_j s_ji, i = ids_r. ``place`` is a scratch of -1 and is left so."""
    sp, si, sx = similar
    largest = np.full(len(ids), -np.inf, np.float32)
    for rank in range(len(ids)):
        if ids[rank] >= 0:
            place[ids[rank]] = rank
    for t in range(len(js)):
        for q in range(sp[js[t]], sp[js[t] + 1]):
            rank = place[np.uint32(si[q])]
            if rank >= 0 and weights[t] * sx[q] > largest[rank]:
                largest[rank] = weights[t] * sx[q]
                source[rank] = js[t]
    for i in ids:
        if i >= 0:
            place[i] = -1


def _rows(matrix: Csr) -> Csr:
    """``matrix`` as CSR with float32 values, indices sorted in each row, no duplicates and no zeros; a copy if need be."""
    rows = csr_array(matrix, dtype=np.float32)
    if not rows.has_canonical_format or not rows.data.all():
        rows = rows.copy()
        rows.sum_duplicates()
        rows.eliminate_zeros()
    return rows


def _parts(matrix: Csr) -> Arrays:
    """The arrays of a CSR in one set of types: the kernel is compiled once for each set that it meets."""
    return matrix.indptr.astype(np.int64, copy=False), matrix.indices.astype(np.int32, copy=False), matrix.data


def _check_sparse(h: Csr, s: Csr, k: int, skip: Csr) -> None:
    if h.shape[1] != s.shape[0] or skip.shape != (h.shape[0], s.shape[1]):
        raise ValueError(f"history {h.shape}, similar {s.shape} and exclude {skip.shape} do not fit")
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    if not (np.isfinite(h.data).all() and np.isfinite(s.data).all()):
        raise ValueError("history and similar must be finite, got NaN or infinity")

"""The k best items for each of many users by dense factors, exactly: a compiled kernel and its obvious reference.

Ties are broken by the smaller item number. A user with fewer than k candidates gets a list that ends in -1.
A score is the sum of its products in float64, in the order that :func:`ml.kernels.topk.vectors.score` fixes, rounded once to float32: it depends
neither on the number of threads nor on the processor.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba.cpython.unsafe.numbers import trailing_zeros
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from ml.kernels.compiled import Csr, Ids, Scores, compiled, insert, share
from ml.kernels.topk.screen import ITEM_MOST, SLACK, USER_MOST, Codes, Doubles, encode, pack_items, pack_users, rotation
from ml.kernels.topk.vectors import DOUBLES, ITEMS, USERS, score, screen

NOTHING = np.float32(-np.inf)
EACH_PASSES, NONE_PASSES = -(2**15), 2**15 - 1
LARGEST, SMALLEST = float(np.finfo(np.float32).max), float(np.finfo(np.float32).smallest_subnormal)
BLOCKS = 8  # a panel of 8 x 32 items has one set of bounds; its codes lie in the L1 cache
PANEL = BLOCKS * ITEMS
USERS_PER_CALL = 1024
ENCODED_AT_ONCE = 8192  # items: what encoding needs in float64 stays a few MB


class Catalogue(NamedTuple):
    """Items sorted by falling length |y|, as the kernel reads them."""

    names: Ids  # (n_items,): the item's number
    exact: Scores  # (n_items, n_factors padded with zeros to whole DOUBLES)
    packed: npt.NDArray[np.uint8]
    bounds: Doubles  # (n_panels, 5): 1 / largest b, 1 / smallest b, largest |e_y| / b, largest |y| / b, largest |y|


class Customers(NamedTuple):
    """Some users, as the kernel reads them."""

    exact: Scores
    packed: npt.NDArray[np.int32]
    undo: npt.NDArray[np.int16]
    bounds: Doubles  # (n_users, 4): 1 / a, |q_x|, |e_x| / a, |x|


class Skip(NamedTuple):
    """Excluded items of some users: those of user u are ``places[starts[u]:starts[u + 1]]``, rising."""

    starts: npt.NDArray[np.int64]
    places: Ids  # in the catalogue
    met: npt.NDArray[np.int64]  # (n_users,): where the first stands that the kernel has not passed yet


class Scratch(NamedTuple):
    """What the kernel shows to, and gets from, :func:`ml.kernels.topk.vectors.screen`."""

    group: Ids
    floors: npt.NDArray[np.int16]
    masks: npt.NDArray[np.uint32]


def top_k_dense(users: Scores, items: Scores, k: int, exclude: Csr | None = None) -> tuple[Ids, Scores]:
    """Rank items by the product of dense factors, x_u · y_i.

    Parameters
    ----------
    users : ndarray of shape (n_users, n_factors), float32
    items : ndarray of shape (n_items, n_factors), float32
    k : int
        Length of each list, at least 1.
    exclude : csr of shape (n_users, n_items), optional
        Stored entries are left out (what the user has bought), whatever their value.

    Returns
    -------
    ids : ndarray of shape (n_users, k), int32
        Best first; -1 where there are no more candidates.
    scores : ndarray of shape (n_users, k), float32
        ``-inf`` where the id is -1.

    Notes
    -----
    Items are met by falling length |y|. A user is done when θ, the k-th best score so far, is above |x| |y|; before that,
    only items whose upper bound by :mod:`ml.kernels.topk.screen` reaches θ are scored. Lengths that prune: LEMP (Teflioudi,
    Gemulla, Mykytiuk, SIGMOD 2015); a first pass over small integers: FEXIPRO (Li, Chan, Yiu, Mamoulis, SIGMOD 2017).
    Memory beside the input and the lists: the items once more and their codes, and some MB per thread.

    Examples
    --------
    >>> x, y = np.eye(2, dtype=np.float32), np.array([[1, 5], [3, 5], [2, 0]], dtype=np.float32)
    >>> top_k_dense(x, y, 2)[0].tolist()
    [[1, 2], [0, 1]]
    """
    x, y = (np.ascontiguousarray(a, dtype=np.float32) for a in (users, items))
    _check_dense(x, y, k, exclude)
    ids, scores = np.full((len(x), k), -1, np.int32), np.full((len(x), k), NOTHING, np.float32)
    turn = rotation(y.shape[1])
    catalogue = _catalogue(y, turn)
    place = np.empty_like(catalogue.names)
    place[catalogue.names] = np.arange(len(y), dtype=np.int32)
    skip = csr_array((len(x), len(y))) if exclude is None else csr_array(exclude)

    def work(start: int, end: int) -> None:
        excluded = _places(skip[start:end], place)
        _lists(catalogue, _customers(x[start:end], turn), excluded, ids[start:end], scores[start:end])

    with threadpool_limits(1, user_api="blas"):
        share(work, len(x), USERS_PER_CALL)
    return ids, scores


def top_k_dense_reference(users: Scores, items: Scores, k: int, exclude: Csr | None = None) -> tuple[Ids, Scores]:
    """:func:`top_k_dense` in the obvious way: all scores, one sort."""
    x, y = np.asarray(users, np.float64), np.asarray(items, np.float64)
    lanes = np.zeros((DOUBLES, len(x), len(y)))
    for f in range(x.shape[1]):
        lanes[f % DOUBLES] += np.multiply.outer(x[:, f], y[:, f])
    while len(lanes) > 1:  # lane 0 + lane 4, ...
        lanes = lanes[: len(lanes) // 2] + lanes[len(lanes) // 2 :]
    with np.errstate(over="ignore"):
        scores = lanes[0].astype(np.float32)
    if exclude is not None:
        scores[exclude.tocoo().coords if hasattr(exclude.tocoo(), "coords") else exclude.nonzero()] = NOTHING
    ids = np.broadcast_to(np.arange(len(items)), scores.shape)
    best = np.lexsort((ids, -scores))[:, :k]
    found = np.take_along_axis(scores, best, 1)
    return _padded(np.where(np.isneginf(found), -1, best), k, -1, np.int32), _padded(found, k, -np.inf, np.float32)


@compiled
def _lists(catalogue: Catalogue, users: Customers, skip: Skip, ids: Ids, scores: Scores) -> None:
    """Fill the lists of ``users``, panel after panel of items."""
    scratch = Scratch(np.empty(USERS, np.int32), np.empty(USERS, np.int16), np.empty(USERS, np.uint32))
    active = np.empty(len(ids), np.int32)
    n = 0
    for u in range(len(ids)):
        if users.bounds[u, 3] > 0:
            active[n] = u
            n += 1
        else:
            _list_zeros(catalogue.names, skip.places[skip.starts[u] : skip.starts[u + 1]], ids[u], scores[u])
    for panel in range(len(catalogue.bounds)):
        reach = catalogue.bounds[panel, 4] * (1 + SLACK)
        left = 0
        for u in active[:n]:
            if min(scores[u, -1], LARGEST) <= users.bounds[u, 3] * reach + SMALLEST:
                active[left] = u
                left += 1
        n = left
        for first in range(0, n, USERS):
            _visit(catalogue, panel, users, active[first : min(first + USERS, n)], skip, scratch, ids, scores)


@compiled
def _visit(
    catalogue: Catalogue,
    panel: int,
    users: Customers,
    some: Ids,
    skip: Skip,
    scratch: Scratch,
    ids: Ids,
    scores: Scores,
) -> None:
    """Show a panel of items to at most four users."""
    group, floors, masks = scratch
    bounds = catalogue.bounds[panel]
    floors[:] = NONE_PASSES
    group[:] = some[0]
    for t in range(len(some)):
        group[t] = some[t]
        floors[t] = _floor(scores[some[t], -1], users.bounds[some[t]], bounds)
    if floors.min() == NONE_PASSES:
        return
    n_pairs = users.packed.shape[1]
    for start in range(panel * PANEL, min((panel + 1) * PANEL, len(catalogue.names)), ITEMS):
        screen(catalogue.packed, start * 2 * n_pairs, users.packed, users.undo, group, floors, n_pairs, masks)
        for t in range(len(some)):
            if masks[t]:
                u = some[t]
                _admit(catalogue, start, masks[t], users.exact[u], skip, u, ids[u], scores[u])
                floors[t] = _floor(scores[u, -1], users.bounds[u], bounds)


@compiled
def _floor(theta: float, user: Doubles, panel: Doubles) -> int:
    """Give a product of codes that every item of the panel must exceed to be among the user's best."""
    inverse_a, code_length, rest, _ = user
    theta = min(theta, LARGEST)
    theta -= SLACK * abs(theta) + SMALLEST  # what the rounding to float32 may have added to a score
    inverse_b = panel[0] if theta > 0 else panel[1]
    least = theta * inverse_a * inverse_b - code_length * panel[2] - rest * panel[3]
    return int(min(max(np.floor(least) - 1, EACH_PASSES), NONE_PASSES))


@compiled
def _admit(
    catalogue: Catalogue, start: int, mask: int, x: Scores, skip: Skip, u: int, ids: Ids, scores: Scores
) -> None:
    """Score the items of a block that ``mask`` names, and insert those that are good enough and not excluded."""
    left = np.int64(mask)
    while left:
        i = start + trailing_zeros(left)
        left &= left - 1
        if i >= len(catalogue.names):  # a last block is filled up
            return
        s = score(x, catalogue.exact[i])
        if s >= scores[-1]:
            while skip.met[u] < skip.starts[u + 1] and skip.places[skip.met[u]] < i:
                skip.met[u] += 1
            if skip.met[u] == skip.starts[u + 1] or skip.places[skip.met[u]] != i:
                insert(ids, scores, catalogue.names[i], s)


@compiled
def _list_zeros(names: Ids, skip: Ids, ids: Ids, scores: Scores) -> None:
    """List the smallest numbers: the user's vector is 0, and so are all scores."""
    excluded = np.sort(names[skip])
    rank = 0
    for i in range(len(names)):
        p = np.searchsorted(excluded, i)
        if p == len(excluded) or excluded[p] != i:
            ids[rank], scores[rank] = i, 0
            rank += 1
            if rank == len(ids):
                return


def _catalogue(y: Scores, turn: Doubles) -> Catalogue:
    """Sort and encode the items."""
    order = np.argsort(-np.einsum("if,if->i", y, y, dtype=np.float64), kind="stable").astype(np.int32)
    y = y[order]
    parts = [encode(y[i : i + ENCODED_AT_ONCE], turn, ITEM_MOST) for i in range(0, max(1, len(y)), ENCODED_AT_ONCE)]
    codes = Codes(*(np.concatenate(field) for field in zip(*parts, strict=True)))
    each = np.stack(
        [1 / codes.scale, 1 / codes.scale, codes.rest / codes.scale, codes.length / codes.scale, codes.length]
    )
    starts = np.arange(0, len(y), PANEL)
    bounds = np.maximum.reduceat(each, starts, axis=1) if len(y) else each
    if len(y):
        bounds[0] = np.minimum.reduceat(each[0], starts)
    return Catalogue(order, _whole_lanes(y), pack_items(codes.codes), np.ascontiguousarray(bounds.T))


def _customers(x: Scores, turn: Doubles) -> Customers:
    codes = encode(x, turn, USER_MOST)
    rest = (codes.rest + SLACK * codes.length) / codes.scale
    bounds = np.stack([1 / codes.scale, codes.code_length, rest, codes.length], axis=1)
    return Customers(_whole_lanes(x), *pack_users(codes.codes), bounds)


def _whole_lanes(vectors: Scores) -> Scores:
    """``vectors`` with zeros behind, up to a multiple of DOUBLES."""
    return np.pad(vectors, ((0, 0), (0, -vectors.shape[1] % DOUBLES)))


def _places(rows: Csr, place: Ids) -> Skip:
    """Where the stored entries of ``rows`` stand in the catalogue, sorted in each row."""
    moved = csr_array((np.ones(rows.nnz, np.int8), place[rows.indices], rows.indptr), shape=rows.shape)
    moved.sort_indices()
    starts = moved.indptr.astype(np.int64)
    return Skip(starts, moved.indices.astype(np.int32), starts[:-1].copy())


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

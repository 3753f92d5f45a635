"""What looks alike: the nearest pictures, in which way they are alike, and which are the same photo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import csr_array

from ml.kernels.topk.dense import top_k_dense
from ml.learn.descriptors import COLOURS, NEAR_WHITE, Floats, describe
from ml.learn.looks import pixels_of

BLOCK = 2_048
SAME_SHAPE = 0.8
"""Cosine of the edges from which two shapes are said to be alike."""
BLANK = 0.025
"""Standard deviation of the brightness (0 to 1) below which a picture shows nothing."""
SAME_PHOTO = 7.0
"""Mean difference of the pixels (0 to 255) up to which two pictures are one photo."""
MANY = 5
"""Products with the same file beyond which each is paired with the first alone."""


class Seen(NamedTuple):
    """Measures of the catalogue's pictures, one row each.

    Parameters
    ----------
    colour : ndarray of shape (n,), int64
        Place of the main colour in ``COLOURS``.
    edges : ndarray of shape (n, 216), float16
    spread : ndarray of shape (n,), float32
    small : ndarray of shape (n, 16, 12, 3), uint8
        The picture in 16 x 12 pixels.
    """

    colour: npt.NDArray[np.int64]
    edges: npt.NDArray[np.float16]
    spread: Floats
    small: npt.NDArray[np.uint8]


class Near(NamedTuple):
    """For each picture the nearest others of products for sale: rows ``(n, k)``, -1 for no more, and cosines."""

    rows: npt.NDArray[np.int64]
    scores: Floats


def measure(shown: pa.Table) -> Seen:
    """Measure the pictures block by block: the pixels of a large catalogue do not fit in memory."""
    parts = [
        Seen(
            np.zeros(0, np.int64),
            np.zeros((0, 216), np.float16),
            np.zeros(0, np.float32),
            np.zeros((0, 16, 12, 3), np.uint8),
        )
    ]
    for start in range(0, len(shown), BLOCK):
        pixels = pixels_of(shown["content"].slice(start, BLOCK).to_pylist())
        found = describe(pixels)
        small = pixels.reshape(len(pixels), 16, 4, 12, 4, 3).mean(axis=(2, 4)).astype(np.uint8)
        parts.append(Seen(found.colour(), found.edges.astype(np.float16), found.spread, small))
    return Seen(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def neighbours(x: Floats, active: npt.NDArray[np.bool_], k: int) -> Near:
    """The ``k`` nearest to each row among those for sale, by cosine; a row is not near to itself, nor one of zeros to any."""
    known = (x != 0).any(axis=1)
    items = np.flatnonzero(active & known)
    k = min(k, len(items))
    if k < 1 or not len(x):
        return Near(np.zeros((len(x), 0), np.int64), np.zeros((len(x), 0), np.float32))
    column = np.full(len(x), -1)
    column[items] = np.arange(len(items))
    own = (active & known).astype(np.int64)
    itself = csr_array(
        (np.ones(len(items), np.float32), column[items].astype(np.int32), np.r_[0, np.cumsum(own)]),
        shape=(len(x), len(items)),
    )
    ids, scores = top_k_dense(x, np.ascontiguousarray(x[items]), k, itself)
    valid = (ids >= 0) & np.isfinite(scores) & known[:, None]
    rows = np.where(valid, items[np.where(valid, ids, 0)], -1)
    rows[rows == np.arange(len(x))[:, None]] = -1
    return Near(rows, np.where(rows >= 0, np.clip(scores, -1, 1), 0).astype(np.float32))


def similar(shown: pa.Table, seen: Seen, near: Near) -> Mapping[str, pa.Array]:
    """Columns of ``similar_look``."""
    row, place = np.nonzero(near.rows >= 0)
    other = near.rows[row, place]
    rank = np.cumsum(near.rows >= 0, axis=1)[row, place]
    ids = shown["product_id"].combine_chunks()
    return {
        "product_id": ids.take(pa.array(row)),
        "rank": pa.array(rank, pa.int64()),
        "similar_product_id": ids.take(pa.array(other)),
        "score": pa.array(near.scores[row, place].astype(np.float64)),
        "reason": pa.array(_words(shown, seen, row, other), pa.string()),
    }


def _words(shown: pa.Table, seen: Seen, row: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> list[str]:
    category = shown["category"].to_pylist()
    shape = np.concatenate(
        [np.zeros(0, bool)]
        + [
            np.einsum(
                "id,id->i", *(seen.edges[part[start : start + BLOCK]].astype(np.float32) for part in (row, other))
            )
            >= SAME_SHAPE
            for start in range(0, len(row), BLOCK)
        ]
    )
    hash_ = shown["content_hash"].to_pylist()
    reasons = []
    for one, two, alike in zip(row.tolist(), other.tolist(), shape.tolist(), strict=True):
        words = []
        if hash_[one] == hash_[two]:
            words.append("the same picture")
        if category[one] and category[one] == category[two]:
            words.append(f"same kind ({category[one]})")
        if seen.colour[one] == seen.colour[two]:
            words.append(f"both {COLOURS[seen.colour[one]]}")
        if alike:
            words.append("same shape")
        reasons.append(", ".join(words) or "alike on the whole")
    return reasons


def duplicates(shown: pa.Table, seen: Seen, near: Near) -> Mapping[str, pa.Array]:
    """Columns of ``duplicate_picture``: equal files, and near pictures whose pixels hardly differ. A blank one is none."""
    ids, hashes = shown["product_id"].to_pylist(), shown["content_hash"].to_pylist()
    full = seen.spread >= BLANK
    pairs: dict[tuple[int, int], float] = {}
    groups: dict[str, list[int]] = {}
    for row in np.flatnonzero(full).tolist():
        groups.setdefault(hashes[row], []).append(row)
    for rows in groups.values():
        firsts = rows if len(rows) <= MANY else rows[:1]
        pairs |= {(one, two): 0.0 for one in firsts for two in rows if one < two}
    query, place = np.nonzero(near.rows >= 0)
    other = near.rows[query, place]
    low, high = np.minimum(query, other), np.maximum(query, other)
    both = full[low] & full[high]
    for first, second in np.unique(np.stack([low[both], high[both]], axis=1), axis=0).tolist():
        if hashes[first] != hashes[second]:
            apart = difference(seen.small[first], seen.small[second])
            if apart <= SAME_PHOTO:
                pairs[first, second] = apart
    found = sorted(pairs)
    apart_ = [pairs[pair] for pair in found]
    same = [hashes[one] == hashes[two] for one, two in found]
    return {
        "product_id": pa.array([ids[one] for one, _ in found], pa.string()),
        "other_product_id": pa.array([ids[two] for _, two in found], pa.string()),
        "same_file": pa.array(same, pa.bool_()),
        "difference": pa.array(apart_, pa.float64()),
        "reason": pa.array(
            [
                "the same file"
                if equal
                else f"the same photo, cut or packed anew (pixels differ by {apart:.1f} of 255)"
                for equal, apart in zip(same, apart_, strict=True)
            ],
            pa.string(),
        ),
    }


def difference(one: npt.NDArray[np.uint8], two: npt.NDArray[np.uint8]) -> float:
    """Mean difference of the pixels, 0 to 255, of those that are not white in both: on white most pictures are white."""
    a, b = one.astype(np.float64), two.astype(np.float64)
    white = NEAR_WHITE * 255
    shown = (a.min(axis=2) <= white) | (b.min(axis=2) <= white)
    return float(np.abs(a - b)[shown].mean()) if shown.any() else 0.0

"""Likeness of products by what the shop says of them, exactly: compiled kernels and their obvious reference."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from ml.kernels.compiled import Csr, Ids, Scores, compiled, insert, share

ROWS_PER_TILE, COLUMNS_PER_TILE = 256, 1024
ROWS_PER_CALL = 2048
LANES = 32

Weights = tuple[float, float, float, float]
"""Of text, category, brand and price."""


class Traits(NamedTuple):
    """What is compared, per product."""

    text: Scores
    """(n_products, n_dimensions), rows of length 1 or 0."""
    category: Ids
    """A number for each; -1: unknown, like no other."""
    brand: Ids
    level: Scores
    """ln(price) / σ; NaN: unknown."""


def nearest(traits: Traits, rows: Ids, k: int, weights: Weights) -> tuple[Ids, Scores]:
    """Find the k products most alike to each of ``rows``, itself left out.

    Returns
    -------
    ids : ndarray of shape (n_rows, k), int32
        Most alike first, ties by the smaller number; -1 where no other product is like it at all.
    scores : ndarray of shape (n_rows, k), float32
        s_ij; 0 where the id is -1.

    Notes
    -----
    Tiles of the texts' product stay in the cache while the other parts are added and scanned; n² is never held.
    100,000 products with 96 dimensions are 2 · 10¹² operations, done once per fit.
    """
    m = len(traits.text)
    ids, scores = np.full((len(rows), k), -1, np.int32), np.full((len(rows), k), -np.inf, np.float32)
    four = np.array(weights, np.float32)

    def work(start: int, end: int) -> None:
        buffer = np.empty(ROWS_PER_TILE * COLUMNS_PER_TILE, np.float32)
        for u in range(start, end, ROWS_PER_TILE):
            mine = rows[u : min(u + ROWS_PER_TILE, end)]
            x = traits.text[mine]
            for i in range(0, m, COLUMNS_PER_TILE):
                j = min(i + COLUMNS_PER_TILE, m)
                tile = buffer[: len(mine) * (j - i)].reshape(len(mine), j - i)
                np.matmul(x, traits.text[i:j].T, out=tile)
                _complete(tile, mine, i, traits.category, traits.brand, traits.level, four)
                _scan(tile, i, ids[u : u + len(mine)], scores[u : u + len(mine)])

    with threadpool_limits(1, user_api="blas"):
        share(work, len(rows), ROWS_PER_CALL)
    scores[ids < 0] = 0
    return ids, scores


def likeness(traits: Traits, weights: Weights) -> npt.NDArray[np.float64]:
    """All s_ij by the formula of :mod:`content`, (n_products, n_products); the reference."""
    x, level = traits.text.astype(np.float64), traits.level.astype(np.float64)
    same = [(code[:, None] == code) & (code >= 0) for code in (traits.category, traits.brand)]
    price = np.nan_to_num(np.maximum(0, 1 - np.abs(level[:, None] - level)))
    parts = (np.maximum(0, x @ x.T), *same, price)
    return np.asarray(sum(weight * part for weight, part in zip(weights, parts, strict=True)), np.float64)


def score_pairs(
    traits: Traits,
    weights: Weights,
    sharpness: int,
    history: Csr,
    ends: npt.NDArray[np.int64],
    items: Ids,
) -> Scores:
    """Score Σ_j≠i h_uj s_ij^γ / Σ_j h_uj for row u's items ``[ends[u], ends[u + 1])``: (n_items,), float32."""
    made = np.zeros(len(items), np.float32)
    rows = history.indptr.astype(np.int64), history.indices.astype(np.int32), history.data.astype(np.float32)
    four = np.array(weights, np.float32)

    def work(start: int, end: int) -> None:
        _score((start, end), rows, ends, items, traits, (four, sharpness), made)

    with threadpool_limits(1, user_api="blas"):
        share(work, history.shape[0], ROWS_PER_CALL)
    return made


@compiled
def _complete(tile: Scores, rows: Ids, offset: int, category: Ids, brand: Ids, level: Scores, weights: Scores) -> None:
    """Make x_i·x_j into s_ij. Without branches but the last, so that the compiler makes it SIMD."""
    w_text, w_category, w_brand, w_price = weights
    zero, one = np.float32(0), np.float32(1)
    for u in range(tile.shape[0]):
        row = tile[u]
        i = rows[u]
        c, b, p = category[i], brand[i], level[i]
        # An unknown category of the row is set to a number that no product has.
        c, b = c if c >= 0 else np.int32(-2), b if b >= 0 else np.int32(-2)
        for t in range(len(row)):
            s = w_text * max(row[t], zero)
            s += w_category if category[offset + t] == c else zero
            s += w_brand if brand[offset + t] == b else zero
            gap = one - abs(level[offset + t] - p)  # NaN where one is unknown, and NaN > 0 is false
            s += w_price * gap if gap > zero else zero
            row[t] = s
        if offset <= i < offset + len(row):
            row[i - offset] = -np.inf


@compiled
def _scan(tile: Scores, offset: int, ids: Ids, scores: Scores) -> None:
    """Merge a tile into the sorted lists; what is like nothing stays out. As in :mod:`ml.kernels.topk.dense`."""
    width, k = tile.shape[1], ids.shape[1]
    for u in range(tile.shape[0]):
        row = tile[u]
        theta = scores[u, k - 1]
        for start in range(0, width, LANES):
            stop = min(start + LANES, width)
            above = 0
            if stop - start == LANES:
                for lane in range(LANES):
                    above |= row[start + lane] >= theta
            if above or stop - start < LANES:
                for t in range(start, stop):
                    if row[t] >= theta and row[t] > 0:
                        theta = insert(ids[u], scores[u], offset + t, row[t])


@compiled
def _score(
    span: tuple[int, int],
    history: tuple[npt.NDArray[np.int64], Ids, Scores],
    ends: npt.NDArray[np.int64],
    items: Ids,
    traits: Traits,
    how: tuple[Scores, int],
    made: Scores,
) -> None:
    """Fill ``made`` for rows [start, end) = ``span``; all texts' products of a row are one small BLAS call."""
    hp, hj, hx = history
    (w_text, w_category, w_brand, w_price), gamma = how[0], how[1]
    x, category, brand, level = traits
    for u in range(span[0], span[1]):
        js, h = hj[hp[u] : hp[u + 1]], hx[hp[u] : hp[u + 1]]
        mine = items[ends[u] : ends[u + 1]]
        if len(js) == 0 or len(mine) == 0:
            continue
        dots = np.dot(x[mine], x[js].T)
        total = h.sum()
        for t in range(len(mine)):
            i = mine[t]
            r = 0.0
            for q in range(len(js)):
                j = js[q]
                s = w_text * max(dots[t, q], np.float32(0))
                if category[i] == category[j] and category[i] >= 0:
                    s += w_category
                if brand[i] == brand[j] and brand[i] >= 0:
                    s += w_brand
                gap = np.float32(1) - abs(level[i] - level[j])
                if gap > 0:
                    s += w_price * gap
                if i != j:
                    r += h[q] * s**gamma
            made[ends[u] + t] = r / total

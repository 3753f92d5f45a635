"""What happened before each order at its customer, device, card …: counts in windows, exactly, in one pass over sorted rows.

A row is an order. It asks at ``at`` (when it was placed) and can be counted from ``since`` on (when it became known, at
the earliest when it was placed): an order placed at t sees the rows with ``since < t``, in a window of w seconds those
with ``t - w <= since < t``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.kernels.compiled import compiled, share
from ml.kernels.groups import ends_of

Longs = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]

MOST = 32_767
"""Counts in windows end here: it is the largest int16, and no model needs to tell more apart."""
_PARTS = 20_000


@dataclass(frozen=True)
class Groups:
    """Rows by what they share. Group g has the rows ``[start[g], start[g + 1])`` of both lists.

    Parameters
    ----------
    start : ndarray of shape (n_groups + 1,), int64
    asking : ndarray of int32
        Rows in the order of ``at``.
    counted : ndarray of int32
        Rows in the order of ``since``.
    """

    start: Longs
    asking: Codes
    counted: Codes


def codes(keys: Longs) -> tuple[Codes, int]:
    """Number the different keys from 0 in the order in which they come; key 0 means none and gets -1.

    Examples
    --------
    >>> codes(np.array([7, 0, 9, 7]))[0].tolist()
    [0, -1, 1, 0]
    """
    return _codes(np.ascontiguousarray(keys, np.int64))  # type: ignore[no-any-return]


def group(code: Codes, n: int, by_at: Codes, by_since: Codes) -> Groups:
    """Put rows of the same code together; rows without one (-1) are left out."""
    start = ends_of(np.bincount(code[code >= 0], minlength=n))
    return Groups(start, _sorted(code, start, by_at), _sorted(code, start, by_since))


def orders(groups: Groups, at: Longs, since: Longs, spans: Longs) -> tuple[Counts, Longs]:
    """Count the earlier orders of each row's group.

    Returns
    -------
    windows : ndarray of shape (n_rows, n_spans), int16
        Orders in the ``spans`` seconds before; at most ``MOST``; 0 for a row without a group.
    seen : ndarray of shape (n_rows, 3), int64
        Orders ever, and ``since`` of the first and of the last of them (0 where there is none).
    """
    windows, seen = np.zeros((len(at), len(spans)), np.int16), np.zeros((len(at), 3), np.int64)

    def work(first: int, last: int) -> None:
        _orders(first, last, (groups.start, groups.asking, groups.counted), at, since, spans, windows, seen)

    share(work, len(groups.start) - 1, _PARTS)
    return windows, seen


def different(groups: Groups, value: Codes, at: Longs, since: Longs, spans: Longs) -> Counts:
    """Count the different values (-1: none) among the earlier orders of each row's group in the ``spans`` seconds before.

    Returns
    -------
    ndarray of shape (n_rows, n_spans), int16
        At most ``MOST``; 0 for a row without a group.
    """
    out = np.zeros((len(at), len(spans)), np.int16)

    def work(first: int, last: int) -> None:
        _different(first, last, (groups.start, groups.asking, groups.counted), value, at, since, spans, out)

    share(work, len(groups.start) - 1, _PARTS)
    return out


def mean_before(groups: Groups, value: Longs, at: Longs, since: Longs) -> npt.NDArray[np.float64]:
    """Mean of the whole numbers ``value`` over the earlier orders of each row's group; NaN where there is none."""
    out = np.full(len(at), np.nan)

    def work(first: int, last: int) -> None:
        _mean_before(first, last, (groups.start, groups.asking, groups.counted), value, at, since, out)

    share(work, len(groups.start) - 1, _PARTS)
    return out


Parts = tuple[Longs, Codes, Codes]
"""``start``, ``asking`` and ``counted`` of :class:`Groups`."""


@compiled
def _codes(keys: Longs) -> tuple[Codes, int]:
    """Open addressing with linear probing; Fibonacci hashing spreads keys that are no hashes themselves."""
    bits = 4
    while (1 << bits) < 2 * len(keys):
        bits += 1
    mask, shift = (1 << bits) - 1, np.uint64(64 - bits)
    slots, names = np.zeros(1 << bits, np.int64), np.zeros(1 << bits, np.int32)
    out = np.empty(len(keys), np.int32)
    n = 0
    for i in range(len(keys)):
        key = keys[i]
        if key == 0:
            out[i] = -1
            continue
        slot = np.int64((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> shift)
        while slots[slot] not in (0, key):
            slot = (slot + 1) & mask
        if slots[slot] == 0:
            slots[slot], names[slot] = key, n
            n += 1
        out[i] = names[slot]
    return out, n


@compiled
def _sorted(code: Codes, start: Longs, order: Codes) -> Codes:
    """Rows by code, within one code as in ``order`` (a counting sort)."""
    place = start[:-1].copy()
    out = np.empty(start[-1], np.int32)
    for row in order:
        g = code[row]
        if g >= 0:
            out[place[g]] = row
            place[g] += 1
    return out


@compiled
def _orders(
    first: int, last: int, groups: Parts, at: Longs, since: Longs, spans: Longs, windows: Counts, seen: Longs
) -> None:
    """Walk each group once: ``hi`` counted rows are before t, ``lo[w]`` of them before t - w."""
    start, asking, counted = groups
    lo = np.empty(len(spans), np.int64)
    for g in range(first, last):
        a, b = start[g], start[g + 1]
        hi, lo[:] = a, a
        for q in range(a, b):
            row = asking[q]
            t = at[row]
            while hi < b and since[counted[hi]] < t:
                hi += 1
            if hi == a:
                continue
            for w in range(len(spans)):
                while lo[w] < hi and since[counted[lo[w]]] < t - spans[w]:
                    lo[w] += 1
                windows[row, w] = min(hi - lo[w], MOST)
            seen[row, 0], seen[row, 1], seen[row, 2] = hi - a, since[counted[a]], since[counted[hi - 1]]


@compiled
def _different(
    first: int, last: int, groups: Parts, value: Codes, at: Longs, since: Longs, spans: Longs, out: Counts
) -> None:
    """Walk each group as :func:`_orders` does, with the number of different values between ``lo`` and ``hi``.

    A row entering is new if its value's place before is before ``lo``; one leaving takes its value along if the place
    after is not before ``hi``.
    """
    start, asking, counted = groups
    n_spans = len(spans)
    lo, hi, count = np.empty(n_spans, np.int64), np.empty(n_spans, np.int64), np.empty(n_spans, np.int64)
    before, after = np.empty(16, np.int64), np.empty(16, np.int64)
    slots = np.empty(32, np.int64)
    for g in range(first, last):
        a, b = start[g], start[g + 1]
        if b - a < 2:
            continue
        if b - a > len(before):
            before, after = np.empty(2 * (b - a), np.int64), np.empty(2 * (b - a), np.int64)
            slots = np.empty(8 * (b - a), np.int64)
        _neighbours(value, counted[a:b], before, after, slots)
        lo[:], hi[:], count[:] = 0, 0, 0
        for q in range(a, b):
            row = asking[q]
            t = at[row]
            for w in range(n_spans):
                while hi[w] < b - a and since[counted[a + hi[w]]] < t:
                    if value[counted[a + hi[w]]] >= 0 and before[hi[w]] < lo[w]:
                        count[w] += 1
                    hi[w] += 1
                while lo[w] < hi[w] and since[counted[a + lo[w]]] < t - spans[w]:
                    if value[counted[a + lo[w]]] >= 0 and after[lo[w]] >= hi[w]:
                        count[w] -= 1
                    lo[w] += 1
                out[row, w] = min(count[w], MOST)


@compiled
def _neighbours(value: Codes, rows: Codes, before: Longs, after: Longs, slots: Longs) -> None:
    """For each place the place before and after with the same value; -1 and a number past the end where there is none."""
    n = len(rows)
    size = 4
    while size < 2 * n:
        size *= 2
    slots[:size] = -1
    for j in range(n):
        before[j], after[j] = -1, n
        v = value[rows[j]]
        if v < 0:
            continue
        slot = (v * 40_503) & (size - 1)
        while slots[slot] >= 0 and value[rows[slots[slot]]] != v:
            slot = (slot + 1) & (size - 1)
        if slots[slot] >= 0:
            before[j] = slots[slot]
            after[slots[slot]] = j
        slots[slot] = j


@compiled
def _mean_before(
    first: int, last: int, groups: Parts, value: Longs, at: Longs, since: Longs, out: npt.NDArray[np.float64]
) -> None:
    start, asking, counted = groups
    for g in range(first, last):
        a, b = start[g], start[g + 1]
        hi, total = a, 0
        for q in range(a, b):
            row = asking[q]
            while hi < b and since[counted[hi]] < at[row]:
                total += value[counted[hi]]
                hi += 1
            if hi > a:
                out[row] = total / (hi - a)

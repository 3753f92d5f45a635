"""What the sequence model reads: a customer's last lines before a moment, what was bought before, what sells."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from ml.core.units import DAY_S
from ml.kernels.compiled import Ids, Scores
from ml.kernels.groups import group_of
from ml.learn.purchases import Log

Longs = npt.NDArray[np.int64]

AGE_DAYS = np.array([1, 3, 7, 14, 21, 28, 42, 60, 90, 120, 180, 270, 365, 540, 730], np.float64)
"""Ends of the classes of age: a day, a week, … more than two years."""
AGES = len(AGE_DAYS) + 1
RANKS = 12
"""Orders back that are told apart: the last, the one before, … the twelfth and all before it."""
HALF_LIVES_DAYS = (7.0, 30.0, 180.0)
"""Popularity is read at these paces; how much each tells is learned."""


class Moments(NamedTuple):
    """Each row is a customer at a time, who has so far the lines ``[start, end)`` of the log."""

    start: Longs
    end: Longs
    at: Longs


class History(NamedTuple):
    """What the self-attention reads; what stands in which place of a row means nothing, age and rank tell.

    Attributes
    ----------
    item : ndarray of shape (n_rows, length), int32
        Product; ``MARK`` in the first place, always there; -1: nothing.
    age, rank : ndarray of shape (n_rows, length), int32
        Class of the line's age, number of orders back. At the mark: of the first line of all, and of how many lines
        there are (its class is that of as many days).
    """

    item: Ids
    age: Ids
    rank: Ids


class Bought(NamedTuple):
    """Every line of each row's customer, flat: row, product, class of age; sorted by row."""

    row: Longs
    item: Ids
    age: Ids


def tonight(log: Log, users: Ids, lead_days: float) -> Moments:
    """Each customer ``lead_days`` after the log's end, about when the next order comes; nobody (-1) has no lines."""
    known = np.maximum(users, 0)
    start, end = (np.where(users >= 0, log.indptr[known + side], 0) for side in (0, 1))
    return Moments(start, end, np.full(len(users), log.until + round(lead_days * DAY_S), np.int64))


def orders(log: Log) -> tuple[Moments, Longs]:
    """Each order as the moment before it; and where its lines end (they begin where the moment's end)."""
    who = group_of(log.indptr)
    n = len(who)
    first = np.flatnonzero(np.r_[True, (who[1:] != who[:-1]) | (log.order[1:] != log.order[:-1])][:n])
    return Moments(log.indptr[who[first]], first, log.at[first]), np.r_[first[1:], n][: len(first)].astype(np.int64)


def history(log: Log, number: Ids, moments: Moments, length: int) -> History:
    """The last ``length`` lines of each row, newest first after the mark.

    Parameters
    ----------
    log : Log
    number : ndarray of shape (n_products,), int32
        The log's products as the model numbers them; -1 for one that it does not know.
    moments : Moments
    length : int
    """
    back = np.arange(length)
    line = moments.end[:, None] - 1 - back
    there = line >= moments.start[:, None]
    line = np.where(there, line, 0)
    item = number[_or_nothing(log.product, line)] if len(number) else np.full(line.shape, -1)
    there &= item >= 0
    order = _or_nothing(log.order, line)
    changed = np.zeros(line.shape, np.int64)
    changed[:, 1:] = order[:, 1:] != order[:, :-1]
    rank = np.minimum(np.cumsum(changed, axis=1), RANKS - 1)
    age = ages(moments.at[:, None] - _or_nothing(log.at, line))
    made = [np.where(there, values, 0) for values in (item, age, rank)]
    made[0][~there] = -1
    lines = moments.end - moments.start
    since = np.where(lines > 0, moments.at - _or_nothing(log.at, np.where(lines > 0, moments.start, 0)), 0)
    many = np.minimum(ages(lines * DAY_S), RANKS - 1)
    mark = (np.full(len(line), MARK), ages(since), many)
    return History(*(np.c_[first, rest].astype(np.int32) for first, rest in zip(mark, made, strict=True)))


def bought(log: Log, number: Ids, moments: Moments, most: int) -> Bought:
    """The last ``most`` lines of each row, without products that the model does not know."""
    start = np.maximum(moments.start, moments.end - most)
    length = moments.end - start
    row = np.repeat(np.arange(len(start)), length)
    line = np.arange(len(row)) - np.repeat(np.cumsum(length) - length - start, length)
    item = number[log.product[line]]
    known = item >= 0
    row, line = row[known], line[known]
    return Bought(row, item[known], ages(moments.at[row] - log.at[line]))


def ages(seconds: Longs) -> Ids:
    """Class of each age, 0 for less than a day."""
    return np.searchsorted(AGE_DAYS, seconds / DAY_S, side="right").astype(np.int32)


def popularity(item: Ids, at: Longs, m: int, moments: Longs) -> Scores:
    """Ln of each product's decayed share of the lines before each of the rising ``moments``.

    Parameters
    ----------
    item, at : ndarray of shape (n_lines,)
        Product (-1: unknown) and second of each line, in any order.
    m : int
        Number of products.
    moments : ndarray of shape (n_moments,), int64

    Returns
    -------
    ndarray of shape (n_moments, len(HALF_LIVES_DAYS), m), float32
        ``ln((c_i + 1/m) / (Σ c + 1))``, c the counts decayed at each pace.
    """
    known = item >= 0
    order = np.argsort(at[known], kind="stable")
    item, at = item[known][order], at[known][order]
    cuts = np.searchsorted(at, moments)
    paces = np.array(HALF_LIVES_DAYS)
    count = np.zeros((len(paces), m))
    made = np.empty((len(moments), len(paces), m), np.float32)
    start, before = 0, moments[0] if len(moments) else 0
    for t, (cut, moment) in enumerate(zip(cuts, moments, strict=True)):
        count *= np.exp2(-(moment - before) / DAY_S / paces)[:, None]
        for pace, half_life in enumerate(paces):
            weight = np.exp2((at[start:cut] - moment) / DAY_S / half_life)
            count[pace] += np.bincount(item[start:cut], weight, m)
        made[t] = np.log((count + 1 / max(m, 1)) / (count.sum(1, keepdims=True) + 1))
        start, before = cut, moment
    return made


def together(log: Log, number: Ids, m: int, dimensions: int, seed: int) -> Scores:
    """Products' vectors from who bought what: a start for the network that knows already what goes together.

    Singular vectors of B = D_customer^-½ X D_product^-½, X what was ever bought, without the first, which is popularity
    (spectral co-clustering, Dhillon, KDD 2001).

    Returns
    -------
    ndarray of shape (m, dimensions), float32
        Rows of length 1 or less: few buyers prove little. Zeros where the shop is too small.
    """
    from sklearn.utils.extmath import randomized_svd

    who = group_of(log.indptr)
    item = number[log.product]
    some = (item >= 0) & (who % max(1, log.n_customers // MOST_CUSTOMERS) == 0)
    x = csr_array((np.ones(some.sum(), np.float32), (who[some], item[some])), shape=(log.n_customers, m))
    x.sum_duplicates()
    x.data[:] = 1
    buyers = np.bincount(x.indices, minlength=m)
    each = np.maximum(np.diff(x.indptr), 1).astype(np.float32)
    x.data = x.data / np.sqrt(np.repeat(each, np.diff(x.indptr)) * buyers[x.indices])
    d = min(dimensions, min(x.shape) - 2)
    made = np.zeros((m, dimensions), np.float32)
    if d < 1 or not x.nnz:
        return made
    _, strength, vectors = randomized_svd(x, d + 1, n_iter=4, random_state=seed)
    v = vectors[1:].T * np.sqrt(strength[1:])
    length = np.sqrt((v**2).sum(1, keepdims=True))
    sure = np.sqrt(buyers / (buyers + 10))[:, None]
    made[:, :d] = np.divide(v * sure, length, out=np.zeros_like(v), where=length > 1e-9)
    return made


MOST_CUSTOMERS = 200_000
"""More of them tell :func:`together` nothing new."""
MARK = -2
"""In a row's first place, so that no row is empty."""


def _or_nothing(values: npt.NDArray[np.generic], line: Longs) -> Longs:
    """``values[line]``, zeros for a log without lines."""
    return values[line].astype(np.int64) if len(values) else np.zeros(line.shape, np.int64)

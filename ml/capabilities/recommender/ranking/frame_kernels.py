"""The loops over candidates; each fills the columns of one kind."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ml.capabilities.recommender.ranking.columns import STRANGERS, Cross, Pair
from ml.core.units import DAY_S
from ml.kernels.compiled import Ids, Scores, compiled

Places = npt.NDArray[np.int64]
Span = tuple[int, int]


class Table(NamedTuple):
    """Candidates: row r's are ``items[ends[r]:ends[r + 1]]``."""

    ends: Places
    items: Ids


class Own(NamedTuple):
    """Facts of customers' own products, see :class:`facts.Facts`."""

    indptr: Places
    items: Ids
    pair: Scores


class Voices(NamedTuple):
    """Of the sources that can name a product: place among all sources, scores, and the products that they name."""

    source: Places
    scores: Scores
    because: Ids


class Lines(NamedTuple):
    """Order lines by customer, oldest first, and now in seconds."""

    indptr: Places
    product: Ids
    at: Places
    now: int


@compiled
def distinct(span: Span, lists: Ids, available: npt.NDArray[np.bool_], kept: Ids, found: Places) -> None:
    """Keep each available product of a row once, in the order in which it is met."""
    mark = np.full(len(available), -1, np.int64)
    for r in range(span[0], span[1]):
        for i in lists[r]:
            if i >= 0 and available[i] and mark[i] != r:
                mark[i] = r
                kept[r, found[r]] = i
                found[r] += 1


@compiled
def fill(span: Span, own: Own, table: Table, pairs: Scores, m: int) -> None:
    """Copy the facts of a customer's own products; the others are strangers to them."""
    indptr, mine, pair = own
    ends, items = table
    place = np.full(m, -1, np.int64)
    for r in range(span[0], span[1]):
        for q in range(indptr[r], indptr[r + 1]):
            place[mine[q]] = q
        for p in range(ends[r], ends[r + 1]):
            q = place[items[p]]
            if q >= 0:
                pairs[p] = pair[q]
            else:
                pairs[p] = STRANGERS
        for q in range(indptr[r], indptr[r + 1]):
            place[mine[q]] = -1


@compiled
def rank(span: Span, lists: npt.NDArray[np.int32], table: Table, ranks: Scores, m: int) -> None:
    """Write the place, from 1, that each source gave a candidate."""
    ends, items = table
    place = np.full(m, -1, np.int64)
    for r in range(span[0], span[1]):
        for p in range(ends[r], ends[r + 1]):
            place[items[p]] = p
        for s in range(lists.shape[0]):
            for k in range(lists.shape[2]):
                i = lists[s, r, k]
                if i >= 0 and place[i] >= 0:
                    ranks[place[i], s] = k + 1
        for p in range(ends[r], ends[r + 1]):
            place[items[p]] = -1


@compiled
def name(span: Span, lists: npt.NDArray[np.int32], voices: Voices, table: Table, because: Ids, m: int) -> None:
    """Of the models that can name a product, the first that proposed the candidate names it; never the product itself."""
    source, scores, why = voices
    ends, items = table
    place = np.full(m, -1, np.int64)
    for r in range(span[0], span[1]):
        for p in range(ends[r], ends[r + 1]):
            place[items[p]] = p
        for v in range(len(source)):
            for k in range(lists.shape[2]):
                i = lists[source[v], r, k]
                if i >= 0 and place[i] >= 0 and because[place[i]] < 0 and why[v, r, k] != i and scores[v, r, k] > 0:
                    because[place[i]] = why[v, r, k]
        for p in range(ends[r], ends[r + 1]):
            place[items[p]] = -1


@compiled
def only_looked(own: Own, ends: Places, because: Ids, looked: npt.NDArray[np.bool_], m: int) -> None:
    """Mark candidates that speak by a product that was never bought."""
    indptr, mine, pair = own
    bought = np.zeros(m, np.bool_)
    for r in range(len(ends) - 1):
        for q in range(indptr[r], indptr[r + 1]):
            bought[mine[q]] = pair[q, Pair.TIMES] > 0
        for p in range(ends[r], ends[r + 1]):
            looked[p] = because[p] >= 0 and not bought[because[p]]
        for q in range(indptr[r], indptr[r + 1]):
            bought[mine[q]] = False


@compiled
def kinds(span: Span, users: Ids, lines: Lines, category: Ids, table: Table, cross: Scores) -> None:
    """Write the share of a customer's lines that are of the candidate's category, and the age in days of the last."""
    indptr, product, at, now = lines
    ends, items = table
    n = category.max() + 1
    count, last = np.zeros(n), np.zeros(n, np.int64)
    for r in range(span[0], span[1]):
        u = users[r]
        if u < 0:
            continue
        for p in range(indptr[u], indptr[u + 1]):
            c = category[product[p]]
            if c >= 0:
                count[c] += 1
                last[c] = at[p]
        for p in range(ends[r], ends[r + 1]):
            c = category[items[p]]
            if c >= 0:
                cross[p, Cross.CATEGORY_SHARE] = count[c] / max(1, indptr[u + 1] - indptr[u])
                if count[c] > 0:
                    cross[p, Cross.CATEGORY_LAST] = (now - last[c]) / DAY_S
        for p in range(indptr[u], indptr[u + 1]):
            c = category[product[p]]
            if c >= 0:
                count[c] = 0


@compiled
def look_up(lists: Ids, scores: Scores, table: Table, out: Scores, m: int) -> None:
    """Write what one source's list gives each candidate."""
    ends, items = table
    place = np.full(m, -1, np.int64)
    for r in range(len(lists)):
        for p in range(ends[r], ends[r + 1]):
            place[items[p]] = p
        for k in range(lists.shape[1]):
            if lists[r, k] >= 0 and place[lists[r, k]] >= 0:
                out[place[lists[r, k]]] = scores[r, k]
        for p in range(ends[r], ends[r + 1]):
            place[items[p]] = -1

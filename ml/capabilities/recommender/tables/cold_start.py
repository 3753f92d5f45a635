"""``cold_start``: what to show a visitor of whom nothing is known, some of everything that new customers begin with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from ml.capabilities.recommender.reasons import Named, Words, popular
from ml.capabilities.recommender.spec import Params
from ml.capabilities.recommender.tables.popular_product import popularity
from ml.capabilities.recommender.tables.tonight import Bools, Floats, Ints, Tonight, drawn
from ml.capabilities.recommender.templates import Reason

HALF_LIFE_DAYS = 60.0
FIRST_DAYS = 90
"""What new customers choose first is what they chose in so many days."""
VARIETY = 0.7
"""The second product of a category counts so much of its score, the third that squared, …"""


def rows(tonight: Tonight, words: Words, params: Params) -> Iterator[dict[str, pa.Array]]:
    """Make the rows: a full list for all (segment ``""``) and for each segment that has orders enough.

    What first orders hold comes first, where those are few drawn to what is popular, then the youngest of the range.
    """
    newcomers = _is_first(tonight)
    first = tonight.count(tonight.decay(HALF_LIFE_DAYS, params.half_life_days) * newcomers)
    score = drawn(first, popularity(tonight, params)[0]) + _range(tonight)
    found = [_varied(row, tonight, params.top_k) for row in score]
    product, worth = (np.concatenate(parts) for parts in zip(*found, strict=True))
    lengths = [len(list_) for list_, _ in found]
    segment = np.repeat(np.arange(len(found)), lengths)
    begun = popular(tonight.count((newcomers & (tonight.age < FIRST_DAYS)).astype(np.float64)))
    kind = np.where(tonight.popular[0, product], Reason.POPULAR, Reason.RANGE)
    kind = np.where((segment > 0) & tonight.popular[segment, product], Reason.SEGMENT, kind)
    kind = np.where(begun[segment, product], Reason.FIRST, kind)
    names = pa.array(tonight.segments, pa.string())
    yield {
        "segment": names.take(pa.array(segment)),
        "rank": pa.array(np.concatenate([np.arange(1, n + 1) for n in lengths])),
        "product_id": tonight.ids.take(pa.array(product)),
        "score": pa.array(worth),
        "reason": words.of(kind, segment=Named(names, segment)),
    }


def _is_first(tonight: Tonight) -> Bools:
    """Orders of a customer's first day; a guest's is always one, as nothing was known."""
    known = tonight.customer >= 0
    oldest = np.zeros(int(tonight.customer.max(initial=-1)) + 1, np.int64)
    np.maximum.at(oldest, tonight.customer[known], tonight.age[known])
    first: Bools = ~known
    first[known] = tonight.age[known] == oldest[tonight.customer[known]]
    return first


def _range(tonight: Tonight) -> Floats:
    """A score below that of any purchase, larger for younger products: the end of a list that would be too short."""
    listed = tonight.products["listed_at"].cast(pa.int64()).fill_null(0).to_numpy()
    place = np.empty(tonight.m)
    place[np.lexsort((-np.arange(tonight.m), listed))] = np.arange(1, tonight.m + 1)
    return place / max(1, tonight.m) * 1e-15


def _varied(score: Floats, tonight: Tonight, k: int) -> tuple[Ints, Floats]:
    """Choose greedily where each product taken makes the others of its category worth ``VARIETY`` of what they were.

    Within a category the scores fall and so does the factor, so the greedy choice is one sort by score · VARIETY^r, r
    being the product's place in its category. Products without a category do not crowd each other out.
    """
    there = np.flatnonzero(tonight.available)
    order = there[np.lexsort((there, -score[there], tonight.category[there]))]
    category = tonight.category[order]
    place = np.arange(len(order)) - np.searchsorted(category, category)
    worth = score[order] * np.where(category > 0, VARIETY, 1.0) ** np.minimum(place, 50)
    best = np.lexsort((order, -worth))[:k]
    return order[best], worth[best]

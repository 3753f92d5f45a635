"""``popular_product``: what is bought most these days, by segment and category."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from ml.capabilities.recommender.reasons import Named, Words
from ml.capabilities.recommender.spec import Params
from ml.capabilities.recommender.tables import groups
from ml.capabilities.recommender.tables.tonight import Floats, Tonight, drawn
from ml.capabilities.recommender.templates import Reason

K = 50


def popularity(tonight: Tonight, params: Params) -> Floats:
    """Decayed number of orders by segment and product, (n_segments, m); row 0 is all, guests too."""
    return tonight.count(tonight.decay(params.popularity_half_life_days, params.half_life_days))


def rows(tonight: Tonight, words: Words, params: Params) -> Iterator[dict[str, pa.Array]]:
    """Make the rows; the score is a product's share of the group's orders, a small segment's drawn to the whole shop's."""
    counts = popularity(tonight, params)
    score = drawn(counts, counts[0])
    found = groups.best(score, tonight.available & (score > 0), counts, tonight, K)
    kind = np.where(tonight.popular[0, found.product], Reason.POPULAR, Reason.RANGE)
    own = (found.segment > 0) & tonight.popular[found.segment, found.product]
    segment = Named(pa.array(tonight.segments, pa.string()), found.segment)
    yield groups.columns(found, tonight) | {
        "score": pa.array(score[found.segment, found.product]),
        "reason": words.of(np.where(own, Reason.SEGMENT, kind), segment=segment),
    }

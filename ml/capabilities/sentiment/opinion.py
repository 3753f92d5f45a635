"""Judged reviews as numbers: which product, when, how it feels, and what it says of each aspect."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.sentiment.language import NO_WORDS
from ml.capabilities.sentiment.read_reviews import Judged
from ml.capabilities.sentiment.spec import LABELS

DAY = 86_400_000_000

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Opinions(NamedTuple):
    """One entry per review, and one per review and aspect.

    Parameters
    ----------
    products : list of str
        Ids of the products that have reviews, sorted.
    product : ndarray of shape (n_reviews,)
        Place in ``products``; -1: about the order as a whole.
    age_days : ndarray of shape (n_reviews,)
        Days between its writing and the night; the last day is 0.
    score, negative : ndarray of shape (n_reviews,)
    read : ndarray of shape (n_reviews,)
        False where the model knew no word of it: its label is what its stars say.
    aspects : list of str
    review, aspect, aspect_score : ndarray of shape (n_clauses,)
        Which review, which aspect, and how the clause feels.
    quotes : pyarrow string array of length n_clauses
    """

    products: list[str]
    product: Ints
    age_days: Ints
    score: Floats
    negative: npt.NDArray[np.bool_]
    read: npt.NDArray[np.bool_]
    aspects: list[str]
    review: Ints
    aspect: Ints
    aspect_score: Floats
    quotes: pa.Array


def opinions(judged: Judged, as_of: int) -> Opinions:
    """Number what was judged; ``as_of`` in microseconds since 1970."""
    products = pc.unique(judged.reviews["product_id"]).drop_null().sort()
    product = pc.fill_null(pc.index_in(judged.reviews["product_id"], products), -1)
    aspects = pc.unique(judged.aspects["aspect"]).sort()
    quotes = judged.aspects["quote"]
    return Opinions(
        products.to_pylist(),
        product.to_numpy().astype(np.int64),
        (as_of - 1 - judged.reviews["written_at"].to_numpy()) // DAY,
        judged.said["score"].to_numpy(),
        np.asarray(pc.equal(judged.said["label"], LABELS[0]).to_numpy(), bool),
        np.asarray(pc.or_(pc.not_equal(judged.said["reason"], ""), pc.equal(judged.said["language"], NO_WORDS)), bool),
        aspects.to_pylist(),
        judged.aspects["row"].to_numpy(),
        pc.index_in(judged.aspects["aspect"], aspects).to_numpy().astype(np.int64),
        judged.aspects["score"].to_numpy(),
        quotes.combine_chunks() if isinstance(quotes, pa.ChunkedArray) else quotes,
    )

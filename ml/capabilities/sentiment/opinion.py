"""Judged reviews as numbers: which product, when, how it feels, and what it says of each aspect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.sentiment import repeats
from ml.capabilities.sentiment.spec import LABELS
from ml.core.units import DAY_US
from ml.text.language import NO_WORDS

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
    once : ndarray of shape (n_reviews,), optional
        False where its account wrote the same about another product before: it counts for its product, not for the shop.
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
    once: npt.NDArray[np.bool_] | None = None


def opinions(rows: Mapping[str, pa.Table], as_of: int, written: pa.Table | None = None) -> Opinions:
    """Number what was published of each review; what an account wrote again about a product is left out.

    Parameters
    ----------
    rows : mapping of str to pyarrow.Table
        ``review_sentiment`` and ``review_aspect`` as their spec says; the latter speaks of reviews of the former.
    as_of : int
        Microseconds since 1970; every review is older.
    written : pyarrow.Table, optional
        The features' ``review``.
    """
    reviews, clauses, once = rows["review_sentiment"], rows["review_aspect"], None
    if written is not None:
        place = pc.index_in(reviews["review_id"], written["review_id"].combine_chunks()).to_numpy()
        kept = repeats.first(written, of_product=True)[place]
        once = repeats.first(written)[place][kept]
        reviews = reviews.filter(pa.array(kept))
        clauses = clauses.filter(pc.is_in(clauses["review_id"], reviews["review_id"].combine_chunks()))
    products = pc.unique(reviews["product_id"]).drop_null().sort()
    product = pc.fill_null(pc.index_in(reviews["product_id"], products), -1)
    aspects = pc.unique(clauses["aspect"]).sort()
    review = pc.index_in(clauses["review_id"], reviews["review_id"].combine_chunks())
    return Opinions(
        products.to_pylist(),
        product.to_numpy().astype(np.int64),
        (as_of - 1 - reviews["written_at"].cast(pa.int64()).to_numpy()) // DAY_US,
        reviews["score"].to_numpy(),
        np.asarray(pc.equal(reviews["label"], LABELS[0]).to_numpy(), bool),
        np.asarray(pc.or_(pc.not_equal(reviews["reason"], ""), pc.equal(reviews["language"], NO_WORDS)), bool),
        aspects.to_pylist(),
        review.to_numpy().astype(np.int64),
        pc.index_in(clauses["aspect"], aspects).to_numpy().astype(np.int64),
        clauses["score"].to_numpy(),
        clauses["quote"].combine_chunks(),
        once,
    )

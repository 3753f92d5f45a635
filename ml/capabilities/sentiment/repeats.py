"""Texts that an account wrote more than once: they count once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.text.classifier import fingerprints
from ml.text.clean import clean


def first(reviews: pa.Table, *, of_product: bool = False) -> npt.NDArray[np.bool_]:
    """Whether no earlier review of the same account has the same words (``of_product``: about the same product).

    Reviews without an account or without words repeat nothing.

    Parameters
    ----------
    reviews : pyarrow.Table
        review_id, customer_id (if at all), product_id, title, text, written_at.
    """
    n = len(reviews)
    if "customer_id" not in reviews.column_names or not n:
        return np.ones(n, bool)
    texts = clean(reviews["title"], reviews["text"])
    plain = pc.utf8_lower(pc.replace_substring_regex(texts, r"\s+", " "))
    parts = [_text(reviews["customer_id"]), plain, *([_text(reviews["product_id"])] if of_product else [])]
    key = fingerprints(pc.binary_join_element_wise(*parts, pa.scalar("\0", pa.large_string())))
    counts = (pc.is_valid(reviews["customer_id"]).to_numpy()) & (pc.not_equal(texts, "").to_numpy(zero_copy_only=False))
    time = reviews["written_at"].cast(pa.int64()).to_numpy()
    ids = pc.rank(reviews["review_id"].combine_chunks(), "ascending").to_numpy()
    order = np.lexsort((ids, time, key))
    repeated = np.zeros(n, bool)
    repeated[order[1:]] = key[order[1:]] == key[order[:-1]]
    return np.asarray(~(repeated & counts), bool)


def _text(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return pc.fill_null(whole.cast(pa.large_string()), "")

"""Each product's picture, as pixels: the first that can be read stands for the product."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.visual.features import HELD_DIGITS, held_below
from ml.core.capability import Rows


def main_pictures(features: Rows) -> pa.Table:
    """The first picture of each product that can be read, with the product's columns; sorted by ``product_id``."""
    picture = features["picture"]
    readable = picture.filter(pc.and_(pc.is_valid(picture["content"]), pc.is_valid(picture["content_hash"])))
    ordered = readable.sort_by([("product_id", "ascending"), ("image_no", "ascending")])
    first = ordered.filter(_first(ordered["product_id"]))
    return first.join(features["product"], "product_id", join_type="inner").sort_by("product_id").combine_chunks()


def different(pictures: pa.Table) -> pa.Table:
    """One row for each content, that of the first product; sorted by ``content_hash``."""
    ordered = pictures.sort_by([("content_hash", "ascending"), ("product_id", "ascending")])
    return ordered.filter(_first(ordered["content_hash"])).combine_chunks()


def held(pictures: pa.Table, share: float) -> pa.ChunkedArray:
    """Which pictures no model learns from: decided by the hash of the content, as :func:`features.is_held` does."""
    return pc.less(pc.utf8_slice_codeunits(pictures["content_hash"], 0, HELD_DIGITS), held_below(share))


def _first(column: pa.ChunkedArray) -> pa.Array:
    """Whether each value of a sorted column differs from the one before."""
    values = np.array(column.to_pylist(), dtype=object)
    return pa.array(np.r_[True, values[1:] != values[:-1]] if len(values) else np.zeros(0, bool))

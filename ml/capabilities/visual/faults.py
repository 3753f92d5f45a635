"""What is wrong with the shop's pictures: missing, unreadable, tiny, blank, or of another kind of thing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.visual.looks import BLANK, Near, Seen
from ml.capabilities.visual.spec import PICTURE_ISSUE, Params
from ml.core.batches import schema
from ml.core.capability import Rows

FEWEST = 8
"""Near pictures with a category below which nothing is said of what a picture shows."""
OTHERS = 0.8
"""Share of the nearest pictures that are of one other category, while none is of the product's own."""
OWN = 5
"""Products with pictures that a category has before one of them is called out of place."""

Issue = tuple[str, int, str, str | None, str | None, str]


def issues(features: Rows, shown: pa.Table, seen: Seen, near: Near, params: Params) -> Mapping[str, pa.Array]:
    """Columns of ``picture_issue``; of products that are for sale."""
    found = [*_of_files(features, params), *_of_contents(shown, seen, near)]
    rows = sorted({issue[:3]: issue for issue in found}.values())
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(PICTURE_ISSUE.columns)
    return {
        field.name: pa.array(list(values), field.type)
        for field, values in zip(schema(PICTURE_ISSUE), columns, strict=True)
    }


def _of_files(features: Rows, params: Params) -> Iterator[Issue]:
    product = features["product"].filter(features["product"]["active"])
    category = dict(zip(product["product_id"].to_pylist(), product["category"].to_pylist(), strict=True))
    picture = features["picture"]
    pictured = set(picture["product_id"].to_pylist())
    for which, kind in category.items():
        if which not in pictured:
            yield which, 0, "missing", kind, None, "the product has no picture"
    columns = [picture[name].to_pylist() for name in ("product_id", "image_no", "unread", "width", "height")]
    for which, number, unread, width, height in zip(*columns, strict=True):
        if which not in category:
            continue
        if unread:
            yield which, number, "unreadable", category[which], None, f"it cannot be read: {unread}"
        elif width and height and min(width, height) < params.tiny:
            words = f"it has {width} x {height} pixels; below {params.tiny} a customer sees little"
            yield which, number, "tiny", category[which], None, words


def _of_contents(shown: pa.Table, seen: Seen, near: Near) -> Iterator[Issue]:
    ids, numbers = shown["product_id"].to_pylist(), shown["image_no"].to_pylist()
    category = shown["category"].to_pylist()
    size = Counter(category)
    hashes = np.array(shown["content_hash"].to_pylist(), dtype=object)
    for row in np.flatnonzero(pc.fill_null(shown["active"], False).to_numpy()).tolist():
        if seen.spread[row] < BLANK:
            words = "it shows nothing: all of it is one colour"
            yield ids[row], numbers[row], "blank", category[row], None, words
            continue
        own = category[row]
        others = [
            category[other]
            for other in near.rows[row].tolist()
            if other >= 0 and category[other] and seen.spread[other] >= BLANK and hashes[other] != hashes[row]
        ]
        if not own or own in others or len(others) < FEWEST or size[own] < OWN:
            continue
        like, count = Counter(others).most_common(1)[0]
        if count >= OTHERS * len(others):
            words = f"{count} of the {len(others)} pictures nearest to it are of {like}, none of {own}"
            yield ids[row], numbers[row], "other_category", own, like, words

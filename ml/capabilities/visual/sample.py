"""A small shop of drawn pictures, with two that are the same, one blank, one tiny, one broken, one missing."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from ml.capabilities.visual.drawing import COLOURS, draw, png
from ml.core.pictures import look_at
from ml.core.sample import Sample

AS_OF = datetime(2025, 3, 1, tzinfo=UTC)
KINDS = ("bag", "boot", "cap", "coat", "glove", "shirt")
EACH = 60
SAME, BLANK, TINY, BROKEN, MISSING = "p000", "p010", "p020", "p030", "p040"
TWIN = "p006"
"""The product whose picture is that of ``SAME``."""


def sample(seed: int) -> Sample:
    """Six kinds of 60 products, each drawn anywhere in its picture: what is near by fields and edges is not what is alike."""
    rng = np.random.default_rng(seed)
    names = list(COLOURS)
    ids = [f"p{number:03d}" for number in range(len(KINDS) * EACH)]
    kinds = [number % len(KINDS) for number in range(len(ids))]
    colours = [names[place] for place in rng.integers(0, len(names), len(ids))]
    files = {
        which: png(draw(kind, colour, rng, (60, 80), wander=0.16))
        for which, kind, colour in zip(ids, kinds, colours, strict=True)
    }
    files[TWIN] = files[SAME]
    files[BLANK] = png(np.full((80, 60, 3), 244, np.uint8))
    files[TINY] = png(draw(2, "red", rng, (18, 24)))
    files.pop(MISSING)
    looked = {which: look_at(base64.b64decode(file)) for which, file in files.items() if which != BROKEN}
    seen = [looked.get(which) for which in files]
    titles = [f"{colour} {KINDS[kind]}" for kind, colour in zip(kinds, colours, strict=True)]
    return Sample(
        {
            "product": pa.table(
                {
                    "product_id": ids,
                    "title": titles,
                    "category": [KINDS[kind] for kind in kinds],
                    "listed_at": pa.array([AS_OF - timedelta(days=100)] * len(ids), pa.timestamp("us", "UTC")),
                }
            ),
            "product_image": pa.table(
                {
                    "product_id": list(files),
                    "image_no": [1] * len(files),
                    "uri": [f"{which}.png" for which in files],
                    "content": [picture and picture.thumbnail for picture in seen],
                    "content_hash": [picture and picture.content_hash for picture in seen],
                    "width": [picture and picture.width for picture in seen],
                    "height": [picture and picture.height for picture in seen],
                    "unread": [None if picture else "the file is empty" for picture in seen],
                }
            ),
            **_orders(rng, ids),
        },
        AS_OF,
    )


def _orders(rng: np.random.Generator, ids: list[str]) -> dict[str, pa.Table]:
    """300 orders of two products."""
    orders = [f"o{number:03d}" for number in range(300)]
    bought = [rng.choice(len(ids), 2, replace=False) for _ in orders]
    return {
        "order": pa.table(
            {
                "order_id": orders,
                "ordered_at": pa.array(
                    [AS_OF - timedelta(days=float(d)) for d in rng.uniform(5, 60, 300)], pa.timestamp("us", "UTC")
                ),
            }
        ),
        "order_item": pa.table(
            {
                "order_id": np.repeat(orders, 2),
                "line_no": [1, 2] * 300,
                "product_id": [ids[which] for pair in bought for which in pair],
                "quantity": [1.0] * 600,
                "unit_price": [9.0] * 600,
            }
        ),
    }

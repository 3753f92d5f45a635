"""The rows that are published: vectors by shard; look-alikes, duplicates and faults of the whole catalogue after them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.visual import faults, looks
from ml.capabilities.visual.model import Looks, vectors_of
from ml.capabilities.visual.pictures import main_pictures
from ml.capabilities.visual.spec import DUPLICATE_PICTURE, PICTURE_ISSUE, PRODUCT_VECTOR, SIMILAR_LOOK, Params
from ml.core.batches import batches
from ml.core.capability import Rows
from ml.learn.descriptors import Floats


def units(features: Rows) -> int:
    """How many products get vectors: all that are known."""
    return int(features["product"].num_rows)


def expected(features: Rows) -> dict[str, int]:
    """How many products should be in each table; any number of duplicates and faults may be right."""
    shown = main_pictures(features)
    for_sale = int(pc.sum(shown["active"]).as_py() or 0)
    return {
        PRODUCT_VECTOR.name: units(features),
        SIMILAR_LOOK.name: len(shown) if for_sale > 1 else 0,
        DUPLICATE_PICTURE.name: 0,
        PICTURE_ISSUE.name: 0,
    }


def score(model: Looks, features: Rows, shard: int, shards: int, params: Params) -> dict[str, Iterator[pa.RecordBatch]]:
    """Make the vectors of products ``[n shard / shards, n (shard + 1) / shards)``, sorted by id."""
    n = units(features)
    start, end = n * shard // shards, n * (shard + 1) // shards
    product = features["product"].sort_by("product_id").slice(start, end - start).combine_chunks()
    shown = main_pictures(features)
    shown = shown.filter(pc.is_in(shown["product_id"], product["product_id"].combine_chunks()))
    images = vectors_of(model, features, shown)
    place = pc.index_in(product["product_id"], shown["product_id"].combine_chunks())
    ids = product["product_id"].to_pylist()
    block = {name: product[name] for name in ("product_id", "category", "active")} | {
        "content_hash": shown["content_hash"].combine_chunks().take(place.combine_chunks()),
        "image": listed(images).take(place.combine_chunks()),
        "text": listed(model.texts(product)),
        "behaviour": listed(model.behaviour_.of(ids)),
    }
    del params
    return {PRODUCT_VECTOR.name: batches(PRODUCT_VECTOR, [block])}


def score_all(model: Looks, features: Rows, rows: Rows, params: Params) -> dict[str, Iterator[pa.RecordBatch]]:
    """Make the look-alikes, the duplicates and the faults from the vectors of all shards."""
    del model
    shown = main_pictures(features)
    x = _aligned(rows[PRODUCT_VECTOR.name], shown)
    seen = looks.measure(shown)
    near = looks.neighbours(x, shown["active"].to_numpy(), params.neighbours)
    blocks_of: Mapping[str, list[Mapping[str, pa.Array]]] = {
        SIMILAR_LOOK.name: [looks.similar(shown, seen, near)],
        DUPLICATE_PICTURE.name: [looks.duplicates(shown, seen, near)],
        PICTURE_ISSUE.name: [faults.issues(features, shown, seen, near, params)],
    }
    tables = {table.name: table for table in (SIMILAR_LOOK, DUPLICATE_PICTURE, PICTURE_ISSUE)}
    return {name: batches(tables[name], blocks) for name, blocks in blocks_of.items()}


def _aligned(vectors: pa.Table, shown: pa.Table) -> Floats:
    """The pictures' vectors in the order of ``shown``; zeros where there is none."""
    known = vectors.filter(pc.is_valid(vectors["image"])).select(["product_id", "image"]).combine_chunks()
    if not len(known):
        return np.zeros((len(shown), 1), np.float32)
    rows = known["image"].combine_chunks().flatten().to_numpy().reshape(len(known), -1)
    place = pc.index_in(known["product_id"], shown["product_id"].combine_chunks()).to_numpy()
    out = np.zeros((len(shown), rows.shape[1]), np.float32)
    out[place] = rows
    return out


def listed(x: Floats) -> pa.ListArray:
    """Rows as lists; null where a row is all zeros."""
    known = (x != 0).any(axis=1) if x.shape[1] else np.zeros(len(x), bool)
    ends = np.r_[0, np.cumsum(np.where(known, x.shape[1], 0))].astype(np.int32)
    values = pa.array(x[known].ravel(), pa.float32())
    return pa.ListArray.from_arrays(pa.array(ends), values, mask=pa.array(~known))

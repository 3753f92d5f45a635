"""Why a product stands on home, in figures: what each kind of knowledge added to the ranker's log-odds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.capabilities.recommender.ranking.columns import Part
from ml.capabilities.recommender.shelf.rerank_kernels import Ranked
from ml.kernels.compiled import Ids
from ml.kernels.groups import ends_of


class Explained(NamedTuple):
    """Of some customers' lists, the places that the ranker chose.

    Parameters
    ----------
    ends : ndarray of shape (n + 1,), int64
        Customer r's are ``[ends[r], ends[r + 1])``.
    product : ndarray of shape (n_places,), int32
    parts : ndarray of shape (n_places, len(Part)), float32
    base : float
    """

    ends: npt.NDArray[np.int64]
    product: Ids
    parts: npt.NDArray[np.float32]
    base: float


def explained(ranked: Ranked, shown: Ids, base: float) -> Explained:
    """Find what is shown, shape (n, top_k), in the ranking that it was chosen from; a pin that was not ranked is left out."""
    n, width = shown.shape
    if not ranked.parts.size:
        return Explained(np.zeros(n + 1, np.int64), np.empty(0, np.int32), np.empty((0, len(Part)), np.float32), base)
    parts = np.full((n, width, len(Part)), np.nan, np.float32)
    for place in range(width):
        same = (ranked.ids == shown[:, place : place + 1]) & (shown[:, place : place + 1] >= 0)
        rows = np.flatnonzero(same.any(axis=1))
        parts[rows, place] = ranked.parts[rows, same[rows].argmax(axis=1)]
    there = ~np.isnan(parts[:, :, 0])
    return Explained(ends_of(there.sum(axis=1)), shown[there], parts[there], base)


def rows(customers: pa.Table, product_ids: pa.Array, made: Explained, start: int) -> dict[str, pa.Array]:
    """Rows of the customers from number ``start`` on of whose list the ranker chose something."""
    some = np.flatnonzero(np.diff(made.ends) > 0)
    ends = pa.array(np.append(made.ends[some], made.ends[-1]), pa.int32())
    return {
        "customer_id": customers["customer_id"].combine_chunks().take(pa.array(start + some)),
        "products": pa.ListArray.from_arrays(ends, product_ids.take(pa.array(made.product))),
        "base": pa.array(np.full(len(some), made.base)),
        **{
            part.label: pa.ListArray.from_arrays(ends, pa.array(np.ascontiguousarray(made.parts[:, part])))
            for part in Part
        },
    }

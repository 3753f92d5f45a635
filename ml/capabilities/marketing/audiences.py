"""Audiences for advertising, by the rules that the staff keeps: only who accepts marketing, best first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.marketing.config import AUDIENCE
from ml.capabilities.marketing.model import matrix
from ml.core.batches import Columns
from ml.core.capability import Rows

Floats = npt.NDArray[np.float64]
USUAL_SHARE = 0.1
SEEDS = 0.05
"""Share of the customers, those who spent most, whom a look-alike audience is like."""


def members(features: Rows, everyone: pa.Table) -> Iterator[Columns]:
    """Blocks of ``audience``, one for each rule."""
    table = features.get(AUDIENCE.name)
    rules = list(AUDIENCE.rows) if table is None else table.to_pylist()
    may = everyone.filter(everyone["consent"])
    for rule in sorted(rules, key=lambda row: str(row["audience"])):
        fits, reason = _fits(rule, may)
        most = int(np.ceil((USUAL_SHARE if rule["share"] is None else float(rule["share"])) * len(everyone)))
        order = np.argsort(-fits, kind="stable")[:most]
        order = order[np.isfinite(fits[order])]
        if len(order):
            yield {
                "audience": pa.array([str(rule["audience"])] * len(order), pa.string()),
                "customer_id": may["customer_id"].take(pa.array(order)),
                "rank": pa.array(np.arange(1, len(order) + 1)),
                "reason": reason.take(pa.array(order)),
            }


def _fits(rule: Mapping[str, Any], may: pa.Table) -> tuple[Floats, pa.Array]:
    """How well each customer fits, -inf for not at all; and why."""
    orders, spend, since, known = (_floats(may, n) for n in ("orders", "spend", "days_since", "days_known"))
    none = np.full(len(may), -np.inf)
    if rule["kind"] == "high_value":
        return np.where(orders > 0, spend, none), _reason(spend, " spent so far")
    if rule["kind"] == "lapsing":
        gap = np.maximum(known - since, 1.0) / np.maximum(orders - 1, 1)
        late = since / np.maximum(gap, 7.0)
        return np.where((orders > 1) & (late > 2) & (since < 365), spend, none), _reason(
            since, " days since the last order, ", gap, " are usual"
        )
    if rule["kind"] == "category_fan":
        fan = pc.fill_null(pc.equal(may["preferred"], rule["category"]), False).to_numpy(zero_copy_only=False)
        return np.where(fan.astype(bool), spend, none), _reason(
            spend, f" spent so far, most of it on {rule['category']}"
        )
    x = np.nan_to_num(matrix(may).astype(np.float64))
    best = np.argsort(-spend, kind="stable")[: max(1, int(np.ceil(SEEDS * len(may))))]
    if not len(may):
        return none, pa.array([], pa.string())
    deviation = np.where(x.std(axis=0) > 1e-9, x.std(axis=0), 1.0)
    distance = (((x - x[best].mean(axis=0)) / deviation) ** 2).mean(axis=1)
    distance[best] = np.inf  # they are known already
    return -distance, _reason(orders, " orders, buys like those who spent most")


def _reason(*parts: Floats | str) -> pa.Array:
    texts = [
        pa.scalar(part)
        if isinstance(part, str)
        else pa.array(np.nan_to_num(np.round(part), posinf=0).astype(np.int64)).cast(pa.string())
        for part in parts
    ]
    return pc.binary_join_element_wise(*texts, "")


def _floats(rows: pa.Table, name: str) -> Floats:
    return np.nan_to_num(np.asarray(rows[name].cast(pa.float64()).to_numpy(), np.float64))

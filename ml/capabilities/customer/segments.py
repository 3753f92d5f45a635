"""Which segment a customer is in, by the rules that the shop's staff keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.customer.config import SEGMENT_RULE

REGULAR = "regular"
PRIOR_GAPS = 2.0
"""A customer's usual days between orders are drawn to the shop's as if by so many gaps."""

Floats = npt.NDArray[np.float64]
Rules = list[dict[str, Any]]


def rules(features: Mapping[str, pa.Table]) -> Rules:
    """The rules by their place; those of the start where the features hold none."""
    table = features.get(SEGMENT_RULE.name)
    rows = list(SEGMENT_RULE.rows) if table is None else table.to_pylist()
    return sorted((dict(row) for row in rows), key=lambda row: row["place"])


def usual_gap(table: pa.Table) -> float:
    """Days that lie between two orders of the shop's customers, on average; 90 where nobody ordered twice."""
    orders, since, known = (_floats(table, name) for name in ("orders", "days_since", "days_known"))
    gaps = np.maximum(orders - 1, 0).sum()
    return float((known - since).sum() / gaps) if gaps else 90.0


def facts(table: pa.Table, gap: float, spends: Floats) -> dict[str, Floats]:
    """What the rules compare, for each row.

    Parameters
    ----------
    table : pyarrow.Table
        Columns ``orders``, ``days_since``, ``days_known``, ``spend``.
    gap : float
        Of :func:`usual_gap`, of all customers.
    spends : ndarray
        Sorted spend of all customers.
    """
    orders, since, known, spend = (_floats(table, n) for n in ("orders", "days_since", "days_known", "spend"))
    own = (PRIOR_GAPS * gap + np.maximum(known - since, 0)) / (PRIOR_GAPS + np.maximum(orders - 1, 0))
    return {
        "orders": orders,
        "known_days": known,
        "since_days": since,
        "gaps": since / np.maximum(own, 1.0),
        "spend_rank": np.searchsorted(spends, spend) / max(1, len(spends)),
    }


def segments(found: Mapping[str, Floats], given: Rules) -> pa.Array:
    """Name of the first rule that fits each row, else :data:`REGULAR`."""
    names = [REGULAR, *(rule["segment"] for rule in given)]
    at = np.zeros(len(found["orders"]), np.int64)
    for number, rule in reversed(list(enumerate(given, 1))):
        fits = np.ones(len(at), bool)
        for name, values in found.items():
            low, high = rule.get(f"{name}_from"), rule.get(f"{name}_below")
            fits &= (values >= low) if low is not None else True
            fits &= (values < high) if high is not None else True
        at[fits] = number
    return pa.array(names, pa.string()).take(pa.array(at))


def placed(table: pa.Table, every: pa.Table, given: Rules) -> pa.Array:
    """Segments of ``table``, whose customers are some of ``every``."""
    return segments(facts(table, usual_gap(every), np.sort(_floats(every, "spend"))), given)


def because(found: Mapping[str, Floats]) -> pa.Array:
    """What the segments look at, in words."""
    orders = pa.array(found["orders"].astype(np.int64)).cast(pa.string())
    since = pa.array(np.rint(found["since_days"]).astype(np.int64)).cast(pa.string())
    usual = pa.array(np.rint(found["since_days"] / np.maximum(found["gaps"], 1e-9)).astype(np.int64)).cast(pa.string())
    return pc.binary_join_element_wise(
        orders,
        pa.scalar(" orders, the last "),
        since,
        pa.scalar(" days ago where "),
        usual,
        pa.scalar(" are usual"),
        "",
    )


def _floats(table: pa.Table, name: str) -> Floats:
    return np.asarray(table[name].cast(pa.float64()).to_numpy(), np.float64)

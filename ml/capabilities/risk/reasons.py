"""What moved an order's score most, in words with its values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.capabilities.risk.columns import CATEGORIES, NUMBERS

MOST = 3


def words(order: pa.Table, contributions: npt.NDArray[np.float64], columns: Sequence[str]) -> pa.Array:
    """The ``MOST`` largest positive contributions of each order: what it is, and its value."""
    best = np.argsort(-contributions, axis=1, kind="stable")[:, :MOST]
    rows = []
    for i in range(len(order)):
        told = [_told(order, i, columns[j]) for j in best[i] if contributions[i, j] > 0]
        rows.append("; ".join(told) or "nothing unusual")
    return pa.array(rows, pa.string())


def _told(order: pa.Table, row: int, column: str) -> str:
    value = order[column][row].as_py()
    if column in CATEGORIES:
        return f"{CATEGORIES[column]}: {value or 'unknown'}"
    return f"{NUMBERS[column]}: {'unknown' if value is None else format(value, '.4g')}"

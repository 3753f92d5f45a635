"""A small shop with weekdays, a season that returns, trends, a new product, days without stock and two surprises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.core.sample import Sample
from ml.learn.series.planted import STAMP, shop

AS_OF = datetime(2025, 6, 2, tzinfo=UTC)
PRODUCTS, HISTORY = 36, 440
ABOVE, BELOW, NEW, EMPTY = 5, 7, 10, 13
"""Products that sell ten times as much in the last week, nothing in it, are 12 days old, and were out of stock."""


def sample(seed: int) -> Sample:
    """Sales of 36 products, and the counts of the one that was out of stock."""
    tables = shop(np.random.default_rng(seed), AS_OF, PRODUCTS, HISTORY, _plant)
    listed = [None if p != NEW else AS_OF - timedelta(days=12) for p in range(PRODUCTS)]
    counted = [AS_OF - timedelta(days=d, hours=1) for d in (200, 60, 46)]
    tables["product"] = tables["product"].append_column("listed_at", pa.array(listed, STAMP))
    tables["stock"] = pa.table(
        {"product_id": [f"p{EMPTY:02d}"] * 3, "counted_at": pa.array(counted, STAMP), "quantity": [50.0, 0.0, 80.0]}
    )
    return Sample(tables, AS_OF)


def _plant(rate: npt.NDArray[np.float64]) -> None:
    rate[ABOVE, -7:] *= 10
    rate[BELOW, -7:] = 0
    rate[NEW, :-12] = 0
    rate[EMPTY, -60:-46] = 0

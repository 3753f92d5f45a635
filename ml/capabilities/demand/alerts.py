"""What sold far more or far less of late than was to be expected before."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.capabilities.demand.model import LEVELS, Demand
from ml.capabilities.demand.spec import Params
from ml.core.batches import Columns
from ml.learn.series.columns import Past
from ml.learn.series.panel import actual
from ml.learn.series.sales import Shelf

_LOW, _MIDDLE, _HIGH = LEVELS.index(0.05), LEVELS.index(0.5), LEVELS.index(0.95)
_FEWEST = 3.0
"""Pieces more or fewer than the interval allows: one order is no alarm."""
Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class _Alert(NamedTuple):
    """What was sold in the last days, and what was expected."""

    days: int
    sold: float
    expected: float
    low: float
    high: float


def alerts(model: Demand, shop: Shelf, rows: Longs, params: Params) -> Columns:
    """Rows of ``demand_alert`` for the products ``rows``: beyond the 90 % interval by as much again as it is wide.

    Each stretch of last days is forecast from the day before it began; the longest that is far off is told.
    """
    panel = shop.panel.rows(rows)
    past, known = Past(panel), model.rows(shop)[rows]
    out: dict[int, _Alert] = {}
    for days in params.alert_days:
        origin = panel.length - days
        if origin < params.new_days:
            continue
        made = model.forecaster_.predict(past, origin, ((0, days),), known)
        came = actual(panel, origin, ((0, days),))[:, 0] * days
        low, middle, high = (made.quantiles[:, 0, j] * days for j in (_LOW, _MIDDLE, _HIGH))
        for i in np.flatnonzero(_far(came, low, middle, high)):
            expected = float(made.mean[i, 0] * days)
            out[int(i)] = _Alert(days, float(came[i]), expected, float(low[i]), float(high[i]))
    chosen = sorted(out)
    told = [out[i] for i in chosen]
    return {
        "product_id": shop.product["product_id"].take(pa.array(rows)).take(pa.array(chosen, pa.int64())),
        "direction": pa.array(["above" if each.sold > each.high else "below" for each in told], pa.string()),
        **{name: pa.array([getattr(each, name) for each in told]) for name in _Alert._fields},
        "reason": pa.array([_words(each) for each in told], pa.string()),
    }


def _far(came: Floats, low: Floats, middle: Floats, high: Floats) -> npt.NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        above = came - high > np.maximum(high - middle, _FEWEST)
        below = (low - came > np.maximum(middle - low, _FEWEST)) | ((came == 0) & (low > _FEWEST))
    return np.asarray(above | below)


def _words(of: _Alert) -> str:
    return (
        f"sold {of.sold:,.0f} in {of.days} days; {of.expected:,.0f} were expected, "
        f"{of.low:,.0f} to {of.high:,.0f} in 9 of 10 cases"
    )

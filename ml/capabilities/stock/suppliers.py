"""How suppliers have delivered of late: lead times, silence, and a slowing that is more than chance.

An order that has not come tells something as well: it takes at least as long as it has waited.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.core.capability import Rows
from ml.learn.inventory.slowing import slowed

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

_FEWEST = 3
"""Orders that came of late from which a supplier's lead time is read."""
_NEWEST_DAYS = 14.0
"""Where enough orders were due in so many last days, they alone tell the lead time: a supplier that slows is seen at once."""
_PATIENCE_DAYS = 2.0
"""An order may be late by so much before its supplier is doubted."""


class Record(NamedTuple):
    """A supplier's orders of late.

    Attributes
    ----------
    lead_days : float
        From order to arrival; nan: too few came.
    silent : int
        The newest orders that are late by days and have not come, counted until one that came; 0: under three.
    slower : int
        The newest orders, since it began to slow, where that is more than chance; else 0.
    """

    lead_days: float = np.nan
    silent: int = 0
    slower: int = 0


NOBODY = Record()


def names(features: Rows, ids: pa.Array) -> pa.Array:
    """Name of each product's supplier; null: not known."""
    table = features["supply"]
    return table["supplier"].combine_chunks().take(pc.index_in(ids, table["product_id"].combine_chunks()))


def records(features: Rows, ids: pa.Array) -> list[Record]:
    """What is known of each product's supplier."""
    ordered = features["ordered"]
    if not len(ordered) or not len(features["supply"]):
        return [NOBODY] * len(ids)
    mine = names(features, ids).to_pylist()
    late, took = (
        np.asarray(pc.fill_null(ordered[name].cast(pa.float64()), np.nan).to_numpy(), np.float64)
        for name in ("late_days", "took_days")
    )
    ages, by = ordered["days_ago"].to_numpy().astype(np.float64), np.array(ordered["supplier"].to_pylist(), object)
    found = {}
    for name in sorted({each for each in mine if each is not None}):
        rows = np.flatnonzero(by == name)
        found[name] = _record(late[rows], took[rows], ages[rows])
    return [found.get(name, NOBODY) for name in mine]


def _record(late: Floats, took: Floats, ages: Floats) -> Record:
    """Of one supplier's orders: days late (so far), days that they took (nan: not come), days since they were placed."""
    came = np.isfinite(took)
    due = np.where(came, late + ages - took, late)
    days = np.where(came, took, np.where(late > 0, ages, np.nan))
    lead, slower = _median(days, due, ages), 0
    order = np.argsort(-due, kind="stable")
    order = order[np.isfinite(late[order]) & (came | (late > 0))[order]]
    if len(order) > _FEWEST:
        slower = slowed(late[order], came[order])
        if slower >= _FEWEST:
            planned = np.where(came, took, ages) - late
            lead = float(np.nanmax([lead, np.mean((late + planned)[order[-slower:]])]))
    return Record(lead, _silent(due, came), slower if slower >= _FEWEST else 0)


def _median(days: Floats, due: Floats, ages: Floats) -> float:
    """Median of the newest orders, those that have not come counted with the time that they wait; nan: too few came."""
    known = np.isfinite(days)
    newest = known & (due >= 0) & (due <= _NEWEST_DAYS)
    used = newest if newest.sum() >= _FEWEST else known & (ages <= 45)
    return max(float(np.median(days[used])), 0.0) if used.sum() >= _FEWEST else np.nan


def _silent(due: Floats, came: npt.NDArray[np.bool_]) -> int:
    late = np.flatnonzero(due > _PATIENCE_DAYS)
    newest = came[late[np.argsort(due[late], kind="stable")]]
    waits = int(np.argmax(newest)) if newest.any() else len(newest)
    return waits if waits >= _FEWEST else 0

"""Customers at one time as numbers: what is known of them, and what followed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.customer.columns import HORIZONS, NUMBERS
from ml.learn.buying import Buying, Worth

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]

DERIVED = ("history_alive", "history_chance_28", "history_chance_90", "history_orders_90", "history_worth")
"""What the purchase model adds to the columns."""


class Past(NamedTuple):
    """What the purchase model looks at: repeat orders, days from the first order to the last and until now, mean value."""

    repeats: Floats
    to_last: Floats
    to_now: Floats
    mean: Floats


class Outcome(NamedTuple):
    """What followed: whether they bought within each of ``HORIZONS``, how often and for how much in the longest."""

    bought: Floats
    orders: Floats
    spend: Floats


class Frame(NamedTuple):
    """Rows of customers: ``x`` with the columns of ``NUMBERS``, ``DERIVED`` and perhaps a code of the country."""

    x: Matrix
    past: Past

    def take(self, rows: npt.NDArray[np.int64]) -> Frame:
        return Frame(self.x[rows], Past(*(part[rows] for part in self.past)))


def past(table: pa.Table) -> Past:
    """From the features' ``customer``."""
    orders, since, known, mean = (_floats(table, name) for name in ("orders", "days_since", "days_known", "mean_order"))
    return Past(np.maximum(orders - 1, 0), np.maximum(known - since, 0), known, mean)


def frame(table: pa.Table, buying: Buying, worth: Worth, countries: Sequence[str]) -> Frame:
    """Make the matrix; with ``countries`` its last column is the country's place among them (NaN: another)."""
    before = past(table)
    columns = [_floats(table, name) for name in NUMBERS]
    now = before.repeats, before.to_last, before.to_now
    columns += [
        buying.alive(*now),
        buying.chance(*now, 28.0),
        buying.chance(*now, float(HORIZONS[-1])),
        buying.expected(*now, float(HORIZONS[-1])),
        worth.mean(before.repeats + 1, before.mean),
    ]
    if countries:
        found = pc.index_in(table["country"].combine_chunks(), pa.array(countries, pa.string()))
        columns.append(found.cast(pa.float64()).to_numpy(zero_copy_only=False))
    return Frame(np.stack(columns, axis=1).astype(np.float32), before)


def outcome(table: pa.Table, truth: pa.Table) -> Outcome:
    """What followed for each row of ``table``, in its order."""
    at = pc.index_in(truth["customer_id"].combine_chunks(), table["customer_id"].combine_chunks())
    known = at.is_valid().to_numpy(zero_copy_only=False)
    at = at.fill_null(0).to_numpy()[known]
    day, spend = truth["day"].to_numpy()[known], truth["spend"].to_numpy()[known]
    order = np.lexsort((spend, day, at))  # sums of floats depend on their order
    at, day, spend = at[order], day[order], spend[order]
    n = len(table)
    first = np.full(n, np.inf)
    np.minimum.at(first, at, day)
    bought = (first[:, None] < np.array(HORIZONS, np.float64)).astype(np.float64)
    return Outcome(
        bought, np.bincount(at, minlength=n).astype(np.float64), np.bincount(at, spend, minlength=n).astype(np.float64)
    )


def _floats(table: pa.Table, name: str) -> Floats:
    return np.asarray(table[name].cast(pa.float64()).to_numpy(), np.float64)

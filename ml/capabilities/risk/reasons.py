"""What moved an order's score most, in words with its values and what is usual."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.risk.columns import CATEGORIES, COUNTED, ENCODED, NUMBERS, OWN

Floats = npt.NDArray[np.float64]

MOST = 3
LEAST = 0.05
"""Log-odds below which a contribution is not worth a word."""
NOTHING = "nothing unusual"
_COUNTS = (
    *(f"own_{name}_orders" for name in OWN),
    "strange",
    "component_orders",
    "component_entities",
    "component_frauds",
)
_CLOCK = ("hour", "weekday")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TIMES = {"customer_value": "customer's", "category_value": "category's"}
"""Log ratios, told as the ratio."""
_FLAGS = ("guest", "countries_differ", "abroad")


def words(
    order: pa.Table, contributions: Floats, columns: Sequence[str], usual: Mapping[str, float], zone: str = "UTC"
) -> pa.Array:
    """Name the ``MOST`` largest positive contributions of each order.

    Parameters
    ----------
    order : pyarrow.Table
        Rows of the features' ``order``.
    contributions : ndarray of shape (n_orders, n_columns), float64
    columns : sequence of str
        What the columns of ``contributions`` are.
    usual : mapping of str to float
        Median of a number over the shop's orders.
    zone : str
        The shop's time zone: times of the day are told in it.

    Returns
    -------
    pyarrow.Array of text
        Such as ``5 orders from this device in 1 hour (usual 1); payment method: card``.
    """
    n, most = len(order), min(MOST, len(columns))
    if not n:
        return pa.array([], pa.string())
    best = np.argsort(-contributions, axis=1, kind="stable")[:, :most]
    told = np.take_along_axis(contributions, best, axis=1) > LEAST
    said = np.full(n, "", object)
    for place in range(most):
        # One column at a time: each of its different values is worded once, however many orders have it.
        for j in np.unique(best[told[:, place], place]):
            rows = np.flatnonzero((best[:, place] == j) & told[:, place])
            said[rows] += ("; " if place else "") + _told(order, rows, columns[j], usual, zone)
    said[said == ""] = NOTHING
    return pa.array(said, pa.string())


def _told(
    order: pa.Table, rows: npt.NDArray[np.int64], column: str, usual: Mapping[str, float], zone: str
) -> npt.NDArray[np.object_]:
    if column.removesuffix("_seen") in ENCODED:
        rare = "rarely seen: " if column.endswith("_seen") else "frauds among orders with "
        return np.full(len(rows), f"{rare}{ENCODED[column.removesuffix('_seen')][1]}", object)
    if column in _CLOCK:
        moments = order["at"].take(pa.array(rows)).to_pylist()
        return np.array([_clock(column, moment, usual.get(column), zone) for moment in moments], object)
    values = order[column].take(pa.array(rows)).combine_chunks().dictionary_encode()
    each = [_worded(column, value, usual.get(column)) for value in values.dictionary.to_pylist()]
    each.append(_worded(column, None, None))
    at = pc.fill_null(values.indices, len(each) - 1).to_numpy(zero_copy_only=False)
    said: npt.NDArray[np.object_] = np.array(each, object)[at]
    return said


def _clock(column: str, at: int, usual: float | None, zone: str) -> str:
    """When an order was placed, on the shop's clock.

    Examples
    --------
    >>> _clock("hour", 1_767_224_340, 14.9, "UTC"), _clock("hour", 1_767_224_340, 14.9, "Europe/Paris")
    ('ordered at 23:39 (usual 14:54)', 'ordered at 00:39 (usual 15:54)')
    >>> _clock("weekday", 1_767_224_340, 3, "Europe/Paris")
    'ordered on a Thursday'
    """
    moment = datetime.fromtimestamp(at, ZoneInfo(zone))
    if column == "weekday":
        return f"ordered on a {_DAYS[moment.weekday()]}"
    if usual is None:
        return f"ordered at {moment:%H:%M}"
    # On that day: the median is of hours in UTC.
    middle = datetime.fromtimestamp(at - at % 86_400 + round(usual * 60) * 60, ZoneInfo(zone))
    return f"ordered at {moment:%H:%M} (usual {middle:%H:%M})"


def _worded(column: str, value: float | str | None, usual: float | None) -> str:
    """One reason.

    Examples
    --------
    >>> _worded("device_orders_1h", 5.0, 1.0)
    '5 orders from this device in 1 hour (usual 1)'
    >>> _worded("total", 350.0, 80.5)
    'order value 350 (usual 80.5)'
    >>> _worded("payment", "", None)
    'payment method: unknown'
    >>> _worded("card_days", None, 12.0)
    'days since the first order with this card unknown'
    >>> _worded("customer_value", 0.6931, 0.0)
    "order value 2 times the customer's usual"
    >>> _worded("device_orders_24h", 1.0, 0.0)
    '1 order from this device in 24 hours (usual 0)'
    """
    if column in CATEGORIES:
        return f"{CATEGORIES[column]}: {value or 'unknown'}"
    name = NUMBERS[column]
    if value is None:
        return f"{name} unknown"
    if column in _TIMES:
        return f"order value {number(math.exp(float(value)))} times the {_TIMES[column]} usual"
    if column in _FLAGS:
        return name if value else f"not {name}"
    said = f" (usual {number(usual)})" if usual is not None else ""
    counted = (column in COUNTED or column in _COUNTS) and not name.startswith(("days", "hours"))
    if counted and value == 1 and name.startswith("orders "):
        name = name.replace("orders", "order", 1)
    return f"{number(float(value))} {name}{said}" if counted else f"{name} {number(float(value))}{said}"


def number(value: float) -> str:
    """At most one digit after the point, three digits below 1: what a person reads.

    Examples
    --------
    >>> [number(x) for x in (0.0, 5.0, 0.1234, 12.34, 1234567.8, 1e12)]
    ['0', '5', '0.123', '12.3', '1,234,568', '1,000,000,000,000']
    """
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.1f}".removesuffix(".0")

"""What moved an order's score most, in words with its values and what is usual."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.risk.columns import CATEGORIES, COUNTED, ENCODED, ENTITIES, NUMBERS, OWN, PLURALS

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]

MOST = 3
LOOKED = 16
"""So many of the largest contributions are looked at for facts that can be told."""
OFTEN = 20
"""Seen in fewer orders than this, a thing is rare."""
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
_GOODS = ("product", "basket", "category", "kinds_set")
_METRICS = {
    "orders": "how often",
    "fraud": "frauds",
    "days": "since when",
    "hours": "since when",
    **dict.fromkeys(PLURALS.values(), "different"),
}
_FACTS = {
    **dict.fromkeys(("total", "dearest", "second_price", "cheapest", "mean_price", *_TIMES, "total_rate"), "value"),
    **dict.fromkeys(("countries_differ", "abroad", "shipping_country", "billing_country", "country_rate"), "country"),
    **dict.fromkeys(("category", "brand", "item"), "goods, name"),
    **dict.fromkeys(("instalments", "payments", "payment"), "payment"),
    "pieces": "pieces",
    "lines": "pieces",
    "component_orders": "who, how often",
    "component_entities": "who, different",
    "component_frauds": "who, frauds",
    **dict.fromkeys((*(f"own_{name}_orders" for name in OWN), "strange"), "who, own"),
}
"""Facts of the columns whose names do not say it."""
_FLAGS = ("guest", "countries_differ", "abroad")


class Usual(NamedTuple):
    """What a model knows that reasons are told with.

    Parameters
    ----------
    columns : sequence of str
        What the columns of the contributions are.
    usual : mapping of str to float
        Median of a number over the shop's orders.
    zone : str
        The shop's time zone: times of the day are told in it.
    rate : float
        Share of frauds among all orders.
    text_rates : mapping of str to mapping of str to float
        Share of frauds by value of a text.
    """

    columns: Sequence[str]
    usual: Mapping[str, float]
    zone: str = "UTC"
    rate: float = 0.0
    text_rates: Mapping[str, Mapping[str, float]] = MappingProxyType({})


def words(order: pa.Table, contributions: Floats, model: Usual, values: Matrix | None = None) -> pa.Array:
    """Name the ``MOST`` largest positive contributions of each order, each another fact and out of the usual.

    Parameters
    ----------
    order : pyarrow.Table
        Rows of the features' ``order``.
    contributions : ndarray of shape (n_orders, n_columns), float64
    model : Usual
    values : ndarray of shape (n_orders, n_columns), float32, optional
        The model's matrix; without it learned rates are not told.

    Returns
    -------
    pyarrow.Array of text
        Such as ``5 orders from this device in 1 hour (usual 1); payment method: card``.
    """
    n, columns = len(order), model.columns
    if not n:
        return pa.array([], pa.string())
    looked = min(LOOKED, len(columns))
    best = np.argsort(-contributions, axis=1, kind="stable")[:, :looked]
    moved = np.take_along_axis(contributions, best, axis=1) > LEAST
    facts = {fact: 1 << i for i, fact in enumerate(sorted({fact_of(column) for column in columns}))}
    bits = np.array([facts[fact_of(column)] for column in columns], np.int64)
    texts, counts, used = np.full(n, "", object), np.zeros(n, np.int64), np.zeros(n, np.int64)
    for place in range(looked):
        free = moved[:, place] & (counts < MOST) & ((used & bits[best[:, place]]) == 0)
        # One column at a time: each of its different values is worded once, however many orders have it.
        for j in np.unique(best[free, place]):
            rows = np.flatnonzero(free & (best[:, place] == j))
            found = _reasons_of(order, rows, columns[j], model, None if values is None else values[rows, j])
            worded = found != ""
            rows, found = rows[worded], found[worded]
            texts[rows] += np.where(counts[rows] > 0, "; ", "").astype(object) + found
            counts[rows] += 1
            used[rows] |= bits[j]
    texts[texts == ""] = NOTHING
    return pa.array(texts, pa.string())


def fact_of(column: str) -> str:
    """What a column is about: two columns of one fact are not both told.

    A customer, an e-mail and a card are mostly one person, and a basket of one line is its product and its category.

    Examples
    --------
    >>> fact_of("customer_orders_1h") == fact_of("email_orders_24h"), fact_of("basket_rate") == fact_of("product_frauds_7d")
    (True, True)
    >>> fact_of("device_orders_1h") == fact_of("device_customers_1h")
    False
    """
    if column in _FACTS:
        return _FACTS[column]
    name = column.removesuffix("_seen")
    if name in ENCODED:
        return "goods, how often" if name != column else "goods, frauds"
    entity = next((entity for entity in ENTITIES if column.startswith(f"{entity}_")), "")
    what = column.removeprefix(f"{entity}_")
    metric = next((metric for begin, metric in _METRICS.items() if what.startswith(begin)), what)
    return f"{'goods' if entity in _GOODS else 'who'}, {metric}" if entity else column


def _reasons_of(
    order: pa.Table, rows: npt.NDArray[np.int64], column: str, model: Usual, values: Matrix | None
) -> npt.NDArray[np.object_]:
    """One reason for each of ``rows``; empty where the value is what is usual."""
    name = column.removesuffix("_seen")
    if name in ENCODED:
        if values is None:
            return np.full(len(rows), "", object)
        wording = _seen if name != column else _rate
        return np.array([wording(ENCODED[name][1], float(value), model.rate) for value in values], object)
    usual = model.usual.get(column)
    if column in _CLOCK:
        moments = order["at"].take(pa.array(rows)).to_pylist()
        return np.array([_clock(column, moment, usual, model.zone) for moment in moments], object)
    rates = model.text_rates.get(column)
    found = order[column].take(pa.array(rows)).combine_chunks().dictionary_encode()
    each = [_worded(column, value, usual, rates, model.rate) for value in found.dictionary.to_pylist()]
    each.append(_worded(column, None, None, rates, model.rate))
    at = pc.fill_null(found.indices, len(each) - 1).to_numpy(zero_copy_only=False)
    texts: npt.NDArray[np.object_] = np.array(each, object)[at]
    return texts


def _rate(what: str, rate: float, usual: float) -> str:
    """The share of frauds with the same thing, where it is above the shop's."""
    if not rate > usual:
        return ""
    return f"{percent(rate)} frauds among earlier orders with {what} (usual {percent(usual)})"


def _seen(what: str, logarithm: float, _: float) -> str:
    count = round(math.expm1(logarithm))
    if count >= OFTEN:
        return ""
    return f"{count} earlier order{'' if count == 1 else 's'} with {what}" if count else f"{what} was never seen before"


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


def _worded(
    column: str,
    value: float | str | None,
    usual: float | None,
    rates: Mapping[str, float] | None = None,
    rate: float = 0.0,
) -> str:
    """One reason; empty where the value, as it is printed, is the usual one.

    Examples
    --------
    >>> _worded("device_orders_1h", 5.0, 1.0)
    '5 orders from this device in 1 hour (usual 1)'
    >>> _worded("total", 350.0, 80.5)
    'order value 350 (usual 80.5)'
    >>> _worded("payment", "", None), _worded("payment", "card", None, {"card": 0.031}, 0.009)
    ('payment method: unknown', 'payment method: card (3.1 % of these were frauds, usual 0.9 %)')
    >>> _worded("card_days", None, 12.0)
    'no earlier order with this card'
    >>> _worded("customer_value", 0.6931, 0.0)
    "order value 2 times the customer's usual"
    >>> _worded("device_orders_24h", 1.0, 0.0), _worded("device_orders_24h", 0.0, 0.0)
    ('1 order from this device in 24 hours (usual 0)', '')
    >>> _worded("product_fraud_share_7d", 0.25, 0.0)
    '25 % of the orders with this dearest product in 7 days are known frauds (usual 0 %)'
    """
    if column in CATEGORIES:
        value_rate = (rates or {}).get(str(value))
        of = f" ({percent(value_rate)} of these were frauds, usual {percent(rate)})" if value_rate is not None else ""
        return (
            "" if value_rate is not None and value_rate <= rate else f"{CATEGORIES[column]}: {value or 'unknown'}{of}"
        )
    name = NUMBERS[column]
    if value is None:
        since = re.match(r"(?:days|hours) since the (?:first|last) order (.*)", name)
        return f"no earlier order {since[1]}" if since else f"{name} unknown"
    if column in _FLAGS:
        return name if value else f"not {name}"
    return _counted(column, name, float(value), usual)


def _counted(column: str, name: str, value: float, usual: float | None) -> str:
    """A number, and what is usual; empty where they are printed alike."""
    if "_fraud_share_" in column:
        above = value > (usual or 0.0)
        return f"{percent(value)} of the {name} (usual {percent(usual or 0.0)})" if above else ""
    if column in _TIMES:
        times = number(math.exp(value))
        return "" if times == "1" else f"order value {times} times the {_TIMES[column]} usual"
    if usual is not None and number(value) == number(usual):
        return ""
    comparison = f" (usual {number(usual)})" if usual is not None else ""
    counted = (column in COUNTED or column in _COUNTS) and not name.startswith(("days", "hours"))
    if counted and value == 1 and name.startswith(("orders ", "frauds ", "known frauds ")):
        name = name.replace("orders", "order", 1) if name.startswith("orders") else name.replace("frauds", "fraud", 1)
    return f"{number(value)} {name}{comparison}" if counted else f"{name} {number(value)}{comparison}"


def percent(share: float) -> str:
    """A share as a person reads it.

    Examples
    --------
    >>> [percent(x) for x in (0.0, 0.0312, 0.25)]
    ['0 %', '3.1 %', '25 %']
    """
    return f"{number(round(100 * share, 1 if share < 0.1 else 0))} %"


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

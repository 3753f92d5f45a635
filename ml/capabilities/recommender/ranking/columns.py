"""The columns of the ranker's table, each named once: for what fills them, compiled or not, and for what reads them.

A member is its place among the columns of its kind; Numba compiles it as that number. The order is that of the trees in
a saved model: a new column goes to the end of its kind and raises ``model.FORMAT``.
"""

from __future__ import annotations

from enum import IntEnum, auto

import numpy as np

from ml.capabilities.recommender.candidates.ensemble import NAMES
from ml.kernels.compiled import Ids


class Column(IntEnum):
    """Columns of one kind, numbered from 0."""

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[int]) -> int:  # noqa: ARG004
        return count

    @property
    def label(self) -> str:
        """The name in ``COLUMNS``, without its kind."""
        return self.name.lower()


class Pair(Column):
    """Of a customer and a product."""

    TIMES = auto()
    """Orders."""
    FADES_15 = auto()
    """Orders that fade with half-lives of so many days."""
    FADES_45 = auto()
    FADES_120 = auto()
    FADES_365 = auto()
    ORDER_FADES = auto()
    """Orders that fade by 0.8 with each later order."""
    LAST = auto()
    """Age of the last order."""
    FIRST = auto()
    INTERVAL = auto()
    """Days between two orders."""
    DUE = auto()
    """Age of the last over the interval."""
    QUANTITY = auto()
    """Mean log quantity."""
    IN_LAST_ORDER = auto()
    IN_LAST_3 = auto()
    SHARE = auto()
    """Share of all orders."""
    LOOK_FADES_7 = auto()
    """Looks that fade with half-lives of so many days."""
    LOOK_FADES_60 = auto()
    LOOK_LAST = auto()
    """Age of the last look."""


class Customer(Column):
    """Of a customer."""

    ORDERS = auto()
    LAST = auto()
    """Age of the last order."""
    FIRST = auto()
    INTERVAL = auto()
    """Days between two orders."""
    BASKET = auto()
    """Products an order."""
    PRODUCTS = auto()
    """Different products."""
    REPEATS = auto()
    """Share of purchases that were repeats."""
    PRICE = auto()
    """Mean log price."""
    QUANTITY = auto()
    """Mean log quantity."""
    LOOKS_7 = auto()
    """Looks of the last week."""


class Product(Column):
    """Of a product."""

    BUYERS_3 = auto()
    """Different customers of the last so many days."""
    BUYERS_7 = auto()
    BUYERS_14 = auto()
    BUYERS_30 = auto()
    BUYERS_60 = auto()
    BUYERS_90 = auto()
    BUYERS = auto()
    """Different customers ever."""
    NEW_BUYERS_14 = auto()
    """Customers who bought it for the first time in the last so many days."""
    NEW_BUYERS_30 = auto()
    AGAIN = auto()
    """Customers who bought it again."""
    FADES_5 = auto()
    """Purchases that fade with half-lives of so many days."""
    FADES_20 = auto()
    FIRST = auto()
    """Age of the listing or, where that is not known, of the first sale."""
    LAST = auto()
    """Age of the last sale."""
    PRICE = auto()
    """Mean log price of its sales."""
    QUANTITY = auto()
    """Mean log quantity."""
    BASKET = auto()
    """Mean number of lines of the orders with it."""
    LOOKS_7 = auto()
    """Looks of the last week."""
    GROWTH_7_30 = auto()
    """Buyers of the shorter time against those of the longer one."""
    GROWTH_14_60 = auto()
    GROWTH_30_90 = auto()
    REPEAT = auto()
    """Share of buyers who bought it again."""
    LAST_YEAR = auto()
    """Order lines of the coming 30 days a year ago."""
    LIST_PRICE = auto()
    """Log of the price in the list."""
    LATELY_14 = auto()
    """How many times as often as usual it was bought or looked at in the last so many days."""
    LATELY_30 = auto()
    LATELY_60 = auto()


class Cross(Column):
    """Of a customer against a product."""

    PRICE_DISTANCE = auto()
    """Between the product's mean log price and the customer's."""
    QUANTITY_DISTANCE = auto()
    CATEGORY_SHARE = auto()
    """Share of the customer's lines that are of the product's category."""
    CATEGORY_LAST = auto()
    """Age of the last of them."""
    PROPOSERS = auto()
    """Candidate models that proposed the product."""


class Part(Column):
    """What a column tells of; a column of ``ml.recommendation_part`` each."""

    BOUGHT = auto()
    LOOKED = auto()
    HABIT = auto()
    ALIKE = auto()
    PEOPLE = auto()
    CATEGORY = auto()
    POPULAR = auto()
    PRODUCT = auto()
    AGREED = auto()


class Group(Column):
    """What a column speaks for as a reason: :class:`Part` by :data:`GROUPS`."""

    AGAIN = auto()
    BECAUSE = auto()
    CATEGORY = auto()
    POPULAR = auto()
    OTHER = auto()
    """Nothing that can be named."""


GROUPS = {
    Part.BOUGHT: Group.AGAIN,
    Part.LOOKED: Group.AGAIN,
    Part.HABIT: Group.OTHER,
    Part.ALIKE: Group.BECAUSE,
    Part.PEOPLE: Group.BECAUSE,
    Part.CATEGORY: Group.CATEGORY,
    Part.POPULAR: Group.POPULAR,
    Part.PRODUCT: Group.OTHER,
    Part.AGREED: Group.OTHER,
}
"""Own purchases speak for buying again; item-to-item models, factors and people for other products; prices, times and
sizes of the customer for nothing that can be named."""
ALIKE = ("linear", "recent", "neighbours")
"""Models of products that the same customers buy; the others that propose are of customers who buy alike."""


KINDS: dict[str, tuple[str, ...]] = {
    **{kind.__name__.lower(): tuple(c.label for c in kind) for kind in (Pair, Customer, Product, Cross)},
    "score": NAMES,
    "rank": NAMES,
}
"""Kinds of columns in the order of the table, with their names."""
COLUMNS = tuple(f"{kind} {name}" for kind, names in KINDS.items() for name in names)
"""Names of the columns of the table."""

_ENDS = np.cumsum([0, *map(len, KINDS.values())]).tolist()
SPANS = {kind: slice(start, end) for kind, start, end in zip(KINDS, _ENDS[:-1], _ENDS[1:], strict=True)}
"""Where the columns of each kind stand."""

STRANGERS = np.full(len(Pair), np.nan, np.float32)
"""The facts of a pair that never met: all counts are 0 and all times unknown."""
STRANGERS[
    [
        Pair.TIMES,
        Pair.FADES_15,
        Pair.FADES_45,
        Pair.FADES_120,
        Pair.FADES_365,
        Pair.ORDER_FADES,
        Pair.IN_LAST_ORDER,
        Pair.IN_LAST_3,
        Pair.SHARE,
        Pair.LOOK_FADES_7,
        Pair.LOOK_FADES_60,
    ]
] = 0


def at(column: Column) -> int:
    """Place of a column in the whole table.

    Examples
    --------
    >>> COLUMNS[at(Customer.ORDERS)]
    'customer orders'
    """
    return int(SPANS[type(column).__name__.lower()].start + column)


def part_of_columns() -> Ids:
    """The :class:`Part` of each column."""
    part = []
    for name in COLUMNS:
        kind, _, what = name.partition(" ")
        proposed = kind in {"score", "rank"}
        sold = kind == "product" and what.startswith(
            ("buyers", "new", "fades", "growth", "looks", "last_year", "lately")
        )
        if kind == "pair":
            part.append(Part.LOOKED if what.startswith("look") else Part.BOUGHT)
        elif name in {"product again", "product repeat", "customer repeats"}:
            part.append(Part.BOUGHT)
        elif sold or (proposed and what in {"popular", "trend"}):
            part.append(Part.POPULAR)
        elif what in {"content", "category_share", "category_last"}:
            part.append(Part.CATEGORY)
        elif proposed:
            part.append(Part.ALIKE if what in ALIKE else Part.PEOPLE)
        elif what == "proposers":
            part.append(Part.AGREED)
        else:
            part.append(Part.HABIT if kind == "customer" else Part.PRODUCT)
    return np.array(part, np.int32)

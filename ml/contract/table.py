"""What the contract says of a table: its columns, its key, and when its rows become known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ml.core.spec import Kind

ORDER_MONEY = "order's currency"
"""Unit of amounts that are converted by their order's ``exchange_rate``."""

Gone = Literal["fault", "left out", "null"]
"""What becomes of a row whose reference points to nothing: it is broken; it is history that nobody can learn from and is
left out; or it stays and the reference becomes null."""


@dataclass(frozen=True)
class Column:
    """A column. ``required`` means: must exist and may not be null. ``references`` names ``table.column``.

    ``words`` names the vocabulary of its values (see :mod:`ml.contract.vocabulary`).
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    required: bool = False
    personal: bool = False
    references: str = ""
    gone: Gone = "fault"
    words: str = ""
    whole: bool = False
    """A file, which is never cut."""
    masked: bool = False
    """Free text of people: card and account numbers, passwords, addresses are masked before it enters the lake."""
    later: bool = False
    """A moment that comes after the row's own, as a delivery: a night reads it once it has come, and null before."""


@dataclass(frozen=True)
class Table:
    """A contract table.

    ``event_time`` is when it happened, ``known_time`` when the row became known (null or absent: at the event).
    A row without either column is known when the row that ``known_with`` (a column with ``references``) points to is;
    a row with none of the three is always known.
    """

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    required: bool = False
    event_time: str = ""
    known_time: str = ""
    known_with: str = ""

    def __getitem__(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def has_order_money(self) -> bool:
        """Whether it holds amounts in the currency of an order."""
        return any(column.unit == ORDER_MONEY for column in self.columns)

    @property
    def references(self) -> tuple[tuple[str, str, str], ...]:
        """``(column, other table, other column)`` of each reference."""
        return tuple((c.name, *c.references.split(".")) for c in self.columns if c.references)  # type: ignore[misc]

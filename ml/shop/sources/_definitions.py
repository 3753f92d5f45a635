"""What an export of a platform is: its columns, by which a file is known."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

How = Literal["text", "number", "money", "time", "yes"]
"""How a value is read. ``money`` also takes a decimal comma and the sign of a currency; ``yes`` is a boolean."""


@dataclass(frozen=True)
class Field:
    """A column that is read: the names that it has in the files, the first in messages."""

    names: tuple[str, ...]
    how: How = "text"
    required: bool = False


def need(*names: str, how: How = "text") -> Field:
    """Make a column without which a file is not this export."""
    return Field(names, how, required=True)


def want(*names: str, how: How = "text") -> Field:
    """Make a column that is read where it is there."""
    return Field(names, how)


@dataclass(frozen=True)
class Export:
    """A kind of file. ``many``: any column whose name matches is read as well, joined by ``;`` into a field of this name."""

    name: str
    title: str
    fields: Mapping[str, Field]
    refused: str = ""
    """What to do in place of giving it: an export from which no shop can be made."""
    many: tuple[str, str] = ("", "")
    key: str = ""
    """The field by which a row is named in messages."""

    def columns(self, header: Sequence[str]) -> dict[str, int]:
        """Find the place of each field in a header."""
        places: dict[str, int] = {}
        for place, name in enumerate(map(plain, header)):
            places.setdefault(name, place)
        found = {
            ours: [places[n] for n in map(plain, field.names) if n in places] for ours, field in self.fields.items()
        }
        return {ours: at[0] for ours, at in found.items() if at}

    def lacking(self, header: Sequence[str]) -> list[str]:
        """Name the required columns that a header does not have."""
        found = self.columns(header)
        return [field.names[0] for ours, field in self.fields.items() if field.required and ours not in found]


Flatten = Callable[[Mapping[str, Any]], Iterator[tuple[str, Mapping[str, Any]]]]
"""Makes of one JSON object the rows that it holds: the export's name and its fields."""


def plain(name: str) -> str:
    """Give a column's name without case, blanks and signs.

    Examples
    --------
    >>> plain("In stock?"), plain("order_id")
    ('in stock', 'order id')
    """
    return re.sub(r"[\W_]+", " ", name.casefold()).strip()


def numbered(parts: Iterable[str]) -> list[int]:
    """Find the parts that are missing between those of ``name_1.csv`` to ``name_9.csv``.

    Examples
    --------
    >>> numbered(["orders_export_1.csv", "orders_export_3.csv"])
    [2]
    """
    numbers = sorted({int(found[1]) for part in parts if (found := re.search(r"_(\d{1,3})\.", part))})
    return sorted(set(range(1, numbers[-1] + 1)) - set(numbers)) if numbers and numbers[0] <= 1 else []

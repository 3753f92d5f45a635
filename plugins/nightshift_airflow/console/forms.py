"""A form for a table of ``ml_config``, made from its spec; and what somebody typed into it, as values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ml.core.spec import ConfigColumn, ConfigTable

_CHOICES = re.compile(r"^\s*(\w+)\s+IN\s*\((.*)\)\s*$", re.IGNORECASE | re.DOTALL)
INPUTS = {
    "text": "text",
    "integer": "number",
    "number": "number",
    "boolean": "select",
    "date": "date",
    "timestamp": "datetime-local",
}


@dataclass(frozen=True)
class Field:
    """One input of a form."""

    name: str
    kind: str
    """Type of the input element; ``select`` and ``textarea`` are elements of their own."""
    meaning: str
    unit: str
    required: bool
    choices: tuple[str, ...]
    value: str


def single(table: ConfigTable) -> bool:
    """Whether the table has one row, which is changed and never added or deleted."""
    return "there is one row" in table.checks


def fields(table: ConfigTable, row: Mapping[str, Any] | None = None) -> list[Field]:
    """The inputs of a new row, or of ``row``."""
    return [
        _field(table, column, row)
        for column in table.columns
        if not (column.numbered or column.stamped or (single(table) and column.name in table.key))
    ]


def _field(table: ConfigTable, column: ConfigColumn, row: Mapping[str, Any] | None) -> Field:
    choices = _choices(table, column.name)
    required = (column.required or column.name in table.key) and not column.default
    kind = INPUTS.get(column.kind, "text")
    if column.kind == "boolean":
        choices = ("true", "false")
    elif choices:
        kind = "select"
    value = written(row.get(column.name)) if row is not None else ""
    if kind == "text" and len(value) > 60:
        kind = "textarea"
    return Field(column.name, kind, column.meaning, column.unit, required, choices, value)


def _choices(table: ConfigTable, name: str) -> tuple[str, ...]:
    """The words that a check of the table allows in a column; empty: any."""
    for check in table.checks.values():
        found = _CHOICES.match(check)
        if found and found[1] == name:
            return tuple(word.replace("''", "'") for word in re.findall(r"'((?:[^']|'')*)'", found[2]))
    return ()


def written(value: Any) -> str:
    """A value as an input holds it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return str(value)


def read(table: ConfigTable, form: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The values of a form, and what cannot be read, in words. An empty field is null, or the column's default."""
    values: dict[str, Any] = {}
    faults = []
    for column in table.columns:
        if column.name not in form:
            continue
        typed = form[column.name].strip()
        if not typed:
            if not (column.default or column.numbered):
                values[column.name] = None
            continue
        try:
            values[column.name] = _READ[column.kind](typed)
        except ValueError:
            faults.append(f"{column.name}: {typed!r} is no {column.kind}.")
    return values, faults


def _boolean(typed: str) -> bool:
    if typed not in ("true", "false"):
        raise ValueError(typed)
    return typed == "true"


def _number(typed: str) -> float:
    value = float(typed)
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN is no number
        raise ValueError(typed)
    return value


_READ: Mapping[str, Any] = {
    "text": str,
    "integer": int,
    "number": _number,
    "boolean": _boolean,
    "date": date.fromisoformat,
    "timestamp": datetime.fromisoformat,
}

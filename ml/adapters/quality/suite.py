"""A suite: the rules of a table as plain JSON, the only place where they are written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from ml.core.errors import NightshiftError

_WORDS = {
    "expect_column_values_to_not_be_null": "not null",
    "expect_column_values_to_be_null": "null",
}
Severity = Literal["fault", "left out", "kept"]
"""What a broken rule does to its row: it goes to quarantine as wrong, and counts towards what stops a night; it is left out
as normal business that nobody can learn from, in quarantine too; or it stays and is counted. A row that is left out has no
faults: what is not used cannot be wrong."""

TOLERANCE = "quarantined_share"
"""The fact whose upper bound is the tolerated share of a table."""


@dataclass(frozen=True, eq=False)
class Rule:
    """One expectation: GX's type and keyword arguments, a name for people, and the reason of its bound."""

    type: str
    kwargs: dict[str, Any]
    name: str
    reason: str
    severity: Severity = "fault"

    @property
    def column(self) -> str:
        return str(self.kwargs.get("column", ""))


@dataclass(frozen=True)
class Suite:
    """The rules of a table: ``rows`` judge each row, ``facts`` the table as a whole."""

    name: str
    notes: str
    rows: tuple[Rule, ...]
    facts: tuple[Rule, ...]

    @classmethod
    def load(cls, path: Path) -> Suite:
        """Read ``expectations/…/<table>.json``; a rule without a reason is an error."""
        if not path.is_file():
            raise NightshiftError(
                "A table has no suite.", came=str(path), do="write one (see those beside it); it may be empty of rules"
            )
        document = json.loads(path.read_text("utf-8"))
        rows, facts = (
            tuple(_rule(rule, path) for rule in document.get(part, ())) for part in ("expectations", "facts")
        )
        return cls(document["name"], document.get("meta", {}).get("notes", ""), rows, facts)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that a rule on rows looks at."""
        return tuple(dict.fromkeys(rule.column for rule in self.rows))

    @property
    def tolerated(self) -> float:
        """Share of rows that may be broken before the table is refused."""
        bounds = [rule.kwargs["max_value"] for rule in self.facts if rule.column == TOLERANCE]
        return float(bounds[0]) if bounds else 0.0


def _rule(entry: dict[str, Any], path: Path) -> Rule:
    reason = entry.get("meta", {}).get("reason")
    if not reason:
        raise NightshiftError(
            "A rule has no reason.",
            came=f"{path.name}: {entry['type']} {entry['kwargs']}",
            do='add "meta": {"reason": …}',
        )
    severity = entry["meta"].get("severity", "fault")
    if severity not in get_args(Severity):
        raise NightshiftError(
            "A rule has a severity that there is not.",
            came=f"{path.name}: {severity!r}",
            do=f"write one of {', '.join(get_args(Severity))}",
        )
    name = entry["meta"].get("rule") or _named(entry["type"], entry["kwargs"])
    return Rule(entry["type"], entry["kwargs"], name, reason, severity)


def _named(kind: str, kwargs: dict[str, Any]) -> str:
    """Name a rule in words.

    Examples
    --------
    >>> _named("expect_column_values_to_be_between", {"column": "price", "min_value": 0, "strict_min": True})
    'price above 0'
    """
    bounds = [
        f"{'above' if kwargs.get('strict_min') else 'at least'} {kwargs['min_value']}" if "min_value" in kwargs else "",
        f"{'below' if kwargs.get('strict_max') else 'at most'} {kwargs['max_value']}" if "max_value" in kwargs else "",
    ]
    words = " and ".join(filter(None, bounds)) or _WORDS.get(kind)
    if not words and "value_set" in kwargs:
        words = "one of " + ", ".join(map(str, kwargs["value_set"]))
    return f"{kwargs.get('column', '')} {words or kind.removeprefix('expect_').replace('_', ' ')}".strip()

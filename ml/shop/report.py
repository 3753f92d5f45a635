"""What a check of the shop found, as data and as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class RuleCheck:
    """A rule that is broken: by ``rows`` rows (``examples``: keys of some), or by the table (0 rows; its value).

    ``reason`` says why the rule is there; ``stops``: this alone stops the night; ``severity``: a fault, or normal business
    that is left out or kept.
    """

    rule: str
    column: str
    rows: int
    examples: tuple[str, ...]
    reason: str
    stops: bool
    severity: str = "fault"


@dataclass(frozen=True)
class TableCheck:
    """A contract table. ``rows`` is None where the shop has no such table.

    ``refused`` would go to quarantine as wrong, ``left_out`` as normal business.
    """

    name: str
    required: bool
    rows: int | None
    refused: int = 0
    tolerated: float = 0.0
    rules: tuple[RuleCheck, ...] = ()
    first: datetime | None = None
    last: datetime | None = None
    ahead: int = 0
    """Rows dated in the future."""
    left_out: int = 0

    @property
    def share(self) -> float:
        return self.refused / self.rows if self.rows else 0.0

    @property
    def stops(self) -> bool:
        """Whether the night would stop at this table."""
        return any(rule.stops for rule in self.rules)


@dataclass(frozen=True)
class Fact:
    """``n`` of ``of`` things are so."""

    what: str
    n: int
    of: int

    @property
    def share(self) -> float | None:
        return self.n / self.of if self.of else None


@dataclass(frozen=True)
class WordCheck:
    """A word of a column: rows that have it, their share of the rows and of the money, and what it is taken for."""

    column: str
    word: str
    rows: int
    share: float
    money: float | None
    means: str
    known: bool

    def counted(self) -> str:
        """Say how often it is there."""
        money = f", {self.money:.1%} of the money" if self.money is not None else ""
        return f"{counted(self.rows)}, {self.share:.1%}{money}"


@dataclass(frozen=True)
class CapabilityCheck:
    """Whether a capability can run: ``why`` says what it waits for, ``better_with`` what would make it better."""

    name: str
    title: str
    question: str
    why: tuple[str, ...]
    better_with: tuple[str, ...]

    @property
    def ready(self) -> bool:
        return not self.why


@dataclass(frozen=True)
class Report:
    """What ``shop check`` found."""

    faults: tuple[str, ...]
    tables: tuple[TableCheck, ...]
    facts: tuple[Fact, ...]
    capabilities: tuple[CapabilityCheck, ...]
    advice: tuple[str, ...]
    idle: tuple[str, ...] = ()
    """Rows of ``ml_config`` that have no effect, and why."""
    numbers: tuple[tuple[str, str], ...] = ()
    """What a person knows of the shop: its median order value, its dearest product …"""
    findings: tuple[str, ...] = ()
    """What breaks no rule and is odd: what becomes of it, and what to do."""
    names: tuple[str, ...] = ()
    """Tables and columns of schema ``shop`` that the contract does not have."""
    words: tuple[WordCheck, ...] = ()
    """The words of its columns, and what they are taken for."""

    @property
    def ok(self) -> bool:
        """Whether a night would run and at least one capability would publish."""
        stops = any(table.stops for table in self.tables)
        return not self.faults and not stops and any(capability.ready for capability in self.capabilities)

    def to_text(self) -> str:
        """Render as plain text, the widest line being that of a message."""
        shown = [table for table in self.tables if table.rows is not None or table.required]
        without = ", ".join(table.name for table in self.tables if table not in shown)
        grid = _grid(("", "rows", "from", "to", "refused", "left out"), [_table(table) for table in shown])
        parts = [
            ("Faults: the tables do not fit the contract", list(self.faults)),
            ("Tables", [*grid, *([f"(not there, and not required: {without})"] if without else [])]),
            ("What they hold", _grid((), [_fact(fact) for fact in self.facts])),
            ("Is this your shop?", _grid((), self.numbers, right=False)),
            ("Words, and what they are taken for", _grid((), [_word(word) for word in self.words])),
            ("Names that nothing reads", list(self.names)),
            ("Rules that are broken", list(_rules(self.tables, ("fault",)))),
            ("Normal business: left out or counted, no fault", list(_rules(self.tables, ("left out", "kept")))),
            ("Worth a look", list(self.findings)),
            ("Capabilities", list(_capabilities(self.capabilities))),
            ("What the staff wrote that has no effect", list(self.idle)),
            ("Advice", list(self.advice)),
        ]
        return "\n\n".join("\n".join([title, *(f"  {line}" for line in lines)]) for title, lines in parts if lines)


def counted(rows: int) -> str:
    """Say a number of rows.

    Examples
    --------
    >>> counted(1), counted(2517)
    ('1 row', '2,517 rows')
    """
    return f"{rows:,} row{'' if rows == 1 else 's'}"


def _table(table: TableCheck) -> tuple[str, ...]:
    if table.rows is None:
        return table.name, "missing", "", "", "", ""
    days = tuple(f"{time:%Y-%m-%d}" if time else "" for time in (table.first, table.last))
    refused = f"{table.refused:,} ({table.share:.2%})" if table.refused else "0"
    left_out = f"{table.left_out:,} ({table.left_out / table.rows:.2%})" if table.rows and table.left_out else "0"
    return table.name, f"{table.rows:,}", *days, refused, left_out


def _word(word: WordCheck) -> tuple[str, ...]:
    return f"{word.column}  {word.word[:40]}", word.counted(), word.means


def _fact(fact: Fact) -> tuple[str, ...]:
    return fact.what, f"{fact.n:,} of {fact.of:,}", f"{fact.share:.1%}" if fact.share is not None else ""


def _rules(tables: Sequence[TableCheck], severities: Sequence[str]) -> Iterator[str]:
    for table in tables:
        rules = [rule for rule in table.rules if rule.severity in severities]
        for rule in sorted(rules, key=lambda rule: (-rule.stops, -rule.rows)):
            examples = ", ".join(rule.examples[:3])
            stays = " stay" if rule.severity == "kept" else ""
            broken = f"{counted(rule.rows)}{stays} ({rule.rows / max(1, table.rows or 0):.2%}), e.g. {examples}"
            yield f"{table.name}: {rule.rule}: {broken if rule.rows else f'it is {examples}'}"
            yield f"  {rule.reason}{' A NIGHT WOULD STOP.' if rule.stops else ''}"


def _capabilities(capabilities: Sequence[CapabilityCheck]) -> Iterator[str]:
    for capability in capabilities:
        yield f"{capability.name}: {'ready' if capability.ready else 'waiting'}. {capability.question}"
        yield from (f"  waits: {reason}" for reason in capability.why)
        if capability.better_with:
            yield f"  better with: {', '.join(capability.better_with)}"


def _grid(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: bool = True) -> list[str]:
    """Align columns: the first to the left, the others to the right if ``right``."""
    lines = [header, *rows] if header else list(rows)
    if not rows:
        return []
    widths = [max(len(line[i]) for line in lines) for i in range(len(rows[0]))]
    return [
        "  ".join(
            c.ljust(w) if i == 0 or not right else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]

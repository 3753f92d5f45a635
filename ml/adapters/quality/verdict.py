"""What a validation says of a table, and how it is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ml.adapters.quality.mending import WordCount, column_is_closed, counted_words
from ml.adapters.quality.suite import Severity

EXAMPLES = 5
"""Keys of failing rows that a breach names."""


@dataclass(frozen=True)
class Breach:
    """A rule that is broken: by ``rows`` rows, of which ``examples`` are keys; or by the table as a whole (no rows).

    ``refuses``: this alone stops the night.
    """

    rule: str
    column: str
    rows: int
    examples: tuple[str, ...]
    reason: str
    refuses: bool
    severity: Severity = "fault"


@dataclass(frozen=True)
class Verdict:
    """A table's rows, how many ``failed`` (their ``share``), what share is ``tolerated``, and the rules that are broken.

    ``left_out``: rows of normal business that nobody can learn from; they are no faults. ``words``: what its columns of
    words hold.
    """

    table: str
    rows: int
    failed: int
    share: float
    tolerated: float
    breaches: tuple[Breach, ...] = ()
    left_out: int = 0
    words: tuple[WordCount, ...] = ()

    @property
    def refused(self) -> bool:
        return any(breach.refuses for breach in self.breaches)


def refusal(verdicts: Iterable[Verdict]) -> str:
    """Tell which tables are refused: each with its rules, counts, shares and example keys; empty if none is.

    Examples
    --------
    >>> breach = Breach("quantity above 0", "quantity", 300, ("o1/1", "o2/1"), "nobody buys nothing", refuses=False)
    >>> over = Breach("quarantined_share at most 0.05", "", 0, ("0.3",), "more is no accident", refuses=True)
    >>> print(refusal([Verdict("order_item", 1000, 300, 0.3, 0.05, (breach, over)), Verdict("order", 9, 0, 0.0, 0.05)]))
    order_item: 300 of 1,000 rows (30.0 %) are broken, 5.0 % are tolerated
      quarantined_share at most 0.05: it is 0.3 (more is no accident)
      quantity above 0: 300 rows (30.0 %), e.g. o1/1, o2/1 (nobody buys nothing)
    """
    return "\n".join(_in_words(verdict) for verdict in verdicts if verdict.refused)


def notes(verdicts: Iterable[Verdict]) -> list[str]:
    """Tell what is no fault and yet to be known: what was left out or changed, and the words that nobody understands.

    Examples
    --------
    >>> free = Breach("unit_price above 0", "unit_price", 3, ("o1/2",), "free", refuses=False, severity="kept")
    >>> for line in notes([Verdict("order_item", 10, 0, 0.0, 0.05, (free,))]):
    ...     print(line)
    order_item: 3 of 10 rows (30.0 %) stay, but are counted: not unit_price above 0, e.g. o1/2 (free)
    """
    lines = []
    for verdict in verdicts:
        for breach in (b for b in verdict.breaches if b.severity != "fault"):
            share = f"{100 * breach.rows / max(1, verdict.rows):.1f} %"
            consequence = "are left out" if breach.severity == "left out" else "stay, but are counted"
            came = f"{breach.rows:,} of {verdict.rows:,} rows ({share}) {consequence}"
            lines.append(
                f"{verdict.table}: {came}: not {breach.rule}, e.g. {', '.join(breach.examples[:3])} ({breach.reason})"
            )
        for column in dict.fromkeys(word.column for word in verdict.words):
            unknown = [w for w in verdict.words if w.column == column and w.taken_for is None]
            if unknown and column_is_closed(verdict.table, column):
                lines.append(f"{verdict.table}.{column}: words that are not known: {counted_words(unknown)}")
    return lines


def _in_words(verdict: Verdict) -> str:
    lines = [
        f"{verdict.table}: {verdict.failed:,} of {verdict.rows:,} rows ({verdict.share:.1%}) are broken, "
        f"{verdict.tolerated:.1%} are tolerated".replace("%", " %")
    ]
    faults = [breach for breach in verdict.breaches if breach.severity == "fault"]
    for breach in sorted(faults, key=lambda b: (-b.refuses, -b.rows)):
        came = f"it is {', '.join(breach.examples)}"
        if breach.rows:
            share = f"{breach.rows / max(1, verdict.rows):.1%}".replace("%", " %")
            came = f"{breach.rows:,} rows ({share}), e.g. {', '.join(breach.examples)}"
        lines.append(f"  {breach.rule}: {came} ({breach.reason})")
    return "\n".join(lines)

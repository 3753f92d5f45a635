"""The Data Docs of a night: what was judged by which rule, as plain pages that need no network and run no script.

Every text is escaped, whoever wrote it: the rows are a shop's customers'. The pages also forbid scripts to the browser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ml.adapters.quality.judge import Tally
from ml.adapters.quality.suite import Suite
from ml.adapters.quality.verdict import Verdict
from ml.core.html import link, page, table, text

EXAMPLES = 3
"""Keys and values that a rule shows."""
LONGEST = 80
"""Characters of a key or value."""


@dataclass(frozen=True)
class Judged:
    """A table with its rules, what these saw, and the verdict."""

    suite: Suite
    tallies: Sequence[Tally]
    verdict: Verdict


def pages(title: str, judged: Sequence[Judged]) -> dict[str, str]:
    """HTML by file name: ``index.html`` and a page for each table.

    Parameters
    ----------
    title : str
        What was judged, as ``2026-01-01/001``.
    """
    each = {f"{one.verdict.table}.html": _tablepage(title, one) for one in judged}
    return {"index.html": _index(title, judged), **each}


def _index(title: str, judged: Sequence[Judged]) -> str:
    rows = [
        (
            link(f"{one.verdict.table}.html", one.verdict.table),
            text(one.suite.notes),
            _count(one.verdict.rows),
            _count(one.verdict.failed),
            _share(one.verdict.share),
            _share(one.verdict.tolerated),
            _outcome(one.verdict),
        )
        for one in judged
    ]
    head = ("table", "", "#rows", "#set aside", "#share", "#tolerated", "outcome")
    body = (
        f"<h1>{text(title)}</h1><p>{_summary([one.verdict for one in judged])}</p>"
        "<p>A row that breaks a rule is set aside in <code>ml_ops.quarantine</code>, and the others go on. "
        "A table with more of them than is tolerated stops the night.</p>"
    )
    return page(title, body + table(head, rows))


def _summary(verdicts: Sequence[Verdict]) -> str:
    rows, failed = sum(v.rows for v in verdicts), sum(v.failed for v in verdicts)
    refused = [v.table for v in verdicts if v.refused]
    if refused:
        return f'<b class="bad">Stopped</b> by {text(", ".join(refused))}: nothing is published from this snapshot.'
    if failed:
        return f'<b class="good">Good.</b> {_count(failed)} of {_count(rows)} rows were set aside, within the limits.'
    return f'<b class="good">Good.</b> All of {_count(rows)} rows keep every rule.'


def _outcome(verdict: Verdict) -> str:
    if verdict.refused:
        return '<b class="bad">stops the night</b>'
    return '<span class="odd">good, some set aside</span>' if verdict.failed else '<span class="good">good</span>'


def _tablepage(title: str, one: Judged) -> str:
    verdict = one.verdict
    body = (
        f"<nav>{link('index.html', title)}</nav><h1>{text(verdict.table)}</h1><p>{text(one.suite.notes)}</p>"
        f"<p>{_outcome(verdict)}: {_count(verdict.failed)} of {_count(verdict.rows)} rows set aside "
        f"({_share(verdict.share)}; {_share(verdict.tolerated)} are tolerated), "
        f"{_count(verdict.left_out)} left out as normal business.</p>"
    )
    ordered = sorted(one.tallies, key=lambda tally: -tally.broken)
    head = ("rule", "why", "#broken by", "examples")
    return page(f"{verdict.table}, {title}", body + table(head, [_rule(tally, verdict) for tally in ordered]))


def _rule(tally: Tally, verdict: Verdict) -> tuple[str, ...]:
    name, reason = text(tally.rule.name), text(tally.rule.reason)
    found = next((breach for breach in verdict.breaches if breach.rule == tally.rule.name), None)
    if not found:
        return name, reason, '<span class="good">none</span>', ""
    if not found.rows:
        return name, reason, '<b class="bad">the table</b>', f"it is {_examples(found.examples)}"
    values = "" if tally.rule.column.startswith("_") else f"<br><small>values {_examples(tally.partial)}</small>"
    consequence = "" if found.severity == "fault" else f" ({found.severity})"
    share = f"<br><small>{_share(found.rows / max(1, verdict.rows))}{consequence}</small>"
    shown = f"keys {_examples(found.examples)}{values if tally.partial else ''}"
    return name, reason, f'<b class="odd">{_count(found.rows)}</b>{share}', shown


def _examples(values: Sequence[object]) -> str:
    whole = [str(value) for value in values[:EXAMPLES]]
    cut = [value if len(value) <= LONGEST else value[: LONGEST - 1] + "…" for value in whole]
    return ", ".join(f"<code>{text(value)}</code>" for value in cut)


def _count(number: int) -> str:
    return f"{number:,}"


def _share(share: float) -> str:
    if 0 < share < 0.0001:
        return "&lt; 0.01 %"
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.1f} %"

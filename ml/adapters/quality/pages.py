"""The Data Docs of a night: what was judged by which rule, as plain pages that need no network and run no script.

Every text is escaped, whoever wrote it: the rows are a shop's customers'. The pages also forbid scripts to the browser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from ml.adapters.quality.judge import Tally
from ml.adapters.quality.suite import Suite
from ml.adapters.quality.verdict import Verdict

EXAMPLES = 3
"""Keys and values that a rule shows."""
LONGEST = 80
"""Characters of a key or value."""

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --good: #1a7f4b; --odd: #9a6700; --bad: #c4314b }
@media (prefers-color-scheme: dark) { :root { --good: #4cc38a; --odd: #e0a83f; --bad: #ff7b8e } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2.5rem auto; padding: 0 1.5rem }
h1 { font-size: 1.5rem; margin: 0 0 .25rem } p { margin: .25rem 0 1rem } nav { margin-bottom: 1rem }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 2rem }
th, td { text-align: left; vertical-align: top; padding: .45rem .75rem .45rem 0; border-bottom: 1px solid var(--line) }
th { font-weight: 600; font-size: .85rem } td.n, th.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
code { background: var(--soft); border-radius: 4px; padding: 0 .3em; overflow-wrap: anywhere }
small { opacity: .75 } .good { color: var(--good) } .odd { color: var(--odd) } .bad { color: var(--bad) }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


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
    each = {f"{one.verdict.table}.html": _table_page(title, one) for one in judged}
    return {"index.html": _index(title, judged), **each}


def _index(title: str, judged: Sequence[Judged]) -> str:
    rows = [
        (
            _link(f"{one.verdict.table}.html", one.verdict.table),
            _text(one.suite.notes),
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
        f"<h1>{_text(title)}</h1><p>{_summary([one.verdict for one in judged])}</p>"
        "<p>A row that breaks a rule is set aside in <code>ml_ops.quarantine</code>, and the others go on. "
        "A table with more of them than is tolerated stops the night.</p>"
    )
    return _page(title, body + _table(head, rows))


def _summary(verdicts: Sequence[Verdict]) -> str:
    rows, failed = sum(v.rows for v in verdicts), sum(v.failed for v in verdicts)
    refused = [v.table for v in verdicts if v.refused]
    if refused:
        return f'<b class="bad">Stopped</b> by {_text(", ".join(refused))}: nothing is published from this snapshot.'
    if failed:
        return f'<b class="good">Good.</b> {_count(failed)} of {_count(rows)} rows were set aside, within the limits.'
    return f'<b class="good">Good.</b> All of {_count(rows)} rows keep every rule.'


def _outcome(verdict: Verdict) -> str:
    if verdict.refused:
        return '<b class="bad">stops the night</b>'
    return '<span class="odd">good, some set aside</span>' if verdict.failed else '<span class="good">good</span>'


def _table_page(title: str, one: Judged) -> str:
    verdict = one.verdict
    body = (
        f"<nav>{_link('index.html', title)}</nav><h1>{_text(verdict.table)}</h1><p>{_text(one.suite.notes)}</p>"
        f"<p>{_outcome(verdict)}: {_count(verdict.failed)} of {_count(verdict.rows)} rows set aside "
        f"({_share(verdict.share)}; {_share(verdict.tolerated)} are tolerated), "
        f"{_count(verdict.left_out)} left out as normal business.</p>"
    )
    ordered = sorted(one.tallies, key=lambda tally: -tally.broken)
    head = ("rule", "why", "#broken by", "examples")
    return _page(f"{verdict.table}, {title}", body + _table(head, [_rule(tally, verdict) for tally in ordered]))


def _rule(tally: Tally, verdict: Verdict) -> tuple[str, ...]:
    name, reason = _text(tally.rule.name), _text(tally.rule.reason)
    found = next((breach for breach in verdict.breaches if breach.rule == tally.rule.name), None)
    if not found:
        return name, reason, '<span class="good">none</span>', ""
    if not found.rows:
        return name, reason, '<b class="bad">the table</b>', f"it is {_examples(found.examples)}"
    values = "" if tally.rule.column.startswith("_") else f"<br><small>values {_examples(tally.partial)}</small>"
    done = "" if found.severity == "fault" else f" ({found.severity})"
    share = f"<br><small>{_share(found.rows / max(1, verdict.rows))}{done}</small>"
    shown = f"keys {_examples(found.examples)}{values if tally.partial else ''}"
    return name, reason, f'<b class="odd">{_count(found.rows)}</b>{share}', shown


def _examples(values: Sequence[object]) -> str:
    texts = [str(value) for value in values[:EXAMPLES]]
    cut = [text if len(text) <= LONGEST else text[: LONGEST - 1] + "…" for text in texts]
    return ", ".join(f"<code>{_text(text)}</code>" for text in cut)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; a column whose title begins with # holds numbers."""
    kinds = [' class="n"' if title.startswith("#") else "" for title in head]
    titles = "".join(f"<th{kind}>{title.removeprefix('#')}</th>" for title, kind in zip(head, kinds, strict=True))
    lines = ("".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(row, kinds, strict=True)) for row in rows)
    return f"<table><tr>{titles}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{_text(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>{body}</body></html>\n'
    )


def _text(value: str) -> str:
    # A lone surrogate cannot be written as UTF-8.
    return escape(value.encode("utf-8", "replace").decode("utf-8"))


def _link(page: str, words: str) -> str:
    return f'<a href="{_text(page)}">{_text(words)}</a>'


def _count(number: int) -> str:
    return f"{number:,}"


def _share(share: float) -> str:
    if 0 < share < 0.0001:
        return "&lt; 0.01 %"
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.1f} %"

"""Pages that need no network and run no script: every text is escaped, and scripts are forbidden to the browser."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

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
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Content-Security-Policy of every page."""


def page(title: str, body: str) -> str:
    """A whole page; ``body`` is HTML."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{text(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>{body}</body></html>\n'
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are HTML; a column whose title begins with # holds numbers."""
    kinds = [' class="n"' if title.startswith("#") else "" for title in head]
    titles = "".join(f"<th{kind}>{title.removeprefix('#')}</th>" for title, kind in zip(head, kinds, strict=True))
    lines = ("".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(row, kinds, strict=True)) for row in rows)
    return f"<table><tr>{titles}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def link(address: str, words: str) -> str:
    """A link to another page of the same folder."""
    return f'<a href="{text(address)}">{text(words)}</a>'


def text(value: str) -> str:
    """``value`` as HTML that shows it.

    Examples
    --------
    >>> text("<script>alert('x')</script>")
    '&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;'
    """
    # A lone surrogate cannot be written as UTF-8.
    return escape(value.encode("utf-8", "replace").decode("utf-8"))

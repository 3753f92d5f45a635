"""What the demo shows at its end: a few rows of each capability, as the shop would read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.markup import escape
from rich.table import Table

from cli.output import err, out
from ml.core.spec import Example
from ml.registry import CAPABILITIES
from ml.settings import Settings

BATCHES = """
SELECT capability, table_name, rows FROM ml_ops.batch WHERE status = 'published' ORDER BY capability, table_name
"""

Rows = list[dict[str, Any]]


def show(settings: Settings) -> None:
    """Print the examples of each capability that has published, and how many rows each table holds."""
    from ml.adapters import postgres

    batches = postgres.query(settings.database_url, BATCHES)
    here = settings.shop_url == settings.database_url
    for name in CAPABILITIES:
        if any(batch["capability"] == name for batch in batches):
            for example in CAPABILITIES[name].examples:
                if here or "shop." not in example.sql + example.each:
                    for title, rows in results(settings.database_url, example):
                        _print(title, rows)
    counts = ", ".join(f"{batch['table_name']} {batch['rows']:,}" for batch in batches)
    err.print(f"\n[dim]Rows in schema ml: {counts}[/]", soft_wrap=True)


def results(url: str, example: Example) -> Iterator[tuple[str, Rows]]:
    """Title and rows of an example, once for each row of ``example.each``; without rows it is left out."""
    from ml.adapters import postgres

    keys = postgres.query(url, example.each) if example.each else [{"key": None, "title": example.title}]
    for row in keys:
        if rows := postgres.query(url, example.sql, [row["key"]] if example.each else ()):
            yield str(row["title"]), rows


def _print(title: str, rows: Rows) -> None:
    out.print(f"\n[bold]{escape(title)}[/]", soft_wrap=True)
    table = Table(*rows[0], box=None, pad_edge=False)
    for row in rows:
        table.add_row(*("" if value is None else escape(str(value)) for value in row.values()))
    out.print(table)

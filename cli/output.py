"""What a person sees: tables and text on standard output, progress and errors on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.status import Status

NARROWEST, PIPED = 110, 160
"""Columns: a table is not squeezed below the first; into a pipe or file it may be as wide as the second."""

_terminal = Console(highlight=False)
out = Console(highlight=False, width=max(_terminal.width, NARROWEST if _terminal.is_terminal else PIPED))
err = Console(stderr=True, highlight=False)


class Steps:
    """Progress of something with named steps: a spinner on a terminal, a line per finished step elsewhere."""

    def __init__(self, status: Status | None) -> None:
        self._status = status

    def now(self, text: str) -> None:
        """Show what goes on; on a terminal only."""
        if self._status is not None:
            self._status.update(escape(text))

    def done(self, text: str, detail: str = "") -> None:
        """Keep a line of what is over."""
        err.print(f"[green]✓[/] {escape(text)} [dim]{escape(detail)}[/]".rstrip(), soft_wrap=True)

    def fail(self, text: str) -> None:
        """Keep a line of what went wrong."""
        err.print(f"[red]✗[/] {escape(text)}", soft_wrap=True)

    def begin(self, text: str) -> None:
        """Say what begins, also where there is no terminal."""
        self.now(text)
        if self._status is None:
            self.note(text)

    def note(self, text: str) -> None:
        """Keep a line that is worth knowing."""
        err.print(f"[dim]·[/] {escape(text)}", soft_wrap=True)


@contextmanager
def steps(text: str) -> Iterator[Steps]:
    """Show progress under ``text``; empty: nothing is awaited, so nothing is said."""
    if not text or not sys.stderr.isatty():
        if text:
            err.print(text)
        yield Steps(None)
        return
    with err.status(text) as status:
        yield Steps(status)


def seconds(value: float) -> str:
    """A duration for people.

    Examples
    --------
    >>> seconds(3.21), seconds(75), seconds(7320), seconds(200000)
    ('3.2 s', '1 min 15 s', '2 h 2 min', '2 d 7 h')
    """
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(int(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def size(value: float) -> str:
    """A number of bytes for people.

    Examples
    --------
    >>> size(512), size(1536), size(3 * 2**30)
    ('512 B', '1.5 KiB', '3.0 GiB')
    """
    if value < 1024:
        return f"{value:.0f} B"
    for unit in ("KiB", "MiB", "GiB"):
        value /= 1024
        if value < 1024 or unit == "GiB":
            break
    return f"{value:.1f} {unit}"

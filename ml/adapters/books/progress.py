"""What a step is at, said every half minute as long as it runs: a silent log looks like one that hangs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

log = logging.getLogger("nightshift")

EVERY_S = 30.0


class Progress:
    """Says of ``what`` every ``every_s`` seconds what it does now, for how long, and what is left."""

    def __init__(self, what: str, every_s: float = EVERY_S, tell: Callable[[str], None] = log.info) -> None:
        self._what, self._every_s, self._tell = what, every_s, tell
        self._start = self._since = time.monotonic()
        self._doing, self._left = "is at work", tuple[str, ...]()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        _running.append(self)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        _running.remove(self)

    def at(self, doing: str, *left: str) -> None:
        """From now on it does ``doing``; ``left`` comes after."""
        self._doing, self._left, self._since = doing, left, time.monotonic()

    def line(self, now: float) -> str:
        """What is said at ``now`` of the monotonic clock."""
        text = f"{self._what}: {self._doing} ({_words(now - self._since)}"
        text += ")" if self._since == self._start else f"; {_words(now - self._start)} since the start)"
        return text + (f"; then: {', '.join(self._left)}" if self._left else "")

    def _run(self) -> None:
        while not self._ended.wait(self._every_s):
            self._tell(self.line(time.monotonic()))


_running: list[Progress] = []
"""The steps of this process that run, the innermost last."""


def at(doing: str, *left: str) -> None:
    """Let the step that runs say what it does now and what is ``left``; without one nobody listens."""
    if _running:
        _running[-1].at(doing, *left)


def _words(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"

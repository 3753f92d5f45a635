"""A step that takes long says what it is at."""

from __future__ import annotations

import re
import threading

from ml.adapters.books import progress
from ml.adapters.books.progress import Progress


def test_a_long_step_says_what_it_does_and_what_is_left() -> None:
    """As often as it is told to, in the words of the moment; nothing is said after its end."""
    lines: list[str] = []
    twice = threading.Event()

    def tell(line: str) -> None:
        lines.append(line)
        if len(lines) > 1:
            twice.set()

    with Progress("recommender.train", every_s=0.001, tell=tell):
        progress.at("learns", "compares", "writes it to MLflow")
        assert twice.wait(10)
    count = len(lines)
    line = r"recommender\.train: learns \(\d+ s; \d+ s since the start\); then: compares, writes it to MLflow"
    assert re.fullmatch(line, lines[-1])
    assert threading.active_count() == 1 or count == len(lines)


def test_the_innermost_step_is_the_one_that_speaks() -> None:
    """A step within another tells of itself; without any nobody listens."""
    with Progress("night") as outer:
        progress.at("trains")
        with Progress("train") as inner:
            progress.at("learns")
            assert inner.line(inner._since + 95).startswith("train: learns (1 min 35 s; ")
        assert outer.line(outer._since).startswith("night: trains (0 s; ")
    progress.at("nothing")

"""Figures: each module here measures one promise beside a peer or a limit, in one run, and gives the ratio.

A module ``bench/<name>.py`` has a docstring whose first line says what it measures, and a function
``run(options: Options) -> Iterator[Row]``. ``./nightshift bench <name>`` prints its rows, ``--json FILE`` keeps them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """How to run: ``quick`` for a small size that only shows that it works, else the size that the targets name."""

    quick: bool = False
    shop: str = ""
    data: Path | None = None
    scratch: Path = Path("bench/out")
    as_read: bool = False
    """Measure what a shop reads by SQL after a night, where a benchmark can."""
    home: Path | None = None
    """State folder of a stack whose own figures are taken, where a benchmark can."""
    docs: bool = False
    """Write what was measured into docs/, where a benchmark can."""


@dataclass(frozen=True)
class Row:
    """One figure: ``ours`` beside ``peer`` in the same unit, and their ratio (above 1: better than the peer).

    ``target`` is the least ratio that was promised; None: for information.
    """

    what: str
    unit: str
    ours: float
    peer_name: str
    peer: float
    ratio: float
    target: float | None = None
    note: str = ""
    extra: Mapping[str, float] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        return None if self.target is None else self.ratio >= self.target


def seconds(function: Callable[[], object], *, times: int = 3) -> float:
    """Median wall time of ``times`` calls."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def in_turn(functions: Mapping[str, Callable[[], object]], *, times: int = 3) -> dict[str, float]:
    """Median wall time of each function, called in turn A B A B so that a drifting machine is fair to all."""
    taken: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(times):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in taken.items()}

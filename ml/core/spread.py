"""Work in pieces that know nothing of each other: what an engine of several machines does at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True)
class Place:
    """Where a piece of work runs: a folder of its own there, and what it may take of the machine."""

    home: Path
    threads: int
    memory_gb: float


class Spread(Protocol):
    """Runs ``function(place, *task)`` for each task, on whatever machines there are; gives the results in order.

    A function is one of a module; it may run twice for a task whose machine is lost, so the second time must end as the
    first. Arguments and results are what Python can pickle.
    """

    def __call__(self, function: Callable[..., Result], tasks: Sequence[tuple[Any, ...]], /) -> list[Result]: ...

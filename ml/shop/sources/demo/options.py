"""What a demo shop is made from: its size, seed and time. Everything else follows."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import numpy as np
from numpy.typing import NDArray

from ml.core.errors import NightshiftError
from ml.core.units import DAY_S
from ml.shop.sources.demo.changes import CHANGES

END = date(2026, 1, 1)
"""The shop's last day is the one before: rows end at 00:00 UTC of ``END``."""

PLANTS = ("fees", "season", "once")
"""What :mod:`ml.shop.sources.demo.plants` can plant."""

CHUNK = 5_000
"""Customers generated at a time, at most. Part of what a seed means: another value gives another shop."""


@dataclass(frozen=True)
class Options:
    """Options of the demo shop.

    Parameters
    ----------
    customers : int
        How many customers, 200 to 1,000,000. Products grow with them.
    seed : int
        Same seed, size and time: same bytes.
    end : date
        The first day that the shop has not seen.
    days : int
        Days of business before ``end``, 90 to 3,650.
    faults : float
        Share of rows that are broken on purpose, 0 to 0.2 (see :mod:`ml.shop.sources.demo.faults`).
    change : str
        What is done to the whole last day (see :mod:`ml.shop.sources.demo.changes`); empty: nothing.
    plants : str
        ``fees``, ``season`` or ``once``, joined by ``+`` (see :mod:`ml.shop.sources.demo.plants`); empty: none.
    recordings : str
        Folder into which some tickets by phone are spoken (see :mod:`ml.shop.sources.demo.calls`); empty: all are written.

    Raises
    ------
    NightshiftError
        Naming every option that is out of range.
    """

    customers: int = 2000
    seed: int = 7
    end: date = END
    days: int = 730
    faults: float = 0.0005
    change: str = ""
    plants: str = ""
    recordings: str = ""

    def __post_init__(self) -> None:
        wrong = [
            f"{name}={getattr(self, name)!r} (must be {need})"
            for name, good, need in (
                ("customers", _whole(self.customers, 200, 1_000_000), "a whole number from 200 to 1,000,000"),
                ("seed", _whole(self.seed, 0, 2**63), "a whole number, 0 or more"),
                ("end", type(self.end) is date and self.end.year >= 2000, "a date from 2000-01-01 on"),
                ("days", _whole(self.days, 90, 3650), "a whole number from 90 to 3,650"),
                ("faults", type(self.faults) in (int, float) and 0 <= self.faults <= 0.2, "a share from 0 to 0.2"),
                ("plants", set(self.plants.split("+")) <= {"", *PLANTS}, "of " + ", ".join(PLANTS) + ", joined by +"),
                ("change", self.change in ("", *CHANGES), "one of " + ", ".join(CHANGES) + ", or nothing"),
            )
            if not good
        ]
        if wrong:
            raise NightshiftError(
                "The demo shop cannot be made with these options.",
                came="; ".join(wrong),
                do="choose values in the ranges given, or leave the option out",
            )

    @property
    def stop(self) -> int:
        """``end`` in seconds since 1970."""
        return int(datetime.combine(self.end, time(), UTC).timestamp())

    @property
    def start(self) -> int:
        """First second of business, in seconds since 1970."""
        return self.stop - self.days * DAY_S

    @property
    def chunks(self) -> int:
        """Number of chunks of customers."""
        return -(-self.customers // CHUNK)

    def numbers(self, chunk: int) -> NDArray[np.int64]:
        """Numbers of the customers in ``chunk``; all chunks are about as large."""
        low, high = (self.customers * c // self.chunks for c in (chunk, chunk + 1))
        return np.arange(low, high)

    def rng(self, subject: str, chunk: int = 0) -> np.random.Generator:
        """A stream of its own for each subject and chunk.

        A chunk does not depend on the chunks before it, and a new subject does not disturb the others.
        """
        key = (zlib.crc32(subject.encode()), chunk)
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))


def _whole(value: object, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high

"""What is measured of a capability after the fact, and what people are told of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from ml.core.spec import Reaction

Kind = Literal["truth", "input", "feature", "prediction", "cost"]


@dataclass(frozen=True)
class Figure:
    """One number of a night; a row of ``ml_ops.figure``.

    Parameters
    ----------
    kind : str
        ``truth``, ``input``, ``feature``, ``prediction`` or ``cost``.
    name : str
        Metric, or ``<table>.<column>`` and what of it.
    value : float or None
        None: there is nothing to measure it on.
    slice : str
        Of which part; empty: all.
    low, high : float or None
        95 % interval.
    expected : float or None
        What was promised or is usual.
    units : int or None
        On how many units.
    about : date or None
        Night of the batch that is judged; None: the night that measures.
    version : int or None
        Model version that it is about.
    """

    kind: Kind
    name: str
    value: float | None
    slice: str = ""
    low: float | None = None
    high: float | None = None
    expected: float | None = None
    units: int | None = None
    about: date | None = None
    version: int | None = None


@dataclass(frozen=True)
class Alert:
    """Something that people should know, of a figure; a row of ``ml_ops.alert``.

    Parameters
    ----------
    words : str
        What is wrong, with the numbers.
    advice : str
        What to do.
    reaction : str
        ``tell``, ``learn`` or ``hold``.
    """

    capability: str
    kind: Kind
    name: str
    words: str
    advice: str
    slice: str = ""
    value: float | None = None
    expected: float | None = None
    reaction: Reaction = "tell"

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.capability, self.kind, self.name, self.slice

    def __str__(self) -> str:
        head = f"Nightshift: {self.capability}: " if self.capability else "Nightshift: "
        return f"{head}{self.words}\n  do:   {self.advice}"

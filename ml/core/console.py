"""What a capability adds to the pages for the shop's people: data only, in its file ``console.py`` if it wants any.

The pages show each published table, setting, version and headline from the spec alone. What is said here is more than
that: SELECTs as further panels, and what a change of a setting would do.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from ml.core.spec import Capability

Place = Literal[
    "tonight", "window", "product", "order", "voices", "find", "customer", "customers", "models", "experiments"
]


@dataclass(frozen=True)
class Panel:
    """A SELECT over schemas ``ml``, ``ml_config`` and ``ml_ops``, shown as a table on one of the pages.

    Parameters
    ----------
    title : str
        What the rows are.
    place : str
        The page.
    sql : str
        The SELECT. On the pages of a customer, product or order ``%(key)s`` is its id, on ``find`` the query. It should
        answer in a tenth of a second on a large shop: from an index, with a LIMIT.
    """

    title: str
    place: Place
    sql: str


@dataclass(frozen=True)
class Probe:
    """What is looked at before and after a change that is tried and taken back.

    Parameters
    ----------
    words : str
        What it measures.
    sql : str
        A SELECT. ``number``: one value. ``lists``: columns ``who`` and ``what`` (an array of product ids, in order).
    kind : str
        ``number`` or ``lists``.
    start : str
        A column of the changed row whose value is ``%(from)s`` in the SELECT, where the page gives none.
    """

    words: str
    sql: str
    kind: Literal["number", "lists"] = "number"
    start: str = ""


Found = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows by the name of their SELECT."""


class Compared(NamedTuple):
    """Figures before and after a change.

    Parameters
    ----------
    rows : mapping of str to mapping of str to (float, float)
        By what a row is about, each figure before and after, by its name; every row has the same figures.
    notes : tuple of str
        What the figures leave out, in words.
    """

    rows: Mapping[str, Mapping[str, tuple[float, float]]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Estimate:
    """What a change would do to what a night makes, computed from the rows that the last night published.

    Parameters
    ----------
    words : str
        What the figures are.
    selects : mapping of str to str
        SELECTs over ``ml``, ``ml_config`` and ``ml_ops``, each asked before and after.
    compare : callable
        The figures, from what was found before and after.
    figures : tuple of str
        Names of the figures.
    same : tuple of str, optional
        Names of the SELECTs that no setting changes: asked once, before.
    """

    words: str
    selects: Mapping[str, str]
    compare: Callable[[Found, Found], Compared]
    figures: tuple[str, ...]
    same: tuple[str, ...] = ()


class Reading(Protocol):
    """A picture as a capability's served version read it."""

    @property
    def vector(self) -> str:
        """As the capability's SELECT takes it."""

    def why(self, row: Mapping[str, Any]) -> str:
        """In words, what a row that was found has in common with the picture."""


@dataclass(frozen=True)
class ByPicture:
    """The answer of the page Find to a picture.

    Parameters
    ----------
    table : str
        The published table; the version that made its rows reads the picture.
    select : str
        A SELECT with ``%(vector)s``: columns ``rank``, ``product_id``, ``score``, and what ``why`` looks at.
    read : callable
        From the folder of the version's files, its number and the file's bytes; raises ``ml.core.pictures.Unreadable``.
    """

    table: str
    select: str
    read: Callable[[Path, int, bytes], Reading]


@dataclass(frozen=True)
class Contributions:
    """A published table that says what raised and lowered the score of each product that a customer is shown.

    Parameters
    ----------
    table : str
        Led by ``customer_id``. Its columns of kind ``numbers`` are the contributions, in log-odds, each explained by its
        meaning; their entries are in the order of ``products``.
    products : str
        The column of the products.
    base : str
        The column of what the score is before anything is known.
    """

    table: str
    products: str
    base: str


@dataclass(frozen=True)
class Action:
    """A way from a row that is shown to a form of ``ml_config`` that is filled in from it; its preview comes before the save.

    Parameters
    ----------
    words : str
        What is done.
    config : str
        The table of ``ml_config``.
    values : mapping of str to str
        What is filled in, by the form's column.
    taken : mapping of str to str
        By the form's column, the row's column whose value is filled in.
    """

    words: str
    config: str
    values: Mapping[str, str]
    taken: Mapping[str, str]


@dataclass(frozen=True)
class Console:
    """What a capability adds.

    Parameters
    ----------
    panels : tuple of Panel
    probes : mapping of str to tuple of Probe or Estimate
        By table of ``ml_config``: what a change of it moves at once, or would move in the last night's rows.
    later : mapping of str to str
        By table of ``ml_config``, what the night does with a change, where it has no effect at once.
    by_picture : ByPicture or None
        What answers a picture.
    contributions : Contributions or None
        What made the scores of the shop window.
    actions : mapping of str to tuple of Action
        By published table, or by function (``ml.search``), what can be done with a row.
    """

    panels: tuple[Panel, ...] = ()
    probes: Mapping[str, tuple[Probe | Estimate, ...]] = field(default_factory=dict)
    later: Mapping[str, str] = field(default_factory=dict)
    by_picture: ByPicture | None = None
    contributions: Contributions | None = None
    actions: Mapping[str, tuple[Action, ...]] = field(default_factory=dict)


def of(spec: Capability) -> Console:
    """What ``console.py`` of a capability says; nothing where it has none."""
    name = f"{spec.package}.console"
    if importlib.util.find_spec(name) is None:
        return Console()
    found = importlib.import_module(name).CONSOLE
    assert isinstance(found, Console)
    return found

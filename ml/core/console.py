"""What a capability adds to the pages for the shop's people: data only, in its file ``console.py`` if it wants any.

The pages show each published table, setting, version and headline from the spec alone. What is said here is more than
that: SELECTs as further panels, and what a change of a setting would do.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

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
    """

    words: str
    sql: str
    kind: Literal["number", "lists"] = "number"


@dataclass(frozen=True)
class Console:
    """What a capability adds.

    Parameters
    ----------
    panels : tuple of Panel
    probes : mapping of str to tuple of Probe
        By table of ``ml_config``: what a change of it moves at once.
    later : mapping of str to str
        By table of ``ml_config``, what the night does with a change, where it has no effect at once.
    """

    panels: tuple[Panel, ...] = ()
    probes: Mapping[str, tuple[Probe, ...]] = field(default_factory=dict)
    later: Mapping[str, str] = field(default_factory=dict)


def of(spec: Capability) -> Console:
    """What ``console.py`` of a capability says; nothing where it has none."""
    name = f"{spec.package}.console"
    if importlib.util.find_spec(name) is None:
        return Console()
    found = importlib.import_module(name).CONSOLE
    assert isinstance(found, Console)
    return found

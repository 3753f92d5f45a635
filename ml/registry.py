"""The capabilities, one line each: a name stands for the folder ``ml/capabilities/<name>/``."""

from __future__ import annotations

import importlib

from ml.core.errors import NightshiftError
from ml.core.spec import Capability, ConfigTable

NAMES = (
    "recommender",
    "risk",
    "sentiment",
)


def _spec(name: str) -> Capability:
    spec = importlib.import_module(f"ml.capabilities.{name}.spec").SPEC
    assert isinstance(spec, Capability)
    assert spec.name == name
    return spec


CAPABILITIES: dict[str, Capability] = {name: _spec(name) for name in NAMES}
CONFIG: tuple[ConfigTable, ...] = tuple(table for spec in CAPABILITIES.values() for table in spec.config)
"""Every table that the shop's staff edits."""


def capability(name: str) -> Capability:
    """The capability ``name``; an unknown one is an error that lists those that there are."""
    try:
        return CAPABILITIES[name]
    except KeyError:
        raise NightshiftError(
            f"There is no capability {name!r}.", came=repr(name), do="choose one of " + ", ".join(CAPABILITIES)
        ) from None

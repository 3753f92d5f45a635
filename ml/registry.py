"""The capabilities, one line each: a name stands for the folder ``ml/capabilities/<name>/``."""

from __future__ import annotations

import importlib

from ml.core.errors import unknown
from ml.core.platform import PLATFORM
from ml.core.spec import Capability, ConfigTable

NAMES = (
    "recommender",
    "risk",
    "search",
    "sentiment",
    "cart",
    "visual",
    "customer",
    "marketing",
    "demand",
    "stock",
    "delivery",
    "service",
)


def _spec(name: str) -> Capability:
    spec = importlib.import_module(f"ml.capabilities.{name}.spec").SPEC
    assert isinstance(spec, Capability)
    assert spec.name == name
    return spec


CAPABILITIES: dict[str, Capability] = {name: _spec(name) for name in NAMES}
CONFIG: tuple[ConfigTable, ...] = (*PLATFORM, *(table for spec in CAPABILITIES.values() for table in spec.config))
"""Every table that the shop's staff edits."""


def capability(name: str) -> Capability:
    """The capability ``name``; an unknown one is an error that names the nearest."""
    if name not in CAPABILITIES:
        raise unknown("capability", name, CAPABILITIES)
    return CAPABILITIES[name]

"""The capabilities, one line each."""

from __future__ import annotations

from ml.capabilities.recommender.spec import SPEC as RECOMMENDER
from ml.capabilities.risk.spec import SPEC as RISK
from ml.capabilities.sentiment.spec import SPEC as SENTIMENT
from ml.core.errors import unknown
from ml.core.spec import Capability, ConfigTable

CAPABILITIES: dict[str, Capability] = {spec.name: spec for spec in (RECOMMENDER, RISK, SENTIMENT)}
CONFIG: tuple[ConfigTable, ...] = tuple(table for spec in CAPABILITIES.values() for table in spec.config)
"""Every table that the shop's staff edits."""


def capability(name: str) -> Capability:
    """The capability ``name``; an unknown one is an error that names the nearest."""
    if name not in CAPABILITIES:
        raise unknown("capability", name, CAPABILITIES)
    return CAPABILITIES[name]

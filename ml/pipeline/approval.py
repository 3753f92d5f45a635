"""A person lets a challenger serve, or not: whether one is asked, and what was answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ml.adapters.books import versions
from ml.adapters.mlflow import tracking
from ml.core.errors import WrongUse
from ml.core.platform import APPROVAL
from ml.core.spec import Capability
from ml.pipeline.context import Night
from ml.registry import capability as find
from ml.settings import Settings

HOURS = 24.0


@dataclass(frozen=True)
class Approval:
    """That a person is asked: how long the answer is waited for, and what happens without one."""

    hours: float = HOURS
    approve_without_answer: bool = False


def wanted(night: Night, capability: Capability) -> Approval | None:
    """Whether a person is asked for ``capability``, by ``ml_config.approval`` as the night read it, else by the spec."""
    if APPROVAL.name in night.manifest.get("config", {}):
        rows = night.lake.read_parquet(night.path("snapshot", "config", APPROVAL.name)).to_pylist()
        for row in rows:
            if row["capability"] == capability.name:
                answer = Approval(float(row["hours"]), row["otherwise"] == "approve")
                return answer if row["wanted"] else None
    return Approval() if capability.approval else None


def approve(
    settings: Settings, name: str, version: int, *, approved: bool, person: str, words: str = ""
) -> dict[str, Any]:
    """Record a person's answer: the version serves from the next night on, or is refused.

    Raises
    ------
    WrongUse
        The version does not wait for an answer.
    """
    find(name)
    waiting = versions.waiting(settings.database_url, name)
    if version not in waiting:
        raise WrongUse(
            f"Version {version} of {name} does not wait for an approval.",
            came="waiting: " + (", ".join(map(str, waiting)) or "none"),
            do="SELECT * FROM ml_ops.promotion shows what was decided",
        )
    explanation = f": {words}" if words else ""
    why = f"{'approved' if approved else 'refused'} by {person}{explanation}"
    row = versions.decide(settings.database_url, name, version, "manual" if approved else "refuse", why, person=person)
    if approved:
        tracking.set_alias(settings.mlflow_uri, name, version, "champion")
    return row

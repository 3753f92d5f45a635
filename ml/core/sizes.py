"""How much of a machine a step of a night may take where each is a pod (docker/kubernetes/pods)."""

from __future__ import annotations

from collections.abc import Mapping

PODS: Mapping[str, str] = {
    "train": "heavy",
    "prepare": "heavy",  # it learns where no model serves
    "approve": "light",
    "report": "light",
}
"""By step; the others are ``usual``."""
MEMORY_GIB: Mapping[str, float] = {"light": 1.0, "usual": 4.0, "heavy": 8.0}
"""Limits of the templates."""
SPARE = 1.25
"""A limit leaves a quarter above the largest that was seen."""


def pod(step: str) -> str:
    """The pod of a step."""
    return PODS.get(step, "usual")


def wanted_gib(peak_mib: float) -> float:
    """The limit that a step should have which took ``peak_mib``.

    Examples
    --------
    >>> wanted_gib(8192)
    10.0
    """
    return peak_mib / 1024 * SPARE

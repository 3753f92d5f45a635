"""With the KubernetesExecutor: which step takes a pod of which size (docker/kubernetes/pods)."""

from __future__ import annotations

import os
from typing import Any

SIZES = {
    "train": "heavy",
    "prepare": "heavy",  # it learns where no model serves
    "approve": "light",
    "report": "light",
}
"""The others are ``usual``."""

FOLDER = "NIGHTSHIFT_PODS"
"""Folder of the templates; not set: no pods."""


def of(step: str) -> dict[str, Any]:
    """Options of the task of a step: its template where tasks are pods."""
    folder = os.environ.get(FOLDER)
    return {"executor_config": {"pod_template_file": f"{folder}/{SIZES.get(step, 'usual')}.yaml"}} if folder else {}

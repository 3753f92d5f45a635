"""With the KubernetesExecutor: which step takes a pod of which size (docker/kubernetes/pods)."""

from __future__ import annotations

import os
from typing import Any

from ml.core import sizes

FOLDER = "NIGHTSHIFT_PODS"
"""Folder of the templates; not set: no pods."""


def of(step: str) -> dict[str, Any]:
    """Options of the task of a step: its template where tasks are pods."""
    folder = os.environ.get(FOLDER)
    return {"executor_config": {"pod_template_file": f"{folder}/{sizes.pod(step)}.yaml"}} if folder else {}

"""The flow of a night, written once, without Airflow.

Each step takes the settings, the snapshot's ref and small values; everything else it reads from the lake and the
database, so any step can be run again after a crash, on another machine or in a REPL. Functions are imported on first
use: a DAG that names a step does not pay for what the step needs.
"""

from __future__ import annotations

import importlib
from typing import Any

_STEPS = {
    "migrate": "setup",
    "outlook": "plan",
    "extract": "collect",
    "validate": "collect",
    "train": "training",
    "prepare": "serving",
    "score": "serving",
    "publish": "serving",
    "report": "serving",
    "score_new": "lane",
    "maintain": "maintenance",
    "promote": "maintenance",
    "rollback": "maintenance",
    "run_night": "night",
}


def __getattr__(name: str) -> Any:
    if name in _STEPS:
        return getattr(importlib.import_module(f"ml.pipeline.{_STEPS[name]}"), name)
    raise AttributeError(name)

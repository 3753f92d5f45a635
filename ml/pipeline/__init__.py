"""The flow of a night, written once, without Airflow.

Each step takes the settings, the snapshot's ref and small values; everything else it reads from the lake and the
database, so any step can be run again after a crash, on another machine or in a REPL. Functions are imported on first
use: a DAG that names a step does not pay for what the step needs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ml.pipeline.approval import approve
    from ml.pipeline.collect import extract, validate
    from ml.pipeline.erasure import erase, look_for
    from ml.pipeline.keeping import Keep, backup, backups
    from ml.pipeline.lane import score_new
    from ml.pipeline.maintenance import maintain, promote, rollback
    from ml.pipeline.monitoring import monitor
    from ml.pipeline.need import needs
    from ml.pipeline.night import run_night
    from ml.pipeline.picture_encoder import encoder
    from ml.pipeline.plan import outlook
    from ml.pipeline.publishing import publish
    from ml.pipeline.rebuilding import rebuild
    from ml.pipeline.restoring import restore
    from ml.pipeline.retention import costs
    from ml.pipeline.serving import prepare, score, score_all
    from ml.pipeline.setup import migrate
    from ml.pipeline.summary import report
    from ml.pipeline.training import train
else:
    _STEPS = {
        "migrate": "setup",
        "outlook": "plan",
        "extract": "collect",
        "validate": "collect",
        "train": "training",
        "prepare": "serving",
        "score": "serving",
        "score_all": "serving",
        "publish": "publishing",
        "monitor": "monitoring",
        "rebuild": "rebuilding",
        "approve": "approval",
        "report": "summary",
        "score_new": "lane",
        "maintain": "maintenance",
        "encoder": "picture_encoder",
        "promote": "maintenance",
        "rollback": "maintenance",
        "run_night": "night",
        "erase": "erasure",
        "backup": "keeping",
        "backups": "keeping",
        "Keep": "keeping",
        "restore": "restoring",
        "costs": "retention",
        "needs": "need",
        "look_for": "erasure",
    }

    def __getattr__(name: str) -> object:
        if name in _STEPS:
            return getattr(importlib.import_module(f"ml.pipeline.{_STEPS[name]}"), name)
        raise AttributeError(name)


__all__ = [
    "Keep",
    "approve",
    "backup",
    "backups",
    "costs",
    "encoder",
    "erase",
    "extract",
    "look_for",
    "maintain",
    "migrate",
    "monitor",
    "needs",
    "outlook",
    "prepare",
    "promote",
    "publish",
    "rebuild",
    "report",
    "restore",
    "rollback",
    "run_night",
    "score",
    "score_all",
    "score_new",
    "train",
    "validate",
]

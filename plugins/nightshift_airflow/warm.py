"""What the scheduler imports before it forks its workers, so that each task need not.

With the LocalExecutor a task's process is a fork of the scheduler's. Imported here once instead of in each task, a night
on UCI Online Retail took 8.0 s instead of 17.6 s. Importing starts no Python thread and opens no connection, so the fork is
safe; BLAS, whose threads start at import, stops and restarts them around a fork by itself.
"""

from __future__ import annotations

import gc
import importlib
import logging
import os
import sys
from typing import Any

from airflow.listeners import hookimpl

from ml.registry import CAPABILITIES
from nightshift_airflow import pace

log = logging.getLogger("nightshift")

MODULES = (
    "ml.pipeline.collect",
    "ml.pipeline.publishing",
    "ml.pipeline.registering",
    "ml.pipeline.serving",
    "ml.pipeline.summary",
    "ml.pipeline.monitoring",
    "ml.pipeline.lane",
    "ml.pipeline.lane_scores",
    "great_expectations",
    "mlflow",
    "matplotlib.figure",
)


@hookimpl  # type: ignore[untyped-decorator]
def on_starting(component: Any) -> None:
    """Import what the tasks need, in the scheduler."""
    # The scheduler's Job does not know yet whose it is; in its forks the component is a task's.
    if type(component).__name__ != "Job" or sys.argv[1:2] != ["scheduler"]:
        return
    parts = [f"{spec.package}.{part}" for spec in CAPABILITIES.values() for part in ("features", "model", "score")]
    for name in (*MODULES, *parts):
        importlib.import_module(name)
    log.info("Imported %s for the tasks.", ", ".join((*MODULES, *parts)))
    from airflow.jobs.scheduler_job_runner import SchedulerJobRunner

    pace.install(SchedulerJobRunner)
    os.register_at_fork(after_in_parent=keep_shared)


def keep_shared() -> None:
    """Leave what is there now out of the next full collection, which would write to every page that forks share."""
    if _freeze not in gc.callbacks:
        gc.callbacks.append(_freeze)


def _freeze(phase: str, info: dict[str, int]) -> None:
    if phase == "start" and info["generation"] == 2:
        gc.callbacks.remove(_freeze)
        gc.freeze()

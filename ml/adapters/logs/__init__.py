"""Airflow's logs of tasks in the lake: written by whichever worker ran the task, read by whoever shows it.

Airflow finds this module by ``AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS=ml.adapters.logs.LOGGING_CONFIG``. Where the lake is a
folder the logs stay where Airflow writes them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.config_templates.airflow_local_settings import DEFAULT_LOGGING_CONFIG as LOGGING_CONFIG

if TYPE_CHECKING:
    from ml.adapters.lake import Lake

__all__ = ["FOLDER", "LOGGING_CONFIG", "REMOTE_TASK_LOG", "LakeLogs"]

FOLDER = "logs"


class LakeLogs:
    """Airflow's ``RemoteLogIO`` over the lake; nothing heavy is imported before a log is moved."""

    processors: tuple[Any, ...] = ()

    def upload(self, path: os.PathLike[str] | str, ti: Any = None) -> None:  # noqa: ARG002  # Airflow's signature
        """Write a task's log into the lake; what another worker wrote of the same try stays before it."""
        from airflow.sdk.configuration import conf

        file = Path(conf.get("logging", "base_log_folder")) / path
        if not file.is_file():
            return
        lake, target = _lake(), f"{FOLDER}/{path}"
        content, before = file.read_bytes(), _read(lake, target)
        if before and not content.startswith(before):
            content = before + content
        lake.write_bytes(lake.join(target), content)

    def read(self, relative_path: str, ti: Any) -> tuple[list[str], list[str] | None]:  # noqa: ARG002
        """Give the places where there is something of a task's log, and what they hold."""
        lake = _lake()
        content = _read(lake, f"{FOLDER}/{relative_path}")
        if content is None:
            return [], None
        return [lake.join(FOLDER, relative_path)], [content.decode(errors="replace")]


def _read(lake: Lake, path: str) -> bytes | None:
    lake.filesystem.invalidate_cache()
    try:
        with lake.filesystem.open(lake.join(path), "rb") as file:
            return bytes(file.read())
    except FileNotFoundError:
        return None


def _lake() -> Lake:
    from ml.adapters.lake import Lake

    return Lake(os.environ["NIGHTSHIFT_LAKE_URI"])


def _chosen() -> LakeLogs | None:
    return LakeLogs() if "://" in os.environ.get("NIGHTSHIFT_LAKE_URI", "").removeprefix("file://") else None


REMOTE_TASK_LOG = _chosen()
"""What Airflow asks for; None: its own folder."""

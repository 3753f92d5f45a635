"""Airflow for the tests: a home of its own, made before anything imports airflow, which reads it on import."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from ml.settings import PROJECT

HOME = Path(tempfile.gettempdir()) / f"nightshift-airflow-{os.getpid()}"

os.environ |= {
    "AIRFLOW_HOME": str(HOME),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
}


@pytest.fixture(scope="session")
def bag() -> Any:
    """The DAGs of dags/, parsed as Airflow parses them."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(dag_folder=PROJECT / "dags")


def pytest_sessionfinish() -> None:
    """Remove Airflow's home."""
    import shutil

    shutil.rmtree(HOME, ignore_errors=True)

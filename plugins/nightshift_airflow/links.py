"""Where else to look: from Airflow to MLflow and to the Data Docs."""

from __future__ import annotations

import os
from typing import Any

from airflow.sdk import BaseOperatorLink

CONSOLE = "nightshift"
"""The path of our own pages below Airflow's address."""
MLFLOW = "NIGHTSHIFT_MLFLOW_WEB"
"""Address of MLflow's pages, as a browser reaches them."""


def views() -> list[dict[str, str]]:
    """What stands in the menu of Airflow's UI, and the tab of each DAG."""
    pages = {"name": "Nightshift", "href": f"{CONSOLE}/", "url_route": "nightshift", "destination": "nav"}
    tab = {"name": "Nightshift", "href": f"{CONSOLE}/", "url_route": "nightshift-dag", "destination": "dag"}
    docs = {
        "name": "Data Docs",
        "href": f"{CONSOLE}/data-docs/",
        "url_route": "data-docs",
        "destination": "nav",
        "category": "browse",
    }
    # Its first page is about prompts and traces.
    href = f"{mlflow()}/#/experiments?workflowType=machine_learning"
    models = {"name": "MLflow", "href": href, "destination": "nav", "category": "browse"}
    return [pages, tab, docs, *([models] if mlflow() else [])]


def mlflow() -> str:
    """Address of MLflow's pages; empty where it is not known."""
    return os.environ.get(MLFLOW, "").rstrip("/")


class DataDocsLink(BaseOperatorLink):  # type: ignore[misc]
    """To the Data Docs of the run's snapshot."""

    name = "Data Docs"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002 - Airflow's signature
        """Address of the page; empty where the run has no snapshot."""
        ref = ti_key.xcom_pull(task_ids="extract")
        base = os.environ.get("AIRFLOW__API__BASE_URL", "").rstrip("/")
        return f"{base}/{CONSOLE}/data-docs/{ref}/index.html" if ref else ""


class ModelLink(BaseOperatorLink):  # type: ignore[misc]
    """To the version of the model that the task ended with."""

    name = "Model in MLflow"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Address of the version's page; empty where there is none, or MLflow's address is not known."""
        version = ti_key.xcom_pull(task_ids=operator.task_id, key="model") or {}
        if not (mlflow() and version.get("version")):
            return ""
        return f"{mlflow()}/#/models/{version['capability']}/versions/{version['version']}"

"""Nightshift's Airflow plugin: the one file below plugins/ that Airflow runs (see .airflowignore)."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin


class NightshiftPlugin(AirflowPlugin):  # type: ignore[misc]
    """The name under which Airflow lists the package ``nightshift_airflow``."""

    name = "nightshift"

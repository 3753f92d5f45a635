"""Nightshift's Airflow plugin: the one file below plugins/ that Airflow runs (see .airflowignore)."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from nightshift_airflow import warm


class NightshiftPlugin(AirflowPlugin):  # type: ignore[misc]
    """The name under which Airflow lists the package ``nightshift_airflow``."""

    name = "nightshift"
    listeners = [warm]  # noqa: RUF012 - Airflow's own way

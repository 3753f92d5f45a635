"""Nightshift's Airflow plugin: the one file below plugins/ that Airflow runs (see .airflowignore)."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from nightshift_airflow import links, warm


async def console(scope: Any, receive: Any, send: Any) -> None:
    """Our pages; imported when the API server first needs them, for every process of Airflow reads this file."""
    from nightshift_airflow.console.app import app

    await app(scope, receive, send)


class NightshiftPlugin(AirflowPlugin):  # type: ignore[misc]
    """The name under which Airflow lists the package ``nightshift_airflow``."""

    name = "nightshift"
    listeners = [warm]  # noqa: RUF012 - Airflow's own way
    fastapi_apps = [{"app": console, "url_prefix": f"/{links.CONSOLE}", "name": "Nightshift"}]  # noqa: RUF012
    external_views = links.views()

"""The console alone, on a database that is filled from the specs: to look at it, for its bench and its pictures.

``python -m tests.console_server URL PORT [CUSTOMERS]``; whoever asks is anna and may change things. 127.0.0.1 only.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import uvicorn
from fastapi import FastAPI

from ml.settings import Settings
from tests.console_shop import ConsoleShop


def serve(url: str, port: int, customers: int) -> None:
    """Fill the database unless ``customers`` is 0, and serve until the process ends."""
    if customers:
        ConsoleShop(url, customers, max(40, customers // 20)).fill()
    home = Path(tempfile.mkdtemp(prefix="nightshift-console-"))
    os.environ |= {"NIGHTSHIFT_LAKE_URI": str(home / "lake")}
    settings = Settings(
        home, url, url, str(home / "lake"), f"sqlite:///{home}/mlflow.db", "UTC", "a key for tests", 1, 1
    )

    from airflow.api_fastapi.core_api import security

    from nightshift_airflow.console import page
    from nightshift_airflow.console.app import app

    security.DagModel.get_team_name = lambda _: None
    security.get_auth_manager = lambda: SimpleNamespace(is_authorized_dag=lambda **_: True)
    app.dependency_overrides[security.get_user] = lambda: SimpleNamespace(get_name=lambda: "anna")
    app.dependency_overrides[page.settings] = lambda: settings
    outer = FastAPI()
    outer.mount("/nightshift", app)
    uvicorn.run(outer, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 200)

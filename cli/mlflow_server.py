"""MLflow's web server in one process, on a socket that is open already; ends when nobody has asked for a while.

``mlflow server`` keeps a second process of 190 MB that only waits for the first, all day, for a page that is looked at now
and then. The supervisor listens on its port instead and starts this when somebody comes.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import uvicorn

IDLE_S = 900.0
"""Seconds without a request after which the server ends."""


CHOICES = {
    "mlflow.workflowType": "machine_learning",
    "mlflow.settings.telemetry.enabled": False,
    "mlflow.telemetry.info.alert.dismissed": True,
    "mlflow.assistant.fab.autoOpenedOnFirstLoad": True,
}
"""What the pages begin with in a browser that has not chosen: models instead of prompts, no telemetry and no question about
it, the assistant closed. MLflow keeps each in the browser, under its name and the version 1."""


def with_choices(page: str) -> str:
    """MLflow's first page, which sets :data:`CHOICES` where the browser has none before its own script runs."""
    lines = (
        f"localStorage.getItem('{name}_v1') ?? localStorage.setItem('{name}_v1', '{json.dumps(value)}');"
        for name, value in CHOICES.items()
    )
    return page.replace("<head>", f"<head><script>{''.join(lines)}</script>", 1)


class Attended:
    """An ASGI application that knows when it was last asked."""

    def __init__(self, application: Any, first_page: Any) -> None:
        self._application, self._first_page = application, first_page
        self.asked_at = time.monotonic()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked_at = time.monotonic()
        answer = self._first_page if (scope["type"], scope.get("path")) == ("http", "/") else self._application
        await answer(scope, receive, send)


def end_when_idle(server: Any, application: Attended, idle_s: float = IDLE_S) -> None:
    """Ask ``server`` to end once ``application`` has not been asked for ``idle_s``; returns then."""
    while (left := application.asked_at + idle_s - time.monotonic()) > 0:
        time.sleep(left)
    server.should_exit = True


def main(where: str) -> None:
    """Serve on ``where``: the number of a listening socket, until nobody asks; or an address and port, for ever."""
    import mlflow.server
    from fastapi.responses import HTMLResponse
    from mlflow.server import constants

    # What `mlflow server` hands to its own server process.
    os.environ[constants.BACKEND_STORE_URI_ENV_VAR] = os.environ["MLFLOW_BACKEND_STORE_URI"]
    os.environ[constants.ARTIFACT_ROOT_ENV_VAR] = os.environ["MLFLOW_DEFAULT_ARTIFACT_ROOT"]
    from mlflow.server.fastapi_app import app

    index = Path(mlflow.server.__file__).parent / "js" / "build" / "index.html"
    attended = Attended(app, HTMLResponse(with_choices(index.read_text(encoding="utf-8"))))
    server = uvicorn.Server(uvicorn.Config(attended, log_level="warning"))
    host, _, port = where.rpartition(":")
    if host:
        listening = socket.create_server((host, int(port)))
    else:
        listening = socket.socket(fileno=int(where))
        threading.Thread(target=end_when_idle, args=(server, attended), daemon=True).start()
    server.run(sockets=[listening])


if __name__ == "__main__":
    main(sys.argv[1])

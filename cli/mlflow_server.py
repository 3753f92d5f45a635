"""MLflow's web server in one process, on a socket that is open already; ends when nobody has asked for a while.

``mlflow server`` keeps a second process of 190 MB that only waits for the first, all day, for a page that is looked at now
and then. The supervisor listens on its port instead and starts this when somebody comes.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from typing import Any

import uvicorn

IDLE_S = 900.0
"""Seconds without a request after which the server ends."""


class Attended:
    """An ASGI application that knows when it was last asked."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self.asked_at = time.monotonic()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked_at = time.monotonic()
        await self._application(scope, receive, send)


def end_when_idle(server: Any, application: Attended, idle_s: float = IDLE_S) -> None:
    """Ask ``server`` to end once ``application`` has not been asked for ``idle_s``; returns then."""
    while (left := application.asked_at + idle_s - time.monotonic()) > 0:
        time.sleep(left)
    server.should_exit = True


def main(descriptor: int) -> None:
    """Serve on the listening socket ``descriptor``."""
    from mlflow.server import constants

    # What `mlflow server` hands to its own server process.
    os.environ[constants.BACKEND_STORE_URI_ENV_VAR] = os.environ["MLFLOW_BACKEND_STORE_URI"]
    os.environ[constants.ARTIFACT_ROOT_ENV_VAR] = os.environ["MLFLOW_DEFAULT_ARTIFACT_ROOT"]
    from mlflow.server.fastapi_app import app

    attended = Attended(app)
    server = uvicorn.Server(uvicorn.Config(attended, log_level="warning"))
    threading.Thread(target=end_when_idle, args=(server, attended), daemon=True).start()
    server.run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    main(int(sys.argv[1]))

"""One supervised process: how it is started, when it is ready, how it is ended."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

PATIENCE = 2.0
"""Seconds that one look at a service may take."""


ON_DEMAND = "on demand"
"""Its address is open; nobody has come yet."""
OPENING = "opening"
"""Somebody came, so it starts."""


class Probe(Protocol):
    """Says whether a service that was started at ``since`` (Unix time) is ready."""

    def __call__(self, since: float) -> bool: ...


@dataclass(frozen=True)
class Command:
    """Ready when a program succeeds."""

    line: tuple[str, ...]

    def __call__(self, since: float) -> bool:  # noqa: ARG002  # the probe's signature
        try:
            return subprocess.run(self.line, capture_output=True, check=False, timeout=PATIENCE).returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            return False


@dataclass(frozen=True)
class Http:
    """Ready when an address answers 200."""

    url: str

    def __call__(self, since: float) -> bool:  # noqa: ARG002  # the probe's signature
        return fetch(self.url) is not None


@dataclass(frozen=True)
class Heartbeat:
    """Ready when Airflow's health page tells of a heartbeat of ``component`` that is younger than the process."""

    url: str
    component: str

    def __call__(self, since: float) -> bool:
        body = fetch(self.url)
        health = (json.loads(body).get(self.component) or {}) if body else {}
        beat = str(health.get(f"latest_{self.component}_heartbeat") or "")
        return health.get("status") == "healthy" and beat != "" and datetime.fromisoformat(beat).timestamp() > since


def fetch(url: str) -> bytes | None:
    """Body of ``url``, or None unless it answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310  # our own http address
            body: bytes = answer.read()
            return body if answer.status == 200 else None
    except OSError:
        return None


@dataclass(frozen=True)
class Service:
    """A process that the supervisor keeps alive; with ``once`` one that runs to its end before others start."""

    name: str
    line: tuple[str, ...]
    ready: Probe | None = None
    after: tuple[str, ...] = ()
    once: bool = False
    stop: signal.Signals = signal.SIGTERM
    last: bool = False
    """Ended after all others: the database."""
    os_user: str = ""
    address: str = ""
    on_demand: int = 0
    """A port on 127.0.0.1: the supervisor listens there and starts the service when somebody comes, with the number of
    the listening socket as its last argument. It may end by itself (exit code 0) when nobody does for long."""


UP = frozenset({"ready", "done", ON_DEMAND, OPENING})
"""States of a service that others, and people, need not wait for."""


@dataclass
class Child:
    """What is known of a service now; ``as_json`` is what ``status`` reads."""

    service: Service
    state: str = "waiting"
    process: subprocess.Popen[bytes] | None = None
    since: float = 0.0
    starts: int = 0
    failures: int = 0
    """Ends since it was last ready for a minute."""
    next_start: float = 0.0
    exit_code: int | None = None
    door: socket.socket | None = None
    """The listening socket of a service on demand."""

    @property
    def alive(self) -> bool:
        return self.process is not None

    def as_json(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "pid": self.process.pid if self.process else None,
            "since": self.since,
            "restarts": max(0, self.starts - 1),
            "failures": self.failures,
            "exit_code": self.exit_code,
            "address": self.service.address,
            "once": self.service.once,
        }

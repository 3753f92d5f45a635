"""The services of docker/compose.yaml as processes of ``bench load``: Redis, Airflow with Celery, and workers that can be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil

from ml.adapters import postgres
from ml.core.errors import NightshiftError

WORKERS = 4
PATIENCE_S = 420


def until(happened: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """Wait for ``happened`` to give something; its value."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        with suppress(OSError):
            if found := happened():
                return found
        time.sleep(1)
    raise NightshiftError(f"Not within {patience_s:.0f} s: {what}.")


@dataclass
class Cluster:
    """Workers and the rest, and Airflow's API."""

    home: Path
    environ: dict[str, str]
    url: str
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    token: str = ""

    def start(self, name: str, command: list[str], **more: str) -> None:
        """Start a service in a session of its own; its output goes to a file."""
        with (self.home / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                command, env=self.environ | more, stdout=log, stderr=log, start_new_session=True
            )

    def worker(self, number: int) -> None:
        """Start a worker of one place, as compose.yaml does."""
        from tests.docker import composition

        own = ["--celery-hostname", f"{number}@%h", "--skip-serve-logs"]  # one machine, one log server's port
        self.start(f"worker{number}", composition.services()["worker"]["command"] + own)

    def kill(self, name: str) -> None:
        """End a service and all that it started with -9, as a lost machine does."""
        process = self.running[name]
        with suppress(psutil.NoSuchProcess):
            for one in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
                with suppress(psutil.NoSuchProcess):
                    one.kill()
        process.wait(30)

    def stop(self) -> None:
        """End everything, last started first."""
        for process in reversed(self.running.values()):
            process.terminate()
        for name, process in reversed(self.running.items()):
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            self.kill(name)

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Call Airflow's API."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310  # this machine's
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            return json.load(answer)

    def trigger(self, dag: str, conf: Mapping[str, Any]) -> str:
        """Start a run; its id."""
        body = {"logical_date": None, "conf": dict(conf)}
        return str(self.call("POST", f"/api/v2/dags/{dag}/dagRuns", body)["dag_run_id"])

    def state(self, dag: str, run: str) -> str:
        """The run's state once it has ended, else empty."""
        state = self.call("GET", f"/api/v2/dags/{dag}/dagRuns/{run}")["state"]
        return state if state in ("success", "failed") else ""

    def tries(self, dag: str, run: str) -> list[dict[str, Any]]:
        """Every try of every task of a run."""
        path = f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances"
        found = []
        for one in self.call("GET", f"{path}?limit=500")["task_instances"]:
            mapped = f"/{one['map_index']}" if one["map_index"] >= 0 else ""
            found += self.call("GET", f"{path}/{one['task_id']}{mapped}/tries")["task_instances"]
        return found


@contextmanager
def cluster(home: Path, database_url: str, own: Mapping[str, str]) -> Iterator[Cluster]:
    """Everything of compose.yaml but its databases, ready for a run; ``own`` are settings beside those of compose.yaml."""
    from tests.docker import composition
    from tests.docker import test_celery as celery

    ports = SimpleNamespace(api=celery.free_port(), redis=celery.free_port())
    with closing(postgres.connect(database_url)) as connection:
        connection.autocommit = True
        connection.cursor().execute("CREATE DATABASE celery")
    environ = celery.environment(database_url, home, ports) | dict(own)
    running = Cluster(home, environ, f"http://127.0.0.1:{ports.api}")
    subprocess.run(["airflow", "db", "migrate"], env=environ, check=True, capture_output=True)
    services = composition.services()
    try:
        redis = composition.fill(services["redis"]["command"][2], {}) + f" --port {ports.redis} --bind 127.0.0.1"
        running.start("redis", ["sh", "-c", redis], REDISCLI_AUTH=celery.SECRETS["REDIS_PASSWORD"])
        running.start("api-server", [sys.executable, str(composition.FOLDER / "api_server.py")])
        for service in ("scheduler", "dag-processor"):
            running.start(service, services[service]["command"])
        for number in range(WORKERS):
            running.worker(number)
        for component in ("scheduler", "dag_processor"):
            until(partial(celery.healthy, ports, component), f"{component} is healthy")
        admin = {"username": "admin", "password": celery.SECRETS["NIGHTSHIFT_ADMIN_PASSWORD"]}
        running.token = running.call("POST", "/auth/token", admin)["access_token"]
        until(
            lambda: (
                {"night", f"live_{own['BENCH_LANE']}"}
                <= {d["dag_id"] for d in running.call("GET", "/api/v2/dags")["dags"]}
            ),
            f"the DAGs are parsed (logs: {home})",
        )
        yield running
    finally:
        running.stop()

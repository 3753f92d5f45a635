"""The environment of compose.yaml with real processes: Redis, Airflow with CeleryExecutor, two workers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import psycopg2
import pytest

from ml.settings import PROJECT
from tests.docker import composition

SERVICES = composition.services()
SECRETS = {name: f"secret{number}" for number, name in enumerate(sorted(composition.example()[0]))}
SECRETS["AIRFLOW_FERNET_KEY"] = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
WORKERS = ("one", "two")
PATIENCE_S = 150

pytestmark = [
    pytest.mark.celery,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not shutil.which("redis-server"), reason="redis-server is not installed (apt install redis)"),
]


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return server.getsockname()[1]


def until(happened: Callable[[], object], what: str) -> object:
    """Wait for ``happened`` to give something; its value."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if found := happened():
            return found
        time.sleep(0.5)
    raise AssertionError(f"not within {PATIENCE_S} s: {what}")


def environment(postgres: str, home: Path, ports: SimpleNamespace) -> dict[str, str]:
    """The environment that compose.yaml gives the API server; only the addresses are those of this test."""
    socket_folder = postgres.partition("host=")[2]
    swaps = {
        f"nightshift_airflow:{SECRETS['AIRFLOW_DB_PASSWORD']}@postgres:5432/airflow": f"postgres@/celery?host={socket_folder}",
        "@redis:6379/": f"@127.0.0.1:{ports.redis}/",
        "http://api-server:8080/": f"http://127.0.0.1:{ports.api}/",
        "/var/lib/nightshift": str(home),
    }
    filled = composition.environment("api-server", SECRETS | {"NIGHTSHIFT_WORKER_TASKS": "1"})
    for old, new in swaps.items():
        assert any(old in text for text in filled.values()), f"compose.yaml no longer says {old}"
        filled = {name: text.replace(old, new) for name, text in filled.items()}
    return (
        {name: text for name, text in os.environ.items() if not name.startswith("AIRFLOW")}
        | filled
        | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(PROJECT),
            "AIRFLOW_HOME": str(home / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(Path(__file__).with_name("dags")),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(ports.api),
        }
    )


class Processes:
    """Programs started by the test, each the leader of a group, so that all of it ends with it."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, command: list[str], environ: dict[str, str]) -> None:
        """Start ``command``; its output goes to a file."""
        with (self.logs / f"{name}.log").open("wb") as log:
            self.running.append(subprocess.Popen(command, env=environ, stdout=log, stderr=log, start_new_session=True))

    def stop(self) -> None:
        """End them, last started first."""
        for process in reversed(self.running):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                pass
            try:
                os.killpg(process.pid, signal.SIGKILL)  # what the leader left behind
            except ProcessLookupError:
                pass
            process.wait(5)


@pytest.fixture(scope="module")
def stack(postgres, tmp_path_factory):
    """The services of compose.yaml as processes."""
    home = tmp_path_factory.mktemp("celery")
    with closing(psycopg2.connect(postgres)) as connection:
        connection.autocommit = True
        connection.cursor().execute("CREATE DATABASE celery")
    ports = SimpleNamespace(api=free_port(), redis=free_port())
    environ = environment(postgres, home, ports)
    subprocess.run(["airflow", "db", "migrate"], env=environ, check=True, capture_output=True)
    processes = Processes(home)
    try:
        redis = composition.fill(SERVICES["redis"]["command"][2], {}) + f" --port {ports.redis} --bind 127.0.0.1"
        processes.start("redis", ["sh", "-c", redis], environ | {"REDISCLI_AUTH": SECRETS["REDIS_PASSWORD"]})
        processes.start("api-server", [sys.executable, str(composition.FOLDER / "api_server.py")], environ)
        for service in ("scheduler", "dag-processor"):
            processes.start(service, SERVICES[service]["command"], environ)
        for worker in WORKERS:
            own = ["--celery-hostname", f"{worker}@%h", "--skip-serve-logs"]  # one machine, one log server's port
            processes.start(worker, SERVICES["worker"]["command"] + own, environ | {"NIGHTSHIFT_WORKER": worker})
        for component in ("scheduler", "dag_processor"):
            until(lambda c=component: healthy(ports, c), f"{component} is healthy, by docker/health.py")
        yield SimpleNamespace(url=f"http://127.0.0.1:{ports.api}", environ=environ, home=home)
    finally:
        processes.stop()


def healthy(ports: SimpleNamespace, component: str) -> bool:
    """What the container's health check says."""
    command = [sys.executable, str(composition.FOLDER / "health.py"), "airflow", f"http://127.0.0.1:{ports.api}"]
    return subprocess.run([*command, component], capture_output=True, check=False).returncode == 0


def call(stack: SimpleNamespace, method: str, path: str, body: object = None, token: str = "") -> dict:
    """Call Airflow's API."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(stack.url + path, data, headers, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


def test_two_workers_share_a_mapped_task(stack):
    """Both workers take shards, every shard is scored once, and the results come together in order."""
    password = SECRETS["NIGHTSHIFT_ADMIN_PASSWORD"]
    token = call(stack, "POST", "/auth/token", {"username": "admin", "password": password})["access_token"]

    def known() -> bool:
        return any(d["dag_id"] == "shards" for d in call(stack, "GET", "/api/v2/dags", token=token)["dags"])

    until(known, "the DAG is parsed")
    runs = "/api/v2/dags/shards/dagRuns"
    run = call(stack, "POST", runs, {"logical_date": None, "conf": {}}, token)["dag_run_id"]

    def ended() -> str:
        state = call(stack, "GET", f"{runs}/{run}", token=token)["state"]
        return state if state in ("success", "failed") else ""

    assert until(ended, f"the run ends (logs: {stack.home})") == "success"
    xcom = f"{runs}/{run}/taskInstances/publish/xcomEntries/return_value?deserialize=true"
    scored = call(stack, "GET", xcom, token=token)["value"]
    assert [result["shard"] for result in scored] == list(range(6))
    assert {result["worker"] for result in scored} == set(WORKERS)

"""What a stack takes that has nothing to do, beside the same services by their own defaults."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import psutil

from bench import Options, Row
from bench._meter import Usage, measure
from bench._stack import Stack, stack
from cli import ports
from cli.service import fetch
from ml.settings import PROJECT
from ml.shop.load import load

SETTLE_S = 60.0
WATCH_S = 180.0
TARGET = 2.0


def run(options: Options) -> Iterator[Row]:
    """CPU, memory and processes of a stack after a night, beside Airflow's and MLflow's servers as they start by themselves."""
    settle, watch = (5.0, 20.0) if options.quick else (SETTLE_S, WATCH_S)
    with stack(options) as running:
        _a_night(running)
        time.sleep(settle)
        state = json.loads((running.home / "state.json").read_text())
        ours = measure([state["supervisor"]["pid"]], watch)
    with _defaults((options.scratch / "defaults").absolute()) as pids:
        time.sleep(settle)
        theirs = measure(pids, watch)
    yield from _rows(ours, theirs, None if options.quick else TARGET)


def _rows(ours: Usage, theirs: Usage, target: float | None) -> Iterator[Row]:
    note = f"ours: {ours.processes} processes, PostgreSQL's among them; theirs: {theirs.processes}, on SQLite"
    yield Row(
        "an idle stack's CPU", "cores", ours.cores, "defaults", theirs.cores, theirs.cores / ours.cores, target, note
    )
    yield Row("an idle stack's memory", "MiB", ours.mib, "defaults", theirs.mib, theirs.mib / ours.mib, target, note)


def _a_night(running: Stack) -> None:
    """What a night leaves in memory counts too."""
    report = load(running.settings(), "demo", None, replace=True, customers=1_000)
    assert report.last_order is not None
    running.run("night", "--date", str(report.last_order + timedelta(days=1)))


@contextmanager
def _defaults(folder: Path) -> Iterator[list[int]]:
    """Airflow's four services and MLflow's server, told nothing but where their files and our DAGs are."""
    folder.mkdir(parents=True, exist_ok=True)
    claims = {name: ports.choose(port) for name, port in {"airflow": 18_080, "mlflow": 15_000}.items()}
    api = f"http://127.0.0.1:{claims['airflow'].port}"
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "MLFLOW"))} | {
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{api}/execution/",
        "PYTHONPATH": f"{PROJECT}{os.pathsep}{PROJECT / 'plugins'}",
        "NIGHTSHIFT_SCHEDULE": "off",
    }
    python = [sys.executable, "-P", "-m"]
    subprocess.run([*python, "airflow", "db", "migrate"], env=environ, check=True, capture_output=True)
    lines = [
        ["airflow", "api-server", "--host", "127.0.0.1", "--port", str(claims["airflow"].port)],
        *(["airflow", name] for name in ("scheduler", "dag-processor", "triggerer")),
        [
            "mlflow",
            "server",
            "--port",
            str(claims["mlflow"].port),
            "--backend-store-uri",
            f"sqlite:///{folder}/mlflow.db",
            "--default-artifact-root",
            str(folder / "artifacts"),
        ],
    ]
    started = [_start([*python, *line], environ, folder) for line in lines]
    try:
        _await(f"{api}/api/v2/monitor/health", f"http://127.0.0.1:{claims['mlflow'].port}/health")
        yield [process.pid for process in started]
    finally:
        _end(started)
        for claim in claims.values():
            claim.held.close()


def _start(line: list[str], environ: Mapping[str, str], folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "services.log").open("ab") as log:
        return subprocess.Popen(line, env=dict(environ), cwd=folder, stdout=log, stderr=log)


def _await(*addresses: str) -> None:
    until = time.monotonic() + 240
    while not all(fetch(address) is not None for address in addresses):
        if time.monotonic() > until:
            raise TimeoutError(f"the services by their defaults do not answer: {', '.join(addresses)}")
        time.sleep(0.5)


def _end(started: list[subprocess.Popen[bytes]]) -> None:
    """End the services and what they started: MLflow's job runners outlive it otherwise."""
    family = [member for one in started for member in _family(one.pid)]
    for one in started:
        one.terminate()
    _, living = psutil.wait_procs(family, timeout=15)
    for process in living:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    for one in started:
        one.wait()


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
    except psutil.NoSuchProcess:
        return []
    return [process, *process.children(recursive=True)]

"""Start, find and end the local stack."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from cli import environment, ports, postgres, urls
from cli.environment import MARKER, Stack
from cli.home import Home, read_json, try_lock, write_private
from cli.output import Steps, steps
from cli.service import UP
from ml.core.errors import NightshiftError
from ml.settings import Settings

PATIENCE = 240.0
"""Seconds until everything must be ready; the first start migrates three databases."""
ENDING = 30.0
DATABASE = ("postgres", "prepare")
TROUBLE = 3
"""Failed starts in a row after which we stop waiting."""

State = dict[str, Any]


def is_running(home: Home) -> bool:
    """Whether a supervisor lives: it holds a lock that no dead process can hold."""
    path = home.root / "supervisor.lock"
    if not path.exists():
        return False
    with path.open("a") as lock:
        return not try_lock(lock.fileno())


def state(home: Home) -> State:
    """What the supervisor last wrote; without services where there is none."""
    return read_json(home.state_file) or {"supervisor": None, "services": {}}


def is_ready(home: Home, wait_for: Collection[str] = ()) -> bool:
    """Whether the services of ``wait_for`` (all of them if empty) are ready."""
    if not is_running(home):
        return False
    services = state(home)["services"]
    awaited = [services.get(name) for name in wait_for or services]
    # A database on a server elsewhere is no service of ours.
    return bool(services) and all(service is None or service["state"] in UP for service in awaited)


def up(
    home: Home,
    environ: Mapping[str, str],
    steps: Steps,
    *,
    wait_for: Collection[str] = (),
    may_differ: Collection[str] = (),
) -> Stack:
    """Start the stack unless it runs; wait for the services of ``wait_for`` (all of them if empty).

    A setting of ``may_differ`` may be another one than the running stack was started with.
    """
    home.ensure()
    wanted = environment.given(home, environ)

    def waiting() -> None:
        steps.note("Another ./nightshift is starting or stopping this stack; waiting for it.")

    with home.locked("stack.lock", patience=PATIENCE, waiting=waiting):
        if is_running(home):
            stack = Stack.last(home)
            environment.refuse_other_settings(stack, wanted, may_differ)
        else:
            stack = _start(home, wanted, environ, steps)
    _wait(home, steps, wait_for)
    return stack


def _start(home: Home, wanted: dict[str, str], environ: Mapping[str, str], steps: Steps) -> Stack:
    home.refuse_newer()
    secrets = home.secrets()
    if wanted.get("NIGHTSHIFT_ENGINE") == "spark":
        from ml.adapters import spark

        steps.now("Looking for Spark …")
        file = wanted.get("NIGHTSHIFT_SPARK_PROPERTIES")
        spark.refuse(wanted.get("NIGHTSHIFT_SPARK_MASTER", ""), Path(file) if file else None)
    left = end_leftovers(secrets["stack_id"])
    if left:
        steps.note(f"Ended {left} processes that a killed stack had left.")
    before = Stack.read(home)
    embedded = "NIGHTSHIFT_DATABASE_URL" not in wanted
    steps.now("Preparing the state folder …")
    if not embedded:
        from ml.adapters.postgres import database

        steps.now("Looking at the database …")
        database.refuse(urls.database_urls(Stack({}, wanted, None), secrets))
    server = postgres.arrange(home, secrets) if embedded else None
    claims = ports.choose_all(before.ports if before else {})
    stack = Stack({name: claimed.port for name, claimed in claims.items()}, wanted, server)
    _tell(home, stack, before, steps)
    users = {name: secrets[f"airflow_{name}_password"] for name in ("admin", "viewer")}
    write_private(home.passwords_file, json.dumps(users) + "\n")
    write_private(home.pgpass_file, urls.pgpass(stack, secrets))
    write_private(home.stack_file, json.dumps(stack.as_json(), indent=1) + "\n")
    home.state_file.unlink(missing_ok=True)
    variables = environment.clean(environ) | environment.services(home, stack, secrets)
    log = os.open(home.log("supervisor"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    subprocess.Popen(
        [sys.executable, "-P", "-m", "cli.supervisor"],
        env=variables,
        cwd=home.root,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=[claimed.held.fileno() for claimed in claims.values()],
    )
    os.close(log)
    for claimed in claims.values():
        claimed.held.close()
    until = time.monotonic() + 20
    while not home.state_file.exists():
        if time.monotonic() > until:
            raise _trouble(home, "supervisor", "The supervisor did not start.")
        time.sleep(0.05)
    return stack


def start_database(environ: Mapping[str, str], *, may_differ: Collection[str] = ()) -> tuple[Home, Settings]:
    """Bring the stack up as far as its database; says so only if there is something to wait for. Gives the settings."""
    home = Home.find(environ)
    with steps("" if is_ready(home, DATABASE) else "Starting the database …") as progress:
        up(home, environ, progress, wait_for=DATABASE, may_differ=may_differ)
    return environment.settings(environ, may_differ=may_differ)


def _tell(home: Home, stack: Stack, before: Stack | None, steps: Steps) -> None:
    if stack.postgres and stack.postgres.data != str(home.postgres) and not (before and before.postgres):
        steps.note(
            f"As root, PostgreSQL runs as OS user {stack.postgres.os_user}, who cannot reach {home.root}; "
            f"its data is in {stack.postgres.data}."
        )
    for name, port in stack.ports.items():
        if name == "postgres" and stack.postgres is None:
            continue
        if port != ports.PREFERRED[name] and (before is None or before.ports[name] != port):
            steps.note(f"Port {ports.PREFERRED[name]} is taken: {name} gets {port}.")


def _wait(home: Home, steps: Steps, wait_for: Collection[str]) -> None:
    """Wait until all of ``wait_for`` are ready; what cannot come is an error with the end of its log."""
    started, reported = time.monotonic(), set[str]()
    while True:
        services = state(home)["services"]
        awaited = {name: s for name, s in services.items() if not wait_for or name in wait_for}
        missing = [name for name, s in awaited.items() if s["state"] not in UP]
        for name in awaited:
            if name not in missing and name not in reported:
                reported.add(name)
                if time.monotonic() - started > 0.5:
                    steps.done(name, services[name]["address"])
        if services and not missing:
            return
        steps.now(f"Starting {', '.join(missing)} …")
        _complain(home, services, missing, time.monotonic() - started)
        time.sleep(0.1)


def _complain(home: Home, services: State, missing: Collection[str], waited: float) -> None:
    if not is_running(home):
        raise _trouble(home, "supervisor", "The stack ended while it started.")
    for name in services:
        child = services[name]
        if child["state"] == "failed" or (name in missing and child["failures"] >= TROUBLE):
            what = "The databases could not be prepared." if child["once"] else f"{name} does not start."
            error = _trouble(home, name, what)
            down(home)
            raise error
    if waited > PATIENCE:
        raise _trouble(home, next(iter(missing)), f"{', '.join(missing)} did not get ready in {PATIENCE:.0f} s.")


def _trouble(home: Home, name: str, what: str) -> NightshiftError:
    log = home.log(name)
    return NightshiftError(what, came=last_lines(home, name), do=f"read {log}, then run ./nightshift up again")


def last_lines(home: Home, name: str, count: int = 12) -> str:
    """End of a service's log."""
    try:
        with home.log(name).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 16_384))
            lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    except OSError:
        return "(no log)"
    return "\n".join(lines[-count:]) or "(its log is empty)"


def down(home: Home, *, waiting: Callable[[], None] | None = None) -> int:
    """End the stack, also one whose supervisor is dead; returns the number of processes that had to be hunted."""
    if not home.root.exists():
        return 0
    with home.locked("stack.lock", patience=ENDING * 2, waiting=waiting):
        record = state(home)["supervisor"]
        if is_running(home) and record is not None:
            with suppress(psutil.NoSuchProcess):
                supervisor = psutil.Process(record["pid"])
                if supervisor.create_time() == record["created"]:
                    supervisor.terminate()
            until = time.monotonic() + ENDING
            while (is_running(home) or _lives(record["pid"])) and time.monotonic() < until:
                time.sleep(0.05)
        hunted = end_leftovers(home.secrets()["stack_id"]) if home.secrets_file.exists() else 0
        home.state_file.unlink(missing_ok=True)
        return hunted


def _lives(pid: int) -> bool:
    # Who starts a stack and ends it again is the supervisor's parent: a dead one stays a zombie as long as he lives.
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def end_leftovers(stack_id: str) -> int:
    """End every process with our marker, the database last; returns how many there were."""
    found = leftovers(stack_id)
    databases = [p for p in found if _is_database(p)]
    others = [p for p in found if p not in databases]
    for group, number in ((others, signal.SIGTERM), (databases, signal.SIGINT)):
        for process in group:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        _, living = psutil.wait_procs(group, timeout=8)
        for process in living:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(living, timeout=5)
    for process in leftovers(stack_id):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    return len(found)


def leftovers(stack_id: str) -> list[psutil.Process]:
    """Living processes of the stack: those with its marker in their environment, and their children."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARKER) == stack_id:
                # The database's children write their titles over their environment.
                for member in (process, *process.children(recursive=True)):
                    found.setdefault(member.pid, member)
    ancestors = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [process for pid, process in found.items() if pid not in ancestors]


def _is_database(process: psutil.Process) -> bool:
    try:
        return str(process.name()) == "postgres"
    except psutil.NoSuchProcess:
        return False

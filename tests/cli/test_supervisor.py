"""The supervisor with a real PostgreSQL and a worker: what is killed comes back, what ends leaves nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from cli import environment, ports, postgres, urls
from cli import stack as stacks
from cli.environment import Stack
from cli.home import Home, write_private
from ml.adapters import postgres as adapter
from ml.core.errors import NightshiftError
from ml.settings import PROJECT


@dataclass
class Small:
    """A supervised stack in a state folder of its own."""

    home: Home
    stack: Stack
    process: subprocess.Popen[bytes]

    def service(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = stacks.state(self.home)["services"].get(name, {"state": "", "pid": None})
        return found

    def left(self) -> list[psutil.Process]:
        return stacks.leftovers(self.home.secrets()["stack_id"])

    def kill(self, name: str) -> int:
        """Kill a service with -9; returns the number of the process that it was."""
        pid = int(self.service(name)["pid"])
        os.kill(pid, signal.SIGKILL)
        return pid


def eventually(true: Callable[[], bool]) -> None:
    """Wait until ``true``."""
    until = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.05)


@pytest.fixture
def small() -> Iterator[Small]:
    """A small stack that is ready."""
    # Not pytest's own folder: run as root, the server is another user, who must get there.
    folder = Path(tempfile.mkdtemp(prefix="nightshift-small-"))
    folder.chmod(0o755)
    home = Home(folder / "home")
    home.ensure()
    secrets = home.secrets()
    chosen = ports.choose_all({"postgres": 42_431, "airflow": 42_531, "mlflow": 42_631})
    stack = Stack({name: chosen_port.port for name, chosen_port in chosen.items()}, {}, postgres.arrange(home, secrets))
    write_private(home.stack_file, json.dumps(stack.as_json()))
    variables = environment.clean(os.environ) | environment.services(home, stack, secrets)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.cli.small_stack", str(home.root)],
        env=variables,
        cwd=PROJECT,
        start_new_session=True,
        pass_fds=[chosen_port.held.fileno() for chosen_port in chosen.values()],
    )
    for claim in chosen.values():
        claim.held.close()
    running = Small(home, stack, process)
    try:
        eventually(lambda: running.service("worker")["state"] == "ready")
        yield running
    finally:
        stacks.end_leftovers(secrets["stack_id"])
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def test_a_killed_service_comes_back(small: Small) -> None:
    """A service that was killed with -9 is started again; what it had started is gone."""
    children = psutil.Process(small.service("worker")["pid"]).children()
    before = small.kill("worker")
    eventually(lambda: small.service("worker")["state"] == "ready" and small.service("worker")["pid"] != before)
    assert small.service("worker")["restarts"] == 1
    eventually(lambda: not any(child.is_running() for child in children))


def test_a_database_that_runs_is_not_said_to_start(small: Small, capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is nothing to wait for nothing is said; another shop may be looked at, and only where that is allowed."""
    environ = {"NIGHTSHIFT_HOME": str(small.home.root)}
    assert stacks.start_database(environ)[1].shop_url.endswith("/nightshift")
    other = environ | {"NIGHTSHIFT_SHOP_URL": "postgresql://reader@elsewhere/shop"}
    with pytest.raises(NightshiftError, match="NIGHTSHIFT_SHOP_URL"):
        stacks.start_database(other)
    settings = stacks.start_database(other, may_differ=["NIGHTSHIFT_SHOP_URL"])[1]
    assert settings.shop_url == "postgresql://reader@elsewhere/shop"
    assert settings.database_url.endswith("/nightshift")
    assert capsys.readouterr() == ("", "")
    small.process.terminate()
    eventually(lambda: not stacks.is_ready(small.home, stacks.DATABASE))


def test_a_service_on_demand_starts_when_somebody_comes(small: Small) -> None:
    """Its address is open from the start; who comes is answered, also the next one after it has ended."""
    eventually(lambda: small.service("door")["state"] == "on demand")
    assert small.service("door")["pid"] is None
    for _ in range(2):
        with socket.create_connection(("127.0.0.1", small.stack.ports["mlflow"]), timeout=20) as line:
            assert line.recv(100) == b"welcome"
        eventually(lambda: small.service("door")["state"] == "on demand")
    assert small.service("door")["restarts"] == 0


def test_a_killed_database_comes_back_with_its_rows(small: Small) -> None:
    """After kill -9 of the postmaster what was committed is there."""
    url = urls.admin_url(small.stack, small.home.secrets())
    with adapter.transaction(url) as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 1 AS one")
    before = small.kill("postgres")
    eventually(lambda: small.service("postgres")["state"] == "ready" and small.service("postgres")["pid"] != before)
    assert adapter.query(url, "SELECT one FROM kept") == [{"one": 1}]


def test_term_ends_everything_in_order(small: Small) -> None:
    """SIGTERM to the supervisor ends all services; the database closes properly."""
    small.process.terminate()
    assert small.process.wait(30) == 0
    assert small.left() == []
    assert "database system is shut down" in small.home.log("postgres").read_text()
    assert not stacks.is_running(small.home)


def test_down_ends_what_a_killed_supervisor_left(small: Small) -> None:
    """With the supervisor killed, down finds every process of the stack, and nothing else."""
    bystander = subprocess.Popen(["sleep", "600"])
    try:
        small.process.kill()
        small.process.wait(10)
        assert {p.name() for p in small.left()} >= {"postgres", "sleep"}
        assert not stacks.is_running(small.home)
        assert stacks.down(small.home) >= 3
        assert small.left() == []
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_stale_pid_file_does_not_hinder_a_start(small: Small) -> None:
    """After a reboot the number in the database's pid file can be anybody's; it is then removed."""
    assert small.stack.postgres is not None
    file = Path(small.stack.postgres.data) / "postmaster.pid"
    small.process.terminate()
    small.process.wait(30)
    file.write_text(f"{os.getpid()}\n")
    postgres.arrange(small.home, small.home.secrets())
    assert not file.exists()


def test_rights_of_what_the_stack_writes(small: Small) -> None:
    """Logs and state are for the owner only; the database's folder for its OS user only."""
    assert small.stack.postgres is not None
    for path in (small.home.state_file, small.home.stack_file, small.home.secrets_file, small.home.log("worker")):
        assert path.stat().st_mode & 0o077 == 0, path
    assert Path(small.stack.postgres.data).stat().st_mode & 0o077 == 0
    assert small.home.root.stat().st_mode & 0o067 == 0


def test_the_database_asks_for_its_password(small: Small) -> None:
    """Nobody gets in without the generated password, not even from this machine."""
    from ml.core.errors import NightshiftError

    port = small.stack.ports["postgres"]
    with pytest.raises(NightshiftError, match="password"):
        adapter.connect(f"postgresql://nightshift:wrong@127.0.0.1:{port}/postgres")


def test_a_supervisor_that_ended_is_not_waited_for() -> None:
    """Who starts a stack that fails and ends it again has its dead supervisor as a zombie, and does not wait for it."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert stacks._lives(process.pid)  # seen from outside it is a wait of half a minute
    assert process.stdin is not None
    process.stdin.close()
    eventually(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)
    assert not stacks._lives(process.pid)
    process.wait()
    assert not stacks._lives(process.pid)

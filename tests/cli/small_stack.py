"""A stack of a real PostgreSQL, a step that runs once and a worker that only waits: ``python -m …small_stack HOME``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cli.environment import Stack, services
from cli.home import Home, try_lock
from cli.service import Service
from cli.services import stack_services
from cli.supervisor import Supervisor, adopt_orphans

# The worker has a child, as Airflow's scheduler has.
WORKER = (
    "import subprocess, time; subprocess.Popen(['sleep', '600']); print('error: none', flush=True); time.sleep(600)"
)

# Answers one who comes, and ends.
DOOR = "import socket, sys; line, _ = socket.socket(fileno=int(sys.argv[1])).accept(); line.sendall(b'welcome'); line.close()"


def main(root: Path) -> None:
    """Supervise the stack of the state folder ``root``."""
    home = Home(root)
    lock = (home.root / "supervisor.lock").open("a")
    assert try_lock(lock.fileno())
    stack = Stack.last(home)
    postgres = next(service for service in stack_services(stack) if service.name == "postgres")
    once = Service("prepare", (sys.executable, "-c", "pass"), after=("postgres",), once=True)
    worker = Service("worker", (sys.executable, "-c", WORKER), after=("prepare",))
    door = Service(
        "door",
        (sys.executable, "-c", DOOR),
        after=("postgres",),
        on_demand=stack.ports["mlflow"],
    )
    adopt_orphans()
    variables = services(home, stack, home.secrets())
    Supervisor(home, [postgres, once, worker, door], {**os.environ, **variables}).run()
    lock.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

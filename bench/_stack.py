"""A stack of the benchmarks' own, so that no figure depends on, or changes, what the user has."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import Options
from ml.core.errors import NightshiftError
from ml.settings import PROJECT, Settings


@dataclass(frozen=True)
class Stack:
    """``./nightshift`` with a state folder of its own."""

    home: Path

    def run(self, *args: str) -> tuple[float, float, str]:
        """Run a sub-command; give wall seconds, the peak memory of its largest process in GiB, and what it printed."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name == "NIGHTSHIFT_VENV" or not name.startswith(("NIGHTSHIFT_", "AIRFLOW", "MLFLOW"))
        }
        start = time.perf_counter()
        process = subprocess.Popen(
            [PROJECT / "nightshift", *args],
            env=kept | {"NIGHTSHIFT_HOME": str(self.home), "NIGHTSHIFT_SCHEDULE": "off"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise NightshiftError(f"./nightshift {' '.join(args)} failed.", came=output[-3000:])
        return time.perf_counter() - start, usage.ru_maxrss / 2**20, output

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a SELECT."""
        return list(json.loads(self.run("sql", "--json", sql)[2]))

    def settings(self) -> Settings:
        """Settings for calls in this process."""
        from cli import environment

        return environment.settings({"NIGHTSHIFT_HOME": str(self.home)})[1]

    def admin_url(self) -> str:
        """URL of the server's superuser, who may make databases."""
        from cli import urls
        from cli.environment import Stack as Started
        from cli.home import Home

        home = Home(self.home)
        return urls.admin_url(Started.last(home), home.secrets())


@contextmanager
def stack(options: Options) -> Iterator[Stack]:
    """A stack that is up; its data stays in ``options.scratch`` for the next benchmark."""
    started = Stack((options.scratch / "home").absolute())
    started.run("up")
    try:
        yield started
    finally:
        started.run("down")


def peak_gib() -> float:
    """Peak memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20

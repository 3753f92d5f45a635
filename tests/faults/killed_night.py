"""Run nights, each in a process of its own that kills itself with -9 at a named point. Used by test_killed_night.py.

The points are read from standard input, a line each; how the night's process ended is written as a line.
The nights' processes are forks of this one, which has imported what takes seconds to import.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from ml import pipeline
from ml.adapters.batches import history
from ml.adapters.lake import Lake
from ml.adapters.mlflow import tracking
from ml.settings import Settings


def die(*_args: Any, **_kwargs: Any) -> None:
    """End as a killed process ends: at once, nothing cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_file(name: str) -> Callable[..., Any]:
    """Lake.write_json that dies before it writes a file called ``name``."""
    write = Lake.write_json

    def patched(self: Lake, path: str, value: Any) -> None:
        if path.endswith(name):
            die()
        write(self, path, value)

    return patched


def arm(point: str) -> None:
    """Put the death at ``point``."""
    if point.endswith(".json"):
        Lake.write_json = die_at_file(point)  # type: ignore[method-assign]
    elif point == "a score shard":
        Lake.write_batches = die  # type: ignore[assignment, method-assign]
    elif point == "the model's registration":
        tracking.register = die  # type: ignore[assignment]
    elif point == "the champion's alias":
        tracking.set_alias = die
    elif point == "the swap":
        history.show = die
        from ml.adapters.batches import publish

        publish.show = die  # type: ignore[attr-defined]
    elif point != "nothing":
        raise SystemExit(f"unknown point {point}")


def night(given: dict[str, Any], point: str) -> int:
    """Exit code of a night that dies at ``point``; negative: the signal that ended it."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    settings = Settings(**(given["settings"] | {"home": Path(given["settings"]["home"])}))
    code = 1
    try:
        arm(point)
        pipeline.run_night(settings, date.fromisoformat(given["night"]), capabilities=given["capabilities"])
        code = 0
    finally:  # The child must not come back into the parent's loop.
        traceback.print_exc()
        os._exit(code)


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("great_expectations", "lightgbm", "mlflow.pyfunc", "ml.registry"):
            importlib.import_module(name)
    for line in sys.stdin:
        sys.stdout.write(f"ended {night(json.loads(sys.argv[1]), line.strip())}\n")
        sys.stdout.flush()

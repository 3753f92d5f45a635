"""A night of a benchmark in a process of its own, with the settings of the environment."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from datetime import date
from pathlib import Path
from typing import ClassVar

from ml.adapters.books import nights
from ml.core.errors import NightshiftError
from ml.pipeline import run_night
from ml.settings import Settings

EVERY_S = 0.05


class Own(nights.Need):
    """What a step takes, the processor time of its own thread alone, and how many threads ran or wanted to at once."""

    instances: ClassVar[list[Own]] = []

    def __init__(self) -> None:
        super().__init__()
        self._thread, self.seconds = time.thread_time(), 0.0
        self._looks: list[int] = []
        self._end = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        Own.instances.append(self)

    def measured(self) -> dict[str, float | None]:
        self._end.set()
        self._watch.join()
        self.seconds = time.thread_time() - self._thread
        return super().measured()

    @property
    def threads(self) -> tuple[int, float]:
        """The most threads that ran at one look, and their mean over all."""
        return max(self._looks, default=0), sum(self._looks) / max(1, len(self._looks))

    def _look(self) -> None:
        own_id = threading.get_native_id()
        while not self._end.wait(EVERY_S):
            self._looks.append(
                sum(_runs(task) for task in Path("/proc/self/task").iterdir() if int(task.name) != own_id)
            )


def _runs(task: Path) -> bool:
    """Whether a thread is on a core or waits for one."""
    try:
        return (task / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "R"
    except OSError:  # it has ended meanwhile
        return False


def main() -> None:
    """Run the night of the first argument for the capabilities of the others.

    Prints its ref as JSON, the processor time of each step's own thread and how many threads ran, in the order of the steps.
    """
    nights.Need = Own  # type: ignore[misc]
    logging.getLogger("py4j").setLevel(logging.ERROR)
    settings = Settings.from_env(os.environ)
    done = run_night(settings, date.fromisoformat(sys.argv[1]), capabilities=sys.argv[2:], fresh=True)
    sys.stdout.write(
        json.dumps(
            {
                "ref": done["ref"],
                "own": [one.seconds for one in Own.instances],
                "threads": [one.threads for one in Own.instances],
            }
        )
        + "\n"
    )


if __name__ == "__main__":
    try:
        main()
    except NightshiftError as error:
        sys.exit(str(error))

"""A night of a benchmark in a process of its own, with the settings of the environment."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from datetime import date
from typing import ClassVar

from ml.adapters.books import nights
from ml.core.errors import NightshiftError
from ml.pipeline import run_night
from ml.settings import Settings


class Own(nights.Need):
    """What a step takes, and the processor time of its own thread alone."""

    made: ClassVar[list[Own]] = []

    def __init__(self) -> None:
        super().__init__()
        self._thread, self.seconds = time.thread_time(), 0.0
        Own.made.append(self)

    def measured(self) -> dict[str, float | None]:
        self.seconds = time.thread_time() - self._thread
        return super().measured()


def main() -> None:
    """Run the night of the first argument for the capabilities of the others.

    Prints its ref as JSON, and the processor time of each step's own thread, in the order of the steps.
    """
    nights.Need = Own  # type: ignore[misc]
    logging.getLogger("py4j").setLevel(logging.ERROR)
    settings = Settings.from_env(os.environ)
    done = run_night(settings, date.fromisoformat(sys.argv[1]), capabilities=sys.argv[2:], fresh=True)
    sys.stdout.write(json.dumps({"ref": done["ref"], "own": [one.seconds for one in Own.made]}) + "\n")


if __name__ == "__main__":
    try:
        main()
    except NightshiftError as error:
        sys.exit(str(error))

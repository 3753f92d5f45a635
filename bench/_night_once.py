"""A night of a benchmark in a process of its own, with the settings of the environment."""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import date

from ml.core.errors import NightshiftError
from ml.pipeline import run_night
from ml.settings import Settings


def main() -> None:
    """Run the night of the first argument for the capabilities of the others; print its ref as JSON."""
    logging.getLogger("py4j").setLevel(logging.ERROR)
    settings = Settings.from_env(os.environ)
    done = run_night(settings, date.fromisoformat(sys.argv[1]), capabilities=sys.argv[2:], fresh=True)
    sys.stdout.write(json.dumps({"ref": done["ref"]}) + "\n")


if __name__ == "__main__":
    try:
        main()
    except NightshiftError as error:
        sys.exit(str(error))

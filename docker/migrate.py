"""Bring Nightshift's own tables and roles up to date; does nothing when they are. Airflow's are ``airflow db migrate``'s."""

from __future__ import annotations

import os
import sys

from ml.core.errors import NightshiftError
from ml.pipeline.setup import migrate
from ml.settings import Settings

if __name__ == "__main__":
    try:
        notes = migrate(Settings.from_env(os.environ).database_url)
    except NightshiftError as error:
        sys.exit(str(error))
    sys.stdout.write("\n".join(notes or ("up to date",)) + "\n")

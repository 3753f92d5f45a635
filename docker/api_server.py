"""Start Airflow's API server with the passwords that the environment gives.

Airflow's simple auth manager reads passwords from a file only (and writes those that it makes up into the log), so the
file is written here, for the owner alone, before the server starts.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

USERS = {"admin": "NIGHTSHIFT_ADMIN_PASSWORD", "viewer": "NIGHTSHIFT_VIEWER_PASSWORD"}


def main() -> None:
    """Write the password file, then become the API server."""
    missing = [name for name in USERS.values() if not os.environ.get(name)]
    if missing:
        sys.exit(f"Not set: {', '.join(missing)}. docker/.env.example says what each is.")
    path = Path(os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({user: os.environ[name] for user, name in USERS.items()}, file)
    for name in USERS.values():
        del os.environ[name]
    os.execvp("airflow", ["airflow", "api-server"])  # noqa: S606 - no shell, a fixed command


if __name__ == "__main__":
    main()

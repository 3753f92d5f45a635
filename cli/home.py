"""The state folder of one Nightshift: what lies where, who may read it, and the locks."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import re
import secrets as random
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ml.core.errors import Busy, NightshiftError, WrongUse
from ml.core.version import VERSION
from ml.settings import PROJECT


class Home:
    """The state folder (``NIGHTSHIFT_HOME``, by default ``.nightshift`` in the project)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.secrets_file = root / "secrets.json"
        self.config_file = root / "nightshift.env"
        self.stack_file = root / "stack.json"
        self.state_file = root / "state.json"
        self.passwords_file = root / "airflow" / "passwords.json"
        self.postgres = root / "postgres"
        self.version_file = root / "version.json"
        self.pgpass_file = root / "pgpass"
        self.airflow = root / "airflow"
        self.artifacts = root / "mlflow" / "artifacts"
        self.logs = root / "logs"

    @classmethod
    def find(cls, environ: Mapping[str, str]) -> Home:
        """The folder that the environment names; nothing is created."""
        return cls(Path(environ.get("NIGHTSHIFT_HOME") or PROJECT / ".nightshift").expanduser().absolute())

    def log(self, service: str) -> Path:
        return self.logs / f"{service}.log"

    def ensure(self) -> None:
        """Create what is missing. Only the owner may enter."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            owner = self.root.stat()
            if owner.st_uid != os.geteuid():
                raise NightshiftError(
                    "The state folder belongs to another user.",
                    came=f"{self.root} belongs to user {owner.st_uid}, you are {os.geteuid()}",
                    do="run as that user, or set NIGHTSHIFT_HOME to a folder of your own",
                )
            # As root the group of the database's OS user may pass through (0710), never list.
            if stat.S_IMODE(owner.st_mode) & 0o767 != 0o700:
                self.root.chmod(0o700)
            for folder in (self.airflow, self.artifacts.parent, self.artifacts, self.logs):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise NightshiftError(
                "The state folder cannot be used.",
                came=str(error),
                do="set NIGHTSHIFT_HOME to a folder that you may write, on a disk with space",
            ) from None

    def refuse_newer(self) -> None:
        """Raise if a newer Nightshift made this folder what it is; else write down that this one does."""
        version = str((read_json(self.version_file) or {}).get("version", VERSION))
        if as_numbers(version) > as_numbers(VERSION):
            raise WrongUse(
                "The state folder is of a newer Nightshift.",
                came=f"{self.root} is of version {version}, this is {VERSION}",
                do=f"take version {version} again (./nightshift upgrade v{version}), or restore a backup of {VERSION} into another folder",
            )
        write_private(self.version_file, json.dumps({"version": VERSION}) + "\n")

    def forget_version(self) -> None:
        """Forget which version it is of: the databases are about to be put back to this one's."""
        self.version_file.unlink(missing_ok=True)

    def secrets(self) -> dict[str, str]:
        """Read the secrets; those that are missing are made first, once, whoever asks first."""
        with self.locked("secrets.lock"):
            known: dict[str, str] = read_json(self.secrets_file) or {}
            added = {name: make() for name, make in _SECRETS.items() if name not in known}
            if added:
                known |= added
                write_private(self.secrets_file, json.dumps(known, indent=1) + "\n")
            return known

    @contextmanager
    def locked(self, name: str, *, patience: float = 30, waiting: Callable[[], None] | None = None) -> Iterator[None]:
        """Hold the lock ``name``; waits ``patience`` seconds for its holder, then raises :class:`Busy`.

        The kernel frees a lock when its holder dies, so a kill -9 leaves none behind.
        """
        with (self.root / name).open("a") as file:
            until = time.monotonic() + patience
            notified = waiting is None
            while not try_lock(file.fileno()):
                if time.monotonic() > until:
                    raise Busy(
                        "Another ./nightshift is at work on this stack.",
                        came=f"{self.root / name} has been held for {patience:.0f} s",
                        do="wait until it ends (./nightshift status shows the stack)",
                    )
                if not notified and waiting is not None:
                    waiting()
                    notified = True
                time.sleep(0.1)
            yield


def as_numbers(version: str) -> tuple[int, ...]:
    """A version as numbers that can be compared.

    Examples
    --------
    >>> as_numbers("0.10.1") > as_numbers("0.9")
    True
    """
    return tuple(int(part) for part in re.findall(r"\d+", version))


def try_lock(descriptor: int) -> bool:
    """Take the exclusive lock of an open file if nobody holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_private(path: Path, text: str) -> None:
    """Write ``path`` whole or not at all, readable by its owner only."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def read_json(path: Path) -> Any:
    """Content of ``path``, or None where there is no such file."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise NightshiftError(
            "A state file is damaged.", came=f"{path}: {error}", do="run ./nightshift down, then move that file away"
        ) from None


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(random.token_bytes(32)).decode()


def _token() -> str:
    return random.token_urlsafe(32)


_SECRETS: dict[str, Callable[[], str]] = {
    "stack_id": lambda: random.token_hex(8),
    "hash_key": _token,
    "postgres_password": _token,
    "postgres_admin_password": _token,
    "airflow_database_password": _token,
    "mlflow_database_password": _token,
    "reader_password": _token,
    "airflow_admin_password": lambda: random.token_urlsafe(12),
    "airflow_viewer_password": lambda: random.token_urlsafe(12),
    "airflow_fernet_key": _fernet_key,
    "airflow_jwt_secret": lambda: random.token_urlsafe(64),
    "airflow_secret_key": _token,
}

"""Postgres's own programs: those that come with the embedded server, or those of this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from psycopg2.extensions import parse_dsn

from ml.adapters import postgres
from ml.core.errors import NightshiftError
from ml.core.programs import shipped

_NEEDED = ("pg_dump", "pg_restore", "psql")


def client_of(url: str) -> Path:
    """Folder with ``pg_dump``, ``pg_restore`` and ``psql`` that fit the server of ``url``: of its version, else the next newer.

    Raises
    ------
    NightshiftError
        There are only older ones, which refuse such a server.
    """
    row = postgres.query(url, "SELECT current_setting('server_version_num')::int / 10000 AS major")[0]
    beside = {Path(path).resolve().parent for name in _NEEDED if (path := shutil.which(name))}
    beside |= {path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/pg_dump")}
    by_version = {version: folder for folder in (*beside, *shipped()) if (version := _version(folder))}
    if fitting := [version for version in sorted(by_version) if version >= row["major"]]:
        return by_version[fitting[0]]
    raise NightshiftError(
        "There is no pg_dump that reads this server.",
        came=f"PostgreSQL {row['major']}; here: {', '.join(map(str, sorted(by_version))) or 'none'}",
        do=f"install PostgreSQL's client programs of version {row['major']} or newer",
    )


def _version(folder: Path) -> int:
    """Major version of the programs in a folder; 0 where they do not run."""
    if not all((folder / name).exists() for name in _NEEDED):
        return 0
    done = subprocess.run([folder / "pg_dump", "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"(\d+)\.", done.stdout)
    return int(found[1]) if found else 0


def run(url: str, program: Path, *arguments: str, lines: Iterable[bytes] = ()) -> None:
    """Run a program on the database of ``url``; ``lines`` is what it reads.

    The address is handed over in the environment: a command line can be read by everybody on the machine.

    Raises
    ------
    NightshiftError
        The program failed; with the end of what it wrote.
    """
    parts = parse_dsn(url)
    own = {f"PG{'DATABASE' if name == 'dbname' else name.upper()}": str(value) for name, value in parts.items()}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            [program, *arguments], env=kept | own, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors
        ) as process,
    ):
        assert process.stdin is not None
        try:
            for line in lines:
                process.stdin.write(line)
            process.stdin.close()
        except BrokenPipeError:
            pass  # what it wrote says why
        if process.wait():
            errors.seek(0)
            raise NightshiftError(
                f"{program.name} failed.",
                came=errors.read().decode(errors="replace").strip()[-1500:] or f"exit code {process.returncode}",
                do="mend what it says, then run the command again; nothing was changed",
            )

"""An upgrade from an older commit of this repository, while a shop reads: what is lost, what cannot be read, what serves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Self

import psycopg2

from bench import Options, Row
from bench._trial import database
from cli.install import find_uv
from ml.adapters import postgres
from ml.core.errors import NightshiftError
from ml.settings import PROJECT

BACK = (100, 200)
"""How many commits of the main line the two old versions lie behind, in the place of releases, of which there is none yet."""
CAPABILITY, TABLE = "sentiment", "review_sentiment"
EVERY_S = 0.05
_LOAD = """
import os, sys
from ml.settings import Settings
from ml.shop.load import load
print(load(Settings.from_env(os.environ), "demo", customers=int(sys.argv[1]), replace=True).last_order)
"""
_NIGHT = """
import os, sys
from datetime import date
from ml.pipeline import run_night
from ml.settings import Settings
run_night(Settings.from_env(os.environ), date.fromisoformat(sys.argv[1]), capabilities=[sys.argv[2]])
"""
_MIGRATE = """
import os
from ml.adapters.postgres import migrate
migrate(os.environ["NIGHTSHIFT_DATABASE_URL"])
"""


@dataclass
class Reader:
    """Reads a published table again and again, as a shop does."""

    url: str
    reads: int = 0
    failures: list[str] = field(default_factory=list)
    """When, in which part of the upgrade, and the server's words with its code."""
    slowest_s: float = 0.0
    part: str = "migration"

    def __enter__(self) -> Self:
        self._end, self._begin = threading.Event(), time.perf_counter()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _read(self) -> None:
        with closing(psycopg2.connect(self.url)) as connection:
            connection.autocommit = True
            while not self._end.wait(EVERY_S):
                start = time.perf_counter()
                try:
                    with connection.cursor() as cursor:
                        cursor.execute(f"SELECT count(*) FROM ml.{TABLE}")  # noqa: S608  # a name of ours
                        (rows,) = cursor.fetchone() or (0,)
                    if not rows:
                        self._failed(start, "no rows")
                except psycopg2.Error as error:
                    self._failed(
                        start, f"{type(error).__name__} {error.pgcode or 'without a code'}: {str(error).strip()}"
                    )
                self.reads, self.slowest_s = self.reads + 1, max(self.slowest_s, time.perf_counter() - start)

    def _failed(self, start: float, words: str) -> None:
        text = f"{self.part}, asked at {start - self._begin:.2f} s, failed at {time.perf_counter() - self._begin:.2f} s: {words}"
        self.failures.append(text)
        print(f"A read of ml.{TABLE} failed: {text}", file=sys.stderr, flush=True)


def run(options: Options) -> Iterator[Row]:
    """Homes that older commits made (``--shop COMMIT``; 100 and 200 commits back otherwise) go on with this code.

    The old code, with its own tree and an environment of its own locked requirements (from the package index or uv's cache),
    loads a demo shop and runs a night. Then this code migrates and runs the next night, while a reader polls the published
    table. No Airflow: the steps of ``./nightshift upgrade`` around it (backup, the way back) are in tests/cli/test_upgrade.py
    and tests/live/test_backup.py.
    """
    for commit in [options.shop] if options.shop else [_before(back) for back in BACK]:
        yield from _upgraded(options, commit)


def _before(back: int) -> str:
    return _git("rev-list", "--first-parent", f"--skip={back}", "-1", "HEAD").decode().strip()


def _upgraded(options: Options, commit: str) -> Iterator[Row]:
    home = (options.scratch / "upgrade").resolve()
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    # The old tree lies outside of this one, so that no check of ours reads it.
    with (
        tempfile.TemporaryDirectory(prefix="nightshift-old-") as folder,
        database(home) as made,
        closing(postgres.connect(made.database_url)) as connection,
    ):
        old = Path(folder) / "tree"
        with tarfile.open(fileobj=BytesIO(_git("archive", commit))) as tree:
            tree.extractall(old, filter="data")
        python = _environment(old, Path(folder) / "environment")
        connection.autocommit = True
        connection.cursor().execute("CREATE DATABASE upgraded TEMPLATE template0")
        own = {
            "NIGHTSHIFT_HOME": str(home),
            "NIGHTSHIFT_DATABASE_URL": _other(made.database_url),
            "NIGHTSHIFT_HASH_KEY": "bench",
            "NIGHTSHIFT_MLFLOW_URI": f"sqlite:///{home / 'mlflow.db'}",
            "NIGHTSHIFT_THREADS": "1",
        }
        first = _day(_python(python, old, own, _LOAD, "500" if options.quick else "2000").split()[-1])
        _python(python, old, own, _NIGHT, str(first), CAPABILITY)
        url = own["NIGHTSHIFT_DATABASE_URL"]
        before, served = _books(url), _served(url)
        with Reader(url) as reader:
            start = time.perf_counter()
            postgres.migrate(url)
            migrated = time.perf_counter() - start
            lost, reader.part = _lost(before, _books(url)), "the next night"
            _python(sys.executable, PROJECT, own, _NIGHT, str(first + timedelta(days=1)), CAPABILITY)
        yield Row(
            f"reads of ml.{TABLE} that failed or found nothing, of {reader.reads:,}",
            "reads",
            len(reader.failures),
            "allowed",
            0,
            float(not reader.failures),
            target=1.0,
            note=f"slowest {1000 * reader.slowest_s:.0f} ms; from {commit[:8]} with {_packages(python)}, migrated in {migrated:.1f} s"
            + "".join(f"; {text}" for text in reader.failures[:5]),
        )
        yield Row(
            "rows of the books that are lost",
            "rows",
            sum(lost.values()),
            "allowed",
            0,
            float(not lost),
            target=1.0,
            note=str(lost or ""),
        )
        now = _served(url)
        yield Row(
            "nights of the old home and the new",
            "published batches",
            _batches(url),
            "nights",
            2,
            _batches(url) / 2,
            target=1.0,
            note=f"model version {served} before, {now} after: " + ("served on" if now == served else "learned anew"),
        )
        refused = _refused(python, old, own)
        yield Row(
            "the old code on the new home",
            "refused",
            float(bool(refused)),
            "wanted",
            1.0,
            float(bool(refused)),
            target=1.0,
            note=refused,
        )


def _environment(tree: Path, folder: Path) -> str:
    """Python of an environment of the tree's own locked requirements."""
    uv = find_uv()
    if uv is None:
        raise NightshiftError("The old version's packages are installed by uv.", came="no program uv", do="install uv")
    python = str(folder / "bin" / "python")
    lock = str(tree / "requirements.txt")
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", "--quiet", "--require-hashes", "--python", python, "--requirement", lock],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NightshiftError("The old version's packages cannot be installed.", came=done.stderr[-2000:])
    return python


def _packages(python: str) -> str:
    """Versions of what an upgrade is about, in an environment."""
    words = "from importlib.metadata import version as v; print(*(f'{n} {v(n)}' for n in ('duckdb', 'mlflow', 'pandas')), sep=', ')"
    return subprocess.run([python, "-c", words], capture_output=True, text=True, check=True).stdout.strip()


def _day(text: str) -> date:
    return date.fromisoformat(text) + timedelta(days=1)


def _other(url: str) -> str:
    head, _, query = url.partition("?")
    return f"{head.rsplit('/', 1)[0]}/upgraded" + (f"?{query}" if query else "")


def _git(*words: str) -> bytes:
    try:
        return subprocess.run(["git", *words], cwd=PROJECT, capture_output=True, check=True).stdout
    except subprocess.CalledProcessError as error:
        raise NightshiftError(
            "The older commit cannot be read.",
            came=error.stderr.decode().strip(),
            do="run it in a clone with its history",
        ) from error


def _python(python: str, tree: Path, own: Mapping[str, str], program: str, *words: str) -> str:
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("NIGHTSHIFT_", "MLFLOW", "PYTHON"))}
    done = subprocess.run(
        [python, "-c", program, *words],
        env=kept | dict(own) | {"PYTHONPATH": str(tree)},
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NightshiftError(f"A step of the upgrade failed in {tree.name}.", came=done.stderr[-2000:])
    return done.stdout


def _books(url: str) -> dict[str, int]:
    """Rows of each table of ours."""
    found = {}
    tables = postgres.query(
        url,
        "SELECT schemaname AS s, tablename AS t FROM pg_tables WHERE schemaname IN ('ml_ops', 'ml_config', 'ml_batch')",
    )
    for row in tables:
        name = f'"{row["s"]}"."{row["t"]}"'
        found[name] = postgres.query(url, f"SELECT count(*) AS n FROM {name}")[0]["n"]  # noqa: S608  # of the catalogue
    return found


def _lost(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    return {name: rows - after.get(name, 0) for name, rows in before.items() if after.get(name, 0) < rows}


def _served(url: str) -> int:
    sql = "SELECT model_version FROM ml_ops.batch WHERE table_name = %s AND status = 'published' ORDER BY batch_id DESC LIMIT 1"
    return int(postgres.query(url, sql, [TABLE])[0]["model_version"])


def _batches(url: str) -> int:
    sql = "SELECT count(*) AS n FROM ml_ops.batch WHERE table_name = %s AND status IN ('published', 'superseded')"
    return int(postgres.query(url, sql, [TABLE])[0]["n"])


def _refused(python: str, tree: Path, own: Mapping[str, str]) -> str:
    """What the old code says of the migrated database; empty: it did not refuse, or there is no newer migration."""
    try:
        _python(python, tree, own, _MIGRATE)
    except NightshiftError as error:
        return next((line for line in error.came.splitlines() if "Error: " in line or "newer" in line), "")
    return ""

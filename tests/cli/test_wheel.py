"""The wheel, unpacked where nothing else of the repository is found: its DAGs, its plugin, and what it leaves as it is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from cli import dags
from ml.registry import CAPABILITIES
from ml.settings import PROJECT

LOOK = """
import json, sys
from airflow.sdk import DAG, task
before = list(sys.path)
import nightshift_project.dags as dags
heavy = {"pandas", "sklearn", "tensorflow", "mlflow", "great_expectations", "pyarrow", "duckdb", "ibis", "numpy"}
told = {"dags": dags.__all__, "heavy": sorted(heavy & set(sys.modules)), "first": sys.path[: len(before)] == before}
from nightshift_project.plugin import NightshiftPlugin
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner as Runner
told["listeners"] = NightshiftPlugin.listeners
told["scheduler"] = Runner._do_scheduling.__module__ == Runner.__module__
import ml
told["ml"] = ml.__path__[0]
print("TOLD", json.dumps(told))
"""
ONLY_DOCKER = {"redis", "celery", "apache-airflow-providers-celery"}


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content, as pip lays it out."""
    pytest.importorskip("hatchling", reason="hatchling is not installed (requirements-dev.txt)")
    folder = tmp_path_factory.mktemp("wheel")
    dags.build(folder)
    with zipfile.ZipFile(next(folder.glob("nightshift-*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


def python(site: Path, program: str, *before: Path) -> subprocess.CompletedProcess[str]:
    """Run a program where only ``before`` and the wheel are found beside the installed packages."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("PYTHON", "NIGHTSHIFT", "AIRFLOW"))}
    environ = kept | {
        "PYTHONPATH": os.pathsep.join(map(str, (*before, site))),
        "AIRFLOW_HOME": str(site.parent / "airflow"),
    }
    return subprocess.run(
        [sys.executable, "-P", "-c", program], env=environ, capture_output=True, text=True, check=False, cwd=site.parent
    )


def test_its_dags_and_plugin_change_nothing_of_theirs(unpacked: Path) -> None:
    """Every DAG is there; no heavy import, no listener, no other scheduler; our folders come after all of theirs."""
    done = python(unpacked, LOOK)
    measured = json.loads(done.stdout.rpartition("TOLD ")[2]) if "TOLD " in done.stdout else done.stderr
    lanes = [f"live_{name}" for name, spec in CAPABILITIES.items() if spec.live]
    assert measured == {
        "dags": ["night", "maintenance", "backup", *(f"train_{name}" for name in CAPABILITIES), *lanes],
        "heavy": [],
        "first": True,
        "listeners": [],
        "scheduler": True,
        "ml": str(unpacked / "nightshift_project" / "files" / "ml"),
    }


def test_a_package_of_theirs_with_our_name_stays_theirs(unpacked: Path, tmp_path: Path) -> None:
    """Who has a package ml keeps it, and is told why Nightshift does not start."""
    (tmp_path / "ml").mkdir()
    (tmp_path / "ml" / "__init__.py").write_text("")
    done = python(unpacked, "import nightshift_project.dags", tmp_path)
    assert f"another package is called ml ({tmp_path / 'ml'})" in done.stderr


def test_what_it_needs_is_what_is_locked() -> None:
    """The wheel's dependencies are those of requirements.in, but for what only the services of docker/ need."""
    lines = (line.partition("#")[0].strip() for line in (PROJECT / "requirements.in").read_text().splitlines())
    wanted = {line for line in lines if line and re.split(r"[<>=\[]", line)[0] not in ONLY_DOCKER}
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(project["dependencies"]) == wanted
    assert dags.LINE.startswith("from nightshift_project.dags import *")

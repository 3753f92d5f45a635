"""The command ``dags``: Nightshift in an Airflow that is already there."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.output import err, out
from ml.core.errors import NightshiftError, WrongUse
from ml.settings import PROJECT

LINE = "from nightshift_project.dags import *  # airflow finds a DAG here: Nightshift's"
_COST = """
import sys, time
from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, DeadlineAlert, Param, TaskGroup, task
with DAG("theirs", schedule=CronTriggerTimetable("0 2 * * *", timezone="UTC"), params={"x": Param(1)}):
    task(task_id="theirs")(lambda: None)()
before, start = set(sys.modules), time.process_time()
import nightshift_project.dags as dags
print(f"{time.process_time() - start:.2f} {len(dags.__all__)} {len(set(sys.modules) - before)}")
"""


def dags(
    wheel: Annotated[
        Path | None, typer.Option("--wheel", metavar="FOLDER", help="Build the wheel from this repository into FOLDER.")
    ] = None,
) -> None:
    """Print the one-line file for the folder of DAGs of an Airflow that has Nightshift's wheel; its cost goes to stderr.

    ./nightshift dags --wheel FOLDER builds the wheel, pip install FOLDER/nightshift-*.whl brings it there, and there
    nightshift dags > DAGS_FOLDER/nightshift.py is all. docs/your-airflow.md says which settings it needs.
    """
    if wheel is not None:
        build(wheel)
        return
    sys.stdout.write(LINE + "\n")
    if importlib.util.find_spec("nightshift_project") is None:
        err.print(
            "[dim]For an Airflow into which the wheel was installed: ./nightshift dags --wheel FOLDER builds it.[/]"
        )
        return
    done = subprocess.run([sys.executable, "-P", "-c", _COST], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NightshiftError("The DAGs cannot be imported here.", came=done.stderr.strip()[-1500:])
    seconds, count, modules = done.stdout.split()[-3:]
    err.print(
        f"[dim]{count} DAGs; beside Airflow's own import they cost {seconds} s of CPU and {modules} modules a parse.[/]"
    )


def build(folder: Path) -> None:
    """Build the wheel."""
    if not (PROJECT / "wheel").exists():
        raise WrongUse("A wheel is built from the repository.", came=f"no folder wheel in {PROJECT}", do="git clone it")
    line = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder.absolute())]
    done = subprocess.run(line, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        missing = "No module named hatchling" in done.stderr
        raise NightshiftError(
            "The wheel could not be built.",
            came=done.stderr.strip()[-1500:],
            do="install requirements-dev.txt: ./nightshift check does" if missing else "mend what it says",
        )
    for path in sorted(folder.glob("nightshift-*.whl")):
        out.print(str(path), soft_wrap=True)

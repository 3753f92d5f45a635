"""What it costs to parse the DAGs, beside the limit after which Airflow gives up."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

from bench import Options, Row
from cli.environment import AIRFLOW
from ml.settings import PROJECT

SCRIPT = """
import sys, time
from airflow.dag_processing.dagbag import DagBag
before, start = len(sys.modules), time.perf_counter()
bag = DagBag(dag_folder=sys.argv[1])
assert not bag.import_errors, bag.import_errors
print("TOOK", time.perf_counter() - start, len(bag.dags), len(sys.modules) - before)
"""


def run(options: Options) -> Iterator[Row]:
    """Wall time of a first parse of dags/, in a process that has imported Airflow as its DAG processor has."""
    limit = float(AIRFLOW["CORE__DAGBAG_IMPORT_TIMEOUT"])
    folder = options.scratch.absolute() / "airflow"
    environ = os.environ | {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "PYTHONPATH": f"{PROJECT}{os.pathsep}{PROJECT / 'plugins'}",
    }
    taken = []
    for _ in range(1 if options.quick else 5):
        done = subprocess.run(
            [sys.executable, "-P", "-c", SCRIPT, str(PROJECT / "dags")],
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        )
        seconds, dags, modules = done.stdout.rpartition("TOOK")[2].split()
        taken.append(float(seconds))
    median = sorted(taken)[len(taken) // 2]
    yield Row(
        f"first parse of {dags} DAGs",
        "s",
        median,
        "the limit of one file",
        limit,
        limit / median,
        target=None if options.quick else 100.0,
        note=f"{modules} modules imported, slowest {max(taken):.2f} s",
    )

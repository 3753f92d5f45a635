"""Run by the Python of another Airflow that has the wheel: what Nightshift costs there, and a night beside a DAG of theirs.

``_foreign_airflow.py FOLDER`` prints one line of JSON. It imports nothing of the repository.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

THEIRS = """
from airflow.sdk import DAG, task

with DAG("theirs", schedule=None) as dag:

    @task
    def hello() -> str:
        return "theirs"

    hello()
"""
HEAVY = {"pandas", "sklearn", "tensorflow", "mlflow", "great_expectations", "pyarrow", "duckdb", "ibis", "numpy"}


def main(folder: Path) -> dict[str, Any]:
    """Measure and run; the environment names Airflow's home and database and Nightshift's settings."""
    from airflow.dag_processing.dagbag import DagBag

    dags = folder / "dags"
    (dags / "theirs.py").write_text(THEIRS)
    seconds: dict[str, float] = {}
    bags = {}
    for name in ("theirs", "nightshift"):
        before, start = set(sys.modules), time.process_time()
        bags[name] = DagBag(dag_folder=dags / f"{name}.py", bundle_path=dags, bundle_name="theirs")
        seconds[name] = time.process_time() - start
        heavy = sorted(HEAVY & (set(sys.modules) - before))
    return {
        "seconds": seconds,
        "heavy": heavy,
        "errors": {name: bag.import_errors for name, bag in bags.items() if bag.import_errors},
        "dags": len(bags["nightshift"].dags),
        "changed": _changed(),
        **_runs(bags),
    }


def _changed() -> list[str]:
    """What of Airflow is another thing than it would be without the plugin."""
    from airflow import plugins_manager
    from airflow.jobs.scheduler_job_runner import SchedulerJobRunner

    plugins, errors = plugins_manager._get_plugins()  # noqa: SLF001
    found = [f"a plugin does not load: {errors}"] if errors else []
    ours = [plugin for plugin in plugins if plugin.name == "nightshift"]
    found += [] if len(ours) == 1 else [f"{len(ours)} plugins called nightshift"]
    found += [f"a listener: {listener}" for plugin in ours for listener in plugin.listeners]
    if SchedulerJobRunner._do_scheduling.__module__ != SchedulerJobRunner.__module__:  # noqa: SLF001
        found.append("the scheduler's loop")
    files = [path for path in sys.path if "nightshift_project" in path]
    return found + (["sys.path: ours come first"] if sys.path[-len(files) :] != files else [])


def _runs(bags: dict[str, Any]) -> dict[str, Any]:
    """A night of one capability on a small shop, and their DAG."""
    from airflow.utils.db import upgradedb

    from ml.adapters import postgres
    from ml.settings import Settings
    from ml.shop.load import load

    settings = Settings.from_env(os.environ)
    upgradedb()
    report = load(settings, "demo", None, customers=300)
    assert report.last_order is not None
    night = str(report.last_order + timedelta(days=1))
    states = {}
    for name, bag, conf in (
        ("theirs", "theirs", {}),
        ("night", "nightshift", {"night": night, "capabilities": ["demand"]}),
    ):
        dag = bags[bag].dags[name]
        dag.deadline = None  # as in tests/dags/run_dag.py
        states[name] = str(dag.test(logical_date=None, run_after=datetime.now(UTC), run_conf=conf).state)
    rows = postgres.query(settings.database_url, "SELECT table_name, rows FROM ml_ops.batch WHERE status = 'published'")
    return {"states": states, "rows": {row["table_name"]: row["rows"] for row in rows}}


if __name__ == "__main__":
    measured = main(Path(sys.argv[1]))
    sys.stdout.write("\nTOLD " + json.dumps(measured) + "\n")

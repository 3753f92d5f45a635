"""Run DAGs in one process as ``dag.test()`` does, over the fake pipeline or the real one; print what became of them.

``run_dag.py fake|real [[DAG, CONF], …]`` with Airflow's and Nightshift's environment; one JSON line for each pair.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path


def main(which: str, runs: str) -> None:
    """Migrate Airflow's database, then run each DAG with its conf."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.models.asset import AssetEvent
    from airflow.settings import Session
    from airflow.utils.db import upgradedb
    from sqlalchemy import select

    from ml import pipeline
    from ml.settings import PROJECT
    from tests.live.install import install, uninstall

    if which == "fake":
        import fake_pipeline

        for step in fake_pipeline.STEPS:
            setattr(pipeline, step.__name__, step)
    upgradedb()
    for name, conf in json.loads(runs):
        if name == "live_watch":
            install(Path(os.environ["NIGHTSHIFT_HOME"]) / "suites")
        dag = DagBag(dag_folder=PROJECT / "dags").dags[name]  # anew: a run's conf stays in its DAG's params
        dag.deadline = None  # Airflow 3.3.2: dag.test() of a DAG with a deadline fails, can't adapt type 'dict'
        run = dag.test(logical_date=None, run_after=datetime.now(UTC), run_conf=conf)
        session = Session()
        events = session.scalars(select(AssetEvent).where(AssetEvent.source_run_id == run.run_id)).all()
        summary = {
            "state": str(run.state),
            "tasks": {
                f"{ti.task_id}[{ti.map_index}]" if ti.map_index >= 0 else ti.task_id: str(ti.state)
                for ti in run.get_task_instances(session=session)
            },
            "assets": {event.asset.name: event.extra for event in events},
        }
        uninstall()
        sys.stdout.write("\nRAN " + json.dumps(summary) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

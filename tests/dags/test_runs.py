"""DAGs run task by task, as ``dag.test()`` runs them, with Airflow's database on a real Postgres."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from ml.registry import CAPABILITIES
from ml.settings import PROJECT

SCENARIOS = {
    "good": ("night", {"night": "2000-01-01"}),
    "trained": ("night", {"night": "2000-01-02", "force_train": True, "capabilities": ["recommender"]}),
    "not asked for": ("night", {"night": "2000-01-01", "capabilities": []}),
    "contract": ("night", {"night": "1999-01-01"}),
    "waiting": ("night", {"night": "2001-01-01", "capabilities": ["recommender"]}),
    "broken shard": ("night", {"night": "2002-01-01", "capabilities": ["recommender"]}),
    "rehearsal": ("night", {"night": "2003-01-01", "sample": 100, "capabilities": ["recommender"]}),
    "lost rows": ("night", {"night": "2004-01-01", "capabilities": ["recommender"]}),
    "lost shard": ("night", {"night": "2005-01-01", "capabilities": ["recommender"]}),
    "drift": ("night", {"night": "2006-01-01", "capabilities": ["recommender"]}),
    "training": ("train_recommender", {"night": "2000-01-01"}),
    "maintenance": ("maintenance", {}),
    "backup without an address": ("backup", {}),
    "lane waits": ("live_watch", {}),
    "lane finds nothing": ("live_watch", {}),
    "lane finds rows": ("live_watch", {"again": True}),
}


def run(which: str, runs: list[tuple[str, dict]], home: Path, airflow: str, nightshift: str) -> list[dict]:
    """What became of each of ``runs``, in a process of its own: Airflow reads its database's URL on import."""
    environ = os.environ | {
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": airflow.replace("postgresql://", "postgresql+psycopg2://"),
        "PYTHONPATH": os.pathsep.join([str(PROJECT), str(PROJECT / "plugins"), str(Path(__file__).parent)]),
        "NIGHTSHIFT_HOME": str(home),
        "NIGHTSHIFT_DATABASE_URL": nightshift,
        "NIGHTSHIFT_HASH_KEY": "a key for tests",
    }
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("run_dag.py")), which, json.dumps(runs)],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    summaries = [json.loads(line[4:]) for line in done.stdout.splitlines() if line.startswith("RAN ")]
    assert len(summaries) == len(runs), done.stdout[-2000:] + done.stderr[-4000:]
    return summaries


@pytest.fixture(scope="module")
def nights(postgres, tmp_path_factory):
    """Each scenario's run over the fake pipeline."""
    with closing(psycopg2.connect(postgres)) as connection:
        connection.autocommit = True
        connection.cursor().execute("CREATE DATABASE airflow_runs")
    airflow = postgres.replace("/postgres?", "/airflow_runs?")
    summaries = run(
        "fake", list(SCENARIOS.values()), tmp_path_factory.mktemp("runs"), airflow, "postgresql://nowhere/x"
    )
    return dict(zip(SCENARIOS, summaries, strict=True))


def test_a_good_night_publishes(nights):
    """Every task succeeds, one score task for each shard, and the assets tell of ref, rows and batch."""
    good = nights["good"]
    assert good["state"] == "success"
    assert set(good["tasks"].values()) == {"success"}
    scores = [
        f"{capability}.{task}"
        for capability in CAPABILITIES
        for task in (*(f"score[{i}]" for i in range(3)), "score_all")
    ]
    assert [name for name in sorted(good["tasks"]) if "score" in name] == sorted(scores)
    assert good["assets"] == {
        "shop/snapshot": {"ref": "2000-01-01/001", "sample": None, "rows": 100, "quarantined": 1, "left_out": 2},
        **{
            f"ml/{table.name}": {"ref": "2000-01-01/001", "rows": 30, "batch_id": "7"}
            for capability in CAPABILITIES.values()
            for table in capability.publishes
        },
    }


def test_a_new_champion_is_an_event_of_its_model(nights):
    """model/<capability> has an event when another version serves from now on, and only then."""
    assert "model/recommender" not in nights["good"]["assets"]
    extra = nights["trained"]["assets"]["model/recommender"]
    assert extra == {"version": 3, "why": "it is better", "ref": "2000-01-02/001"}


@pytest.mark.parametrize("scenario", ["waiting", "rehearsal"])
def test_what_cannot_or_should_not_publish_is_skipped(nights, scenario):
    """A capability that waits, and a rehearsal, end the night well without a published table."""
    night = nights[scenario]
    assert night["state"] == "success"
    assert night["tasks"]["recommender.publish"] == "skipped"
    assert night["tasks"]["report"] == "success"
    assert not [name for name in night["assets"] if name.startswith("ml/")]


@pytest.mark.parametrize(
    ("scenario", "task"),
    [
        ("contract", "extract"),
        ("not asked for", "extract"),
        ("broken shard", "recommender.score[1]"),
        ("lost rows", "recommender.publish"),
        ("lost shard", "recommender.score_all"),
    ],
)
def test_a_fault_fails_its_task_at_once_and_the_night(nights, scenario, task):
    """What trying again cannot mend is not tried again; the report runs all the same and fails the run."""
    night = nights[scenario]
    assert night["state"] == "failed"
    assert {name for name, state in night["tasks"].items() if state == "failed"} == {task, "report"}
    assert not [name for name in night["assets"] if name.startswith("ml/")]


def test_what_did_worse_learns_again(nights):
    """drift/<capability> has an event when its model should learn again, and only then."""
    assert nights["drift"]["assets"]["drift/recommender"] == {"why": "it did worse", "ref": "2006-01-01/001"}
    assert not [name for name in nights["good"]["assets"] if name.startswith("drift/")]


def test_train_and_maintenance_run(nights):
    """The other DAGs end well too; training by hand means training."""
    train = nights["training"]
    assert (train["state"], set(train["assets"])) == ("success", {"shop/snapshot", "model/recommender"})
    assert nights["maintenance"]["tasks"] == {"tidy": "success"}
    assert nights["backup without an address"]["tasks"] == {"keep": "skipped"}


def test_the_lane_runs_between_nights(nights):
    """Without a batch it is skipped; the table's asset has an event only when rows were written or taken out."""
    assert nights["lane waits"]["tasks"] == {"score_new": "skipped"}
    assert nights["lane finds nothing"]["tasks"] == {"score_new": "success"}
    assert nights["lane finds nothing"]["assets"] == {}
    assert nights["lane finds rows"]["assets"] == {
        "ml/order_watch": {"scored": 2, "dropped": 1, "as_of": "now", "run": 5}
    }

"""The DAGs as Airflow sees them."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from ml.registry import CAPABILITIES
from ml.settings import PROJECT
from tests.live.watch.spec import SPEC as WATCH

HEAVY = {
    "pandas",
    "sklearn",
    "tensorflow",
    "mlflow",
    "great_expectations",
    "pyarrow",
    "duckdb",
    "ibis",
    "psycopg2",
    "numpy",
}

STEPS = ("prepare", "score", "score_all", "publish")
"""The tasks of every capability in a night, each after the one before; all but the first get the snapshot's ref too."""


def night_graph():
    """The tasks of ``night`` and who follows whom, for the capabilities that are registered."""
    wanted = {"extract": {"validate"}, "validate": {"monitor"}, "monitor": {"report"}, "report": set()}
    for name in CAPABILITIES:
        wanted["validate"] |= {f"{name}.{step}" for step in STEPS}
        for step, following in pairwise(STEPS):
            wanted[f"{name}.{step}"] = {f"{name}.{following}"}
        wanted[f"{name}.publish"] = {"monitor"}
    return wanted


TRAIN = {"extract": {"validate"}, "validate": {"train"}, "train": {"approve"}, "approve": set()}


def graph(dag):
    """Each task with those that follow it."""
    return {task.task_id: set(task.downstream_task_ids) for task in dag.tasks}


def test_every_dag_imports(bag):
    """All files parse, and there is one training DAG for each capability."""
    assert bag.import_errors == {}
    lanes = {f"live_{name}" for name, spec in CAPABILITIES.items() if spec.live}
    assert set(bag.dags) == {"night", "maintenance", "backup", *(f"train_{name}" for name in CAPABILITIES)} | lanes


@pytest.mark.parametrize(
    ("dag", "expected"),
    [
        ("night", night_graph()),
        ("train_recommender", TRAIN),
        ("maintenance", {"tidy": set()}),
        ("backup", {"keep": set()}),
    ],
)
def test_graph(bag, dag, expected):
    """The tasks of a DAG and who follows whom are these."""
    assert graph(bag.dags[dag]) == expected


def test_every_dag_says_what_it_is(bag):
    """Each DAG and task has an owner, documentation and tags; a DAG runs once at a time and never catches up."""
    for dag in bag.dags.values():
        assert dag.doc_md
        assert dag.description
        assert "nightshift" in dag.tags
        assert dag.max_active_runs == 1
        assert dag.catchup is False
        assert dag.is_paused_upon_creation is False
        for task in dag.tasks:
            assert task.owner == "nightshift", task.task_id
            assert task.doc_md, task.task_id


def test_every_task_tries_again_with_growing_pauses_and_tells_of_failure(bag):
    """Retries back off, and the last failure raises an alert."""
    from nightshift_airflow import alerts

    for dag in bag.dags.values():
        for task in dag.tasks:
            assert task.retries >= 1
            assert task.retry_exponential_backoff > 1
            assert task.max_retry_delay <= timedelta(minutes=10)
            callback = task.on_failure_callback  # a list, but for a mapped task
            assert (callback if isinstance(callback, list) else [callback]) == [alerts.on_failure]
            callback = task.on_retry_callback
            assert (callback if isinstance(callback, list) else [callback]) == [alerts.on_retry]


def test_the_report_is_made_whatever_happened(bag):
    """The report runs after failures too, and what was published is looked after; nothing else does."""
    rules = {task.task_id: task.trigger_rule.value for task in bag.dags["night"].tasks}
    assert {name for name, rule in rules.items() if rule == "all_done"} == {"monitor", "report"}
    assert set(rules.values()) == {"all_done", "all_success"}


def test_night_is_at_two_on_the_shops_clock(monkeypatch):
    """The schedule follows NIGHTSHIFT_TIMEZONE."""
    from nightshift_airflow.factory import night

    monkeypatch.setenv("NIGHTSHIFT_TIMEZONE", "America/Sao_Paulo")
    timetable = night().timetable
    assert (timetable.expression, str(timetable.timezone)) == ("0 2 * * *", "America/Sao_Paulo")


def test_a_new_stack_waits_for_its_first_night(monkeypatch):
    """Set up after 02:00 the first run by itself is that of the next day, not the one that is over."""
    from airflow.timetables import trigger

    from nightshift_airflow import factory

    timetable = factory.night().timetable
    clock = trigger.CronTriggerTimetable(
        timetable.expression, timezone="UTC", run_immediately=timetable.run_immediately
    )
    monkeypatch.setattr(trigger, "utcnow", lambda: datetime(2026, 3, 5, 2, 30, tzinfo=UTC))
    assert clock._calc_first_run() == datetime(2026, 3, 6, 2, tzinfo=UTC)


def test_the_night_is_when_the_shop_wants_it(monkeypatch):
    """NIGHTSHIFT_SCHEDULE is the night's cron expression; off, no DAG at all runs by itself."""
    from nightshift_airflow import factory

    monkeypatch.setenv("NIGHTSHIFT_SCHEDULE", "30 4 * * 1-5")
    assert factory.night().timetable.expression == "30 4 * * 1-5"
    assert factory.live("risk").timetable.expression == "*/5 * * * *"
    train = factory.train("risk").timetable
    assert (train.timetable.expression, [asset.name for asset in train.asset_condition.objects]) == (
        CAPABILITIES["risk"].train_schedule,
        ["drift/risk"],
    )
    monkeypatch.setenv("NIGHTSHIFT_SCHEDULE", "off")
    dags = (factory.night(), factory.live("risk"), factory.train("recommender"), factory.maintenance())
    assert [dag.timetable.can_be_scheduled for dag in dags] == [False] * 4


def test_backups_are_made_where_there_is_an_address_for_them(monkeypatch):
    """NIGHTSHIFT_BACKUP_URI starts the DAG backup each morning; without it, it runs by hand only."""
    from nightshift_airflow import factory

    assert factory.backup().timetable.can_be_scheduled is False
    monkeypatch.setenv("NIGHTSHIFT_BACKUP_URI", "s3://kept/backups")
    assert factory.backup().timetable.expression == "0 7 * * *"


def test_night_has_a_deadline(bag):
    """A night that is not done in time raises an alert where tasks run: no triggerer is needed for it."""
    (deadline,) = bag.dags["night"].deadline
    assert deadline.callback.path == "nightshift_airflow.alerts.on_deadline"
    assert type(deadline.callback).__name__ == "SyncCallback"
    assert deadline.interval == timedelta(hours=4)


@pytest.fixture
def lane(monkeypatch):
    """The DAG of a capability with a lane between nights."""
    from nightshift_airflow.factory import live

    monkeypatch.setitem(CAPABILITIES, WATCH.name, WATCH)
    return live(WATCH.name)


def test_a_night_leaves_a_place_to_the_lanes(lane, monkeypatch):
    """Of the places for tasks one is not the night's, and whatever the night has queued a lane's task goes first."""
    from nightshift_airflow import factory

    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "4")
    night = factory.night()
    assert night.max_active_tasks == 3
    downstream = {len(task.get_flat_relative_ids(upstream=False)) for task in night.tasks}
    (task,) = lane.tasks
    assert "absolute" in str(task.weight_rule).lower()
    assert task.priority_weight == factory.LANE_PRIORITY > max(downstream) + 1
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "1")
    assert factory.night().max_active_tasks > 1
    monkeypatch.setenv("NIGHTSHIFT_LANE_QUEUE", "asap")
    assert [task.queue for task in factory.live(WATCH.name).tasks] == ["asap"]
    assert {task.queue for task in factory.night().tasks} == {"default"}


def test_the_lane_between_nights(lane):
    """One task every five minutes, one run at a time, never caught up, with an end; its asset tells of rows only."""
    assert graph(lane) == {"score_new": set()}
    (task,) = lane.tasks
    assert (lane.dag_id, lane.timetable.expression) == ("live_watch", "*/5 * * * *")
    assert (lane.max_active_runs, lane.catchup, lane.is_paused_upon_creation) == (1, False, False)
    assert lane.doc_md
    assert lane.description
    assert lane.tags == {"nightshift", "live"}
    assert (task.owner, task.retries, task.execution_timeout) == ("nightshift", 5, timedelta(minutes=15))
    assert task.doc_md
    assert task.on_failure_callback
    assert [alias.name for alias in task.outlets] == ["new rows/order_watch"]
    assert lane.params.dump() == {"again": False}


def test_assets(bag):
    """The tasks leave these assets behind, a model only when another one serves."""
    outlets = {task.task_id: {asset.name for asset in task.outlets} for task in bag.dags["night"].tasks}
    assert {name: assets for name, assets in outlets.items() if assets} == {
        "validate": {"shop/snapshot"},
        **{f"{name}.prepare": {f"new model/{name}"} for name in CAPABILITIES},
        **{f"{name}.publish": {f"ml/{table.name}" for table in spec.publishes} for name, spec in CAPABILITIES.items()},
        "monitor": {f"new drift/{name}" for name in CAPABILITIES},
    }


def test_trigger_form(bag):
    """The form of night offers these choices with these defaults, each with a title and a description."""
    params = bag.dags["night"].params
    assert params.dump() == {
        "night": None,
        "capabilities": list(CAPABILITIES),
        "force_train": False,
        "sample": None,
        "accept_growth": False,
        "fresh": False,
        "publish_past": False,
    }
    for name in params:
        assert params.get_param(name).schema["title"]
        assert params.get_param(name).description


@pytest.mark.parametrize("wrong", [{"night": "yesterday"}, {"sample": 0}, {"sample": "all"}, {"force_train": "yes"}])
def test_trigger_form_refuses(bag, wrong):
    """A value of the wrong kind is refused by the form, before a run is made."""
    from airflow.sdk.exceptions import ParamValidationError

    ((name, value),) = wrong.items()
    with pytest.raises(ParamValidationError):
        bag.dags["night"].params.get_param(name).resolve(value)


def test_parsing_imports_nothing_heavy_and_opens_no_connection():
    """Airflow parses dags/ every half minute: that costs no import of a data library and no connection."""
    script = """
import socket, sys
import airflow.settings
from airflow.dag_processing.dagbag import DagBag
def refuse(*args): raise AssertionError(f"connects to {args}")
socket.socket.connect = refuse
bag = DagBag(dag_folder=sys.argv[1])
assert not bag.import_errors, bag.import_errors
assert len(bag.dags) > 2
print("LOADED", *{name.split(".")[0] for name in sys.modules})
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(PROJECT / "dags")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.rpartition("LOADED")[2].split()
    assert HEAVY & set(loaded) == set()


def test_only_the_plugin_file_is_run_as_a_plugin():
    """Airflow executes every file below plugins/ under its bare name, unless .airflowignore names it."""
    script = """
import sys
from airflow import plugins_manager
plugins, errors = plugins_manager._get_plugins()
print("RESULT", [p.name for p in plugins if type(p).__module__ == "nightshift_plugin"], errors)
print("BARE", *[name for name in sys.argv[1].split() if name in sys.modules])
"""
    bare = [path.stem for path in (PROJECT / "plugins" / "nightshift_airflow").rglob("*.py")]
    done = subprocess.run(
        [sys.executable, "-c", script, " ".join(bare)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "RESULT ['nightshift'] {}" in done.stdout
    assert done.stdout.rpartition("BARE")[2].split() == []

"""The DAGs, made from the registry. Runs whenever Airflow parses dags/, so it imports and opens nothing heavy."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import (
    DAG,
    Asset,
    AssetOrTimeSchedule,
    BaseOperatorLink,
    CronTriggerTimetable,
    Param,
    TaskGroup,
    TriggerRule,
    task,
)
from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from ml.core.spec import Capability
from ml.registry import CAPABILITIES
from nightshift_airflow import alerts, assets, doc, links, pods, tasks
from nightshift_airflow.approve import WORDS, Approve
from nightshift_airflow.params import live_params, night_params, train_params

OWNER = "nightshift"
NIGHT_SCHEDULE = "0 2 * * *"
BY_HAND = "off"
"""As NIGHTSHIFT_SCHEDULE: nothing runs by itself. Otherwise that is the cron expression of the night."""
MAINTENANCE_SCHEDULE = "30 12 * * *"
BACKUP_SCHEDULE = "0 7 * * *"
"""After the night; where NIGHTSHIFT_BACKUP_URI is set."""

RETRIES = 5
"""With the pauses below, a server may be away for a quarter of an hour. Faults that need a person are not tried again."""

LANE_PRIORITY = 10_000
"""Of the lanes of minutes, which wait for no task of a night that is queued too."""

DEFAULT_ARGS = {
    "owner": OWNER,
    "retries": RETRIES,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "on_failure_callback": alerts.on_failure,
    "on_retry_callback": alerts.on_retry,
}


def night() -> DAG:
    """The DAG ``night``: extract, validate, then each capability by itself, then the report."""
    dag = _dag(
        "night",
        _night_schedule(),
        dag_display_name="Night",
        description="From the shop's tables to finished predictions.",
        params=night_params(CAPABILITIES),
        doc_md=doc.night(CAPABILITIES),
        tags={"nightshift", "night"},
        deadline=_deadline(),
        **_all_but_one(),
    )
    with dag:
        ref = _snapshot()
        published = [_capability(spec, ref) for spec in CAPABILITIES.values()]
        looked = _task(
            tasks.monitor,
            trigger_rule=TriggerRule.ALL_DONE,
            inlets=[assets.SNAPSHOT],
            outlets=[assets.maybe_drift(name) for name in CAPABILITIES],
        )()
        [ref, *published] >> looked >> _task(tasks.report, trigger_rule=TriggerRule.ALL_DONE)()
    return dag


def _snapshot() -> Any:
    """The tasks that every night begins with; gives the ref of a snapshot that may be used."""
    return _linked(_task(tasks.validate, outlets=[assets.SNAPSHOT])(_task(tasks.extract)()), links.DataDocsLink())


def _capability(spec: Capability, ref: Any) -> Any:
    """The tasks of one capability; gives the last one."""
    tables = [assets.table(table.name) for table in spec.publishes]
    with TaskGroup(group_id=spec.name, tooltip=spec.question):
        prepare = _task(tasks.prepare, inlets=[assets.SNAPSHOT], outlets=[assets.maybe_model(spec.name)])
        pieces = _linked(prepare(ref, spec.name), links.ModelLink())
        score = _task(
            tasks.score,
            map_index_template="{{ piece }}",
            max_active_tis_per_dagrun=int(os.environ.get("NIGHTSHIFT_SHARDS_AT_ONCE") or 2),
        )
        scored = score.partial(ref=ref, name=spec.name).expand(piece=pieces)
        rows = _task(tasks.score_all)(ref, spec.name, scored)
        publish = _task(tasks.publish, inlets=[assets.model(spec.name)], outlets=tables)
        return publish(ref, spec.name, rows)


def train(name: str) -> DAG:
    """The DAG ``train_<name>``."""
    spec = CAPABILITIES[name]
    dag = _dag(
        f"train_{name}",
        spec.train_schedule,
        also=assets.drift(name),
        dag_display_name=f"Train: {spec.title}",
        description=f"{spec.title}: learn, compare, let the better model serve.",
        params=train_params(),
        doc_md=doc.train(spec),
        tags={"nightshift", "train"},
    )
    with dag:
        learn = _task(tasks.train, inlets=[assets.SNAPSHOT], outlets=[assets.maybe_model(name)])
        learned = _linked(learn(_snapshot(), name), links.ModelLink())
        learned >> Approve(
            task_id="approve",
            **pods.of("approve"),
            capability=name,
            params=WORDS,
            doc_md=doc.TASKS["approve"],
            outlets=[assets.maybe_model(name)],
        )
    return dag


def live(name: str) -> DAG:
    """The DAG ``live_<name>`` of a capability that has a lane between nights."""
    spec = CAPABILITIES[name]
    assert spec.live is not None
    dag = _dag(
        f"live_{name}",
        spec.live.schedule,
        dag_display_name=f"Between nights: {spec.title}",
        description=f"{spec.title}: what is new since the night, within minutes.",
        params=live_params(),
        doc_md=doc.live(spec),
        tags={"nightshift", "live"},
    )
    with dag:
        # One task: handing over costs more than the work. One that hangs must not hold up the next run for ever.
        _task(
            tasks.score_new,
            inlets=[assets.model(name)],
            outlets=[assets.maybe_table(table) for table in (spec.live.publishes, *spec.live.also)],
            execution_timeout=timedelta(minutes=15),
            priority_weight=LANE_PRIORITY,
            weight_rule="absolute",
            **_lane_queue(),
        )(name)
    return dag


def maintenance() -> DAG:
    """The DAG ``maintenance``."""
    dag = _dag(
        "maintenance",
        MAINTENANCE_SCHEDULE,
        dag_display_name="Maintenance",
        description="Retention of batches, snapshots, quarantine and logs; requests to be forgotten.",
        params={},
        doc_md=doc.MAINTENANCE,
        tags={"nightshift", "maintenance"},
    )
    with dag:
        _task(tasks.tidy)()
    return dag


def backup() -> DAG:
    """The DAG ``backup``; it runs by itself where there is an address for it."""
    dag = _dag(
        "backup",
        BACKUP_SCHEDULE if os.environ.get("NIGHTSHIFT_BACKUP_URI") else BY_HAND,
        dag_display_name="Backup",
        description="All that the shop would miss, at one instant.",
        params={},
        doc_md=doc.BACKUP,
        tags={"nightshift", "maintenance"},
    )
    with dag:
        _task(tasks.keep)()
    return dag


def _dag(name: str, schedule: str, *, params: Mapping[str, Param], also: Asset | None = None, **words: Any) -> DAG:
    """A DAG as all of ours are: unpaused, one run at a time, no catching up, on the shop's clock.

    ``also``: an asset whose events start it too.
    """
    by_hand = BY_HAND in {schedule, _night_schedule()}
    clock = None if by_hand else _clock(schedule)
    return DAG(
        name,
        schedule=None if clock is None else AssetOrTimeSchedule(timetable=clock, assets=[also]) if also else clock,
        catchup=False,
        is_paused_upon_creation=False,
        max_active_runs=1,
        default_args=DEFAULT_ARGS,
        params=dict(params),
        **words,
    )


def _all_but_one() -> dict[str, int]:
    """A night leaves one of the places for tasks to the lanes of minutes, where the environment says how many there are."""
    places = int(os.environ.get("AIRFLOW__CORE__PARALLELISM") or 0)
    return {"max_active_tasks": places - 1} if places > 1 else {}


def _lane_queue() -> dict[str, str]:
    """Celery's queue of the lanes, where the workers have one: a priority counts no more once a task waits in Redis."""
    name = os.environ.get("NIGHTSHIFT_LANE_QUEUE")
    return {"queue": name} if name else {}


def _clock(schedule: str) -> CronTriggerTimetable:
    # By itself it runs at once what was due in the last tenth of its interval: a stack set up at 04:00 began with two
    # nights.
    zone = os.environ.get("NIGHTSHIFT_TIMEZONE") or "UTC"
    return CronTriggerTimetable(schedule, timezone=zone, run_immediately=timedelta())


def _night_schedule() -> str:
    return os.environ.get("NIGHTSHIFT_SCHEDULE") or NIGHT_SCHEDULE


def _task(function: Callable[..., Any], **options: Any) -> Any:
    """``function`` as a task of its own name, with its documentation."""
    name = function.__name__
    return task(task_id=name, doc_md=doc.TASKS[name], **pods.of(name), **options)(function)


def _linked(result: Any, link: BaseOperatorLink) -> Any:
    """The result of a task, whose page gets ``link``."""
    result.operator.operator_extra_links = (link,)
    return result


def _deadline() -> DeadlineAlert:
    hours = float(os.environ.get("NIGHTSHIFT_DEADLINE_HOURS") or 4)
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(hours=hours),
        callback=SyncCallback(alerts.on_deadline),
    )

"""Follow a run of a DAG until it ends."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from cli.airflow import ENDED, Airflow, Failure, Refused
from cli.output import Steps, err, seconds
from ml.core.errors import NightshiftError

SOONEST, LATEST, SHARE = 0.4, 5.0, 0.01
"""Between two looks at a run pass this share of the time that it was followed for, within these bounds in seconds.

Each look costs the server what the tasks could use.
"""


ASKS = "awaiting_input"
"""State of a task that waits for a person's answer, for hours or days."""


class RunFailed(NightshiftError):
    """A run that failed, with the exit code of what it died of."""

    def __init__(self, what: str, *, came: str = "", do: str = "", exit_code: int = 1) -> None:
        super().__init__(what, came=came, do=do)
        self.exit_code = exit_code


def follow(airflow: Airflow, dag: str, run: str, steps: Steps) -> dict[str, Any]:
    """Show each task as it ends; returns the run, or raises :class:`RunFailed`.

    An interrupt leaves the run going.
    """
    address = f"{airflow.address}/dags/{dag}/runs/{run}"
    steps.note(f"Follow it at {address}")
    try:
        ended = _watch(airflow, dag, run, steps)
    except KeyboardInterrupt:
        err.print(f"The run goes on without us: {address}", soft_wrap=True)
        raise
    except Refused as error:
        if error.code != 404:
            raise
        raise RunFailed(
            f"The run of {dag} is gone from Airflow.",
            came=f"Airflow does not know {run} any more: its DAG was deactivated, or somebody deleted it",
            do="./nightshift status tells of every DAG; then run it again",
        ) from None
    if ended["state"] != "success":
        raise _why(airflow, dag, run, address)
    return ended


def _watch(airflow: Airflow, dag: str, run: str, steps: Steps) -> dict[str, Any]:
    reported: set[tuple[str, int]] = set()
    retried: set[tuple[str, int, int]] = set()
    queued, start = False, time.monotonic()
    while True:
        state = airflow.run(dag, run)
        if state["state"] == "queued" and not queued:
            queued = True
            others = airflow.others(dag, run)
            if others:
                steps.note(f"Another run of {dag} goes on ({', '.join(others)}); ours starts after it.")
        tasks = airflow.tasks(dag, run)
        _tell_retries(airflow, tasks, retried, steps)
        for name, group in _ended(tasks):
            key = (name, len(group))
            if key not in reported:
                reported.add(key)
                states = Counter(task["state"] for task in group)
                _tell_end(name, group, states, steps)
        if state["state"] in ENDED:
            return state
        if waiting := [task["task_id"] for task in tasks if task["state"] == ASKS]:
            steps.note(
                f"{', '.join(waiting)} waits for a person: Required Actions in Airflow. It is not waited for here."
            )
            return state | {"state": "success"}
        steps.now(_now(dag, tasks))
        time.sleep(min(LATEST, max(SOONEST, SHARE * (time.monotonic() - start))))


def _ended(tasks: Iterable[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Tasks of which every instance ended, in the order in which they did."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for task in tasks:
        groups.setdefault(task["task_id"], []).append(task)
    over = {"success", "failed", "skipped", "upstream_failed", "removed"}
    finished = [(name, group) for name, group in groups.items() if all(task["state"] in over for task in group)]
    return sorted(finished, key=lambda pair: max(str(task["end_date"] or "") for task in pair[1]))


def _tell_end(name: str, group: list[Mapping[str, Any]], states: Counter[str], steps: Steps) -> None:
    pieces = f" ({len(group)} shards)" if len(group) > 1 else ""
    if set(states) <= {"success"}:
        steps.done(f"{name}{pieces}", seconds(_took(group)))
    elif set(states) <= {"skipped", "success", "removed"}:
        steps.note(f"{name} skipped")
    else:
        steps.fail(f"{name} {'was not run' if set(states) == {'upstream_failed'} else 'failed'}")


def _took(group: Iterable[Mapping[str, Any]]) -> float:
    times = [(task["start_date"], task["end_date"]) for task in group if task["start_date"] and task["end_date"]]
    if not times:
        return 0.0
    first, last = (datetime.fromisoformat(pick) for pick in (min(t[0] for t in times), max(t[1] for t in times)))
    return (last - first).total_seconds()


def _tell_retries(
    airflow: Airflow, tasks: Iterable[Mapping[str, Any]], retried: set[tuple[str, int, int]], steps: Steps
) -> None:
    for task in tasks:
        key = (task["task_id"], task["map_index"], task["try_number"])
        if task["state"] == "up_for_retry" and key not in retried:
            retried.add(key)
            first = airflow.failure(task).text.splitlines()[0]
            steps.note(f"{task['task_id']} failed and will be tried again: {first}")


def _now(dag: str, tasks: Iterable[Mapping[str, Any]]) -> str:
    running = Counter(task["task_id"] for task in tasks if task["state"] in {"running", "up_for_retry", "deferred"})
    names = [name if count == 1 else f"{name} ({count})" for name, count in running.items()]
    return f"{dag}: {', '.join(names) or 'waiting for the scheduler'} …"


def _why(airflow: Airflow, dag: str, run: str, address: str) -> RunFailed:
    failed = [task for task in airflow.tasks(dag, run) if task["state"] == "failed"]
    failed.sort(key=lambda task: str(task["end_date"] or ""))
    # The report fails because others did; its own text says less than theirs.
    causes = [task for task in failed if task["task_id"] != "report"] or failed
    failures = [airflow.failure(task) for task in causes]
    return RunFailed(
        f"The run of {dag} failed.",
        came="\n".join(_in_words(failure) for failure in failures) or "no task says why",
        do=f"mend what is said above, then run it again; all logs: {address}",
        exit_code=failures[0].exit_code if failures else 1,
    )


def _in_words(failure: Failure) -> str:
    return f"{failure.task}: {failure.text}"

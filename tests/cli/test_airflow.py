"""Following a run in Airflow, with an Airflow that plays back what it is given."""

from __future__ import annotations

from typing import Any

import pytest

from cli.airflow import Airflow
from cli.follow import RunFailed, follow
from cli.output import Steps


def task(name: str, state: str, second: int, **more: Any) -> dict[str, Any]:
    """A task instance as the API tells of it."""
    times = {"start_date": f"2026-01-01T00:00:{second:02}+00:00", "end_date": f"2026-01-01T00:00:{second + 1:02}+00:00"}
    ids = {"dag_id": "night", "dag_run_id": "r", "task_id": name, "map_index": -1, "try_number": 1}
    return ids | times | {"state": state} | more


class Played(Airflow):
    """Gives one answer after the other; ``logs`` by task."""

    def __init__(self, frames: list[tuple[str, list[dict[str, Any]]]], logs: dict[str, list[dict[str, Any]]]) -> None:
        super().__init__("http://127.0.0.1:1", "admin", "x")
        self.frames, self.logs, self.frame = frames, logs, -1

    def call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ARG002  # the API's signature
        if "/logs/" in path:
            return {"content": self.logs[path.split("/taskInstances/")[1].split("/", maxsplit=1)[0]]}
        if path.endswith("/r"):
            self.frame = min(self.frame + 1, len(self.frames) - 1)
            return {"state": self.frames[self.frame][0], "dag_run_id": "r"}
        if "taskInstances" in path:
            return {"task_instances": self.frames[self.frame][1]}
        return {"dag_runs": []}


def error(kind: str, text: str, *, wrapped: bool = False) -> list[dict[str, Any]]:
    """A log that ends with an error, as Airflow writes it."""
    chain = [{"exc_type": kind, "exc_value": text}]
    outer = [{"exc_type": "AirflowFailException", "exc_value": text}] if wrapped else []
    return [{"event": "starts"}, {"event": "Task failed with exception", "error_detail": outer + chain}]


def test_each_task_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Tasks are told in the order in which they ended, shards together, each once."""
    shards = [task("score", "success", 3, map_index=i) for i in range(3)]
    frames = [
        ("running", [task("extract", "success", 1), task("score", "running", 3)]),
        ("running", [task("extract", "success", 1), *shards, task("publish", "running", 5)]),
        ("success", [task("extract", "success", 1), *shards, task("publish", "skipped", 5)]),
    ]
    assert follow(Played(frames, {}), "night", "r", Steps(None))["state"] == "success"
    told = capsys.readouterr().err
    assert [line for line in told.splitlines() if line.startswith("✓")] == [
        "✓ extract 1.0 s",
        "✓ score (3 shards) 1.0 s",
    ]
    assert "publish skipped" in told


def test_a_failure_says_what_the_task_said() -> None:
    """The error is the first failing task's own, with its exit code; the report that fails with it is not named."""
    frames = [("failed", [task("validate", "failed", 1), task("report", "failed", 9), task("x", "upstream_failed", 9)])]
    logs = {"validate": error("DataRefused", "Too much is broken.\n  do:   mend it", wrapped=True)}
    with pytest.raises(RunFailed, match="Too much is broken") as caught:
        follow(Played(frames, logs), "night", "r", Steps(None))
    assert caught.value.exit_code == 4
    assert "report" not in caught.value.came


def test_an_error_that_is_not_ours_keeps_its_name() -> None:
    """An unforeseen error is told with its type, and is exit code 1."""
    frames = [("failed", [task("extract", "failed", 1)])]
    with pytest.raises(RunFailed, match="ZeroDivisionError: by zero") as caught:
        follow(Played(frames, {"extract": error("ZeroDivisionError", "by zero")}), "night", "r", Steps(None))
    assert caught.value.exit_code == 1


def test_a_task_without_a_word_is_told_too() -> None:
    """A task that was killed has no error in its log; its state is told then."""
    frames = [("failed", [task("score", "failed", 1)])]
    with pytest.raises(RunFailed, match="without a word"):
        follow(Played(frames, {"score": [{"event": "starts"}]}), "night", "r", Steps(None))


def test_a_retry_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A task that will be tried again is no failure, but is said."""
    frames = [
        ("running", [task("extract", "up_for_retry", 1)]),
        ("success", [task("extract", "success", 5, try_number=2)]),
    ]
    follow(Played(frames, {"extract": error("StorageError", "The disk is full.")}), "night", "r", Steps(None))
    assert "tried again: The disk is full." in capsys.readouterr().err

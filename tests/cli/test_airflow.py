"""Following a run in Airflow, with an Airflow that plays back what it is given."""

from __future__ import annotations

import io
import urllib.error
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from cli import status as states
from cli.airflow import Airflow, Refused
from cli.environment import Stack
from cli.follow import RunFailed, follow
from cli.home import Home
from cli.output import Steps
from ml.core.errors import NightshiftError


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
    printed = capsys.readouterr().err
    assert [line for line in printed.splitlines() if line.startswith("✓")] == [
        "✓ extract 1.0 s",
        "✓ score (3 shards) 1.0 s",
    ]
    assert "publish skipped" in printed


def test_a_question_to_a_person_is_not_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    """A run that waits for an approval may do so for days: it is said where the question is, and following ends."""
    frames = [("running", [task("train", "success", 1), task("approve", "awaiting_input", 3)])]
    assert follow(Played(frames, {}), "train_risk", "r", Steps(None))["state"] == "success"
    assert "approve waits for a person: Required Actions in Airflow" in " ".join(capsys.readouterr().err.split())


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


class Slow(Airflow):
    """Answers the first request for a run too late; the run was begun all the same."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1", "admin", "x")
        self.begun: set[str] = set()

    def _request(self, method: str, path: str, body: Any) -> Any:
        if method == "GET":
            return {"dags": [dag("night")]}
        if path == "/auth/token":
            return {"access_token": "t"}
        if body["dag_run_id"] in self.begun:
            raise urllib.error.HTTPError(path, 409, "there is one", Message(), io.BytesIO(b"Conflict"))
        self.begun.add(body["dag_run_id"])
        raise TimeoutError


def test_a_run_whose_answer_did_not_come_is_begun_once() -> None:
    """Airflow is asked again, by the run's name, and says that it has it."""
    slow = Slow()
    assert {slow.trigger("night", {})} == slow.begun


class Parsed(Airflow):
    """Knows the DAGs that it is given; a run of ``gone`` is refused as Airflow refuses it."""

    def __init__(self, dags: list[dict[str, Any]], errors: dict[str, str], *, gone: bool = False) -> None:
        super().__init__("http://127.0.0.1:1", "admin", "x")
        self.known, self.errors, self.gone = dags, errors, gone

    def call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ARG002  # the API's signature
        if path.startswith("/api/v2/dags?"):
            return {"dags": self.known}
        if path == "/api/v2/importErrors":
            return {"import_errors": [{"filename": f, "stack_trace": t} for f, t in self.errors.items()]}
        if self.gone:
            self.known = [dag | {"is_stale": True} for dag in self.known]
            raise Refused("Airflow refused a request.", came='POST …: 404 {"detail": "not found"}', code=404)
        return {"dag_run_id": "r"}


def dag(name: str, **more: Any) -> dict[str, Any]:
    """A DAG as the API tells of it."""
    fine = {"is_stale": False, "is_paused": False, "has_import_errors": False, "relative_fileloc": "night.py"}
    return {"dag_id": name, "last_parsed_time": "2026-11-27T01:02:03.4Z"} | fine | more


@pytest.mark.parametrize(
    ("known", "errors", "gone", "words"),
    [
        ([], {"night.py": "ImportError: no x"}, False, "it was never parsed; night.py: ImportError: no x"),
        ([dag("night", is_stale=True)], {}, False, "it is deactivated: last parsed 2026-11-27 01:02:03 UTC"),
        ([dag("night", has_import_errors=True)], {"night.py": "E"}, False, "cannot be imported; night.py: E"),
        ([dag("night")], {}, True, "it is deactivated: last parsed 2026-11-27 01:02:03 UTC"),
    ],
    ids=["never parsed", "deactivated", "broken", "deactivated just now"],
)
def test_a_dag_that_is_missing_is_told_in_words(
    known: list[dict[str, Any]], errors: dict[str, str], gone: bool, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why a DAG cannot run is said in words, and never as the server's raw refusal."""
    monkeypatch.setattr("cli.airflow.PARSING", 0.0)
    with pytest.raises(NightshiftError) as caught:
        Parsed(known, errors, gone=gone).trigger("night", {})
    assert words in str(caught.value)
    assert "404" not in str(caught.value)


def test_a_run_that_vanishes_is_told_in_words() -> None:
    """A run that Airflow no longer knows, since its DAG is gone or somebody deleted it, is no raw refusal."""
    with pytest.raises(NightshiftError, match="gone from Airflow") as caught:
        follow(Parsed([], {}, gone=True), "night", "r", Steps(None))
    assert "404" not in str(caught.value)


def test_status_tells_of_missing_dags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of our DAGs is active, paused or missing with its reason; soon after a start it may still come."""
    stack = Stack({"airflow": 1}, {}, None)
    home = Home(tmp_path)
    names = [name for name in states.dag_names() if name != "night"]
    known = [dag(name, is_paused=name == "maintenance") for name in names] + [dag("night", is_stale=True)]
    monkeypatch.setattr(states, "Airflow", lambda *_, **__: Parsed(known, {}))

    def dag_states(uptime: float) -> dict[str, tuple[str, str]]:
        up = [{"name": n, "state": "ready", "uptime_s": uptime} for n in ("airflow-api", "airflow-dag-processor")]
        return {row["name"]: (row["state"], row["why"]) for row in states.dags(home, stack, up)}

    late = dag_states(1000)
    assert late["night"][0] == "missing"
    assert "deactivated" in late["night"][1]
    assert late["maintenance"] == ("paused", "")
    assert {state for name, (state, _) in late.items() if name not in {"night", "maintenance"}} == {"active"}
    assert dag_states(5)["night"][0] == "starting"

"""Airflow's REST API, as far as the command line needs it."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from ml.core import errors
from ml.core.errors import NightshiftError

PATIENCE = 120.0
"""Seconds that the API may be away before we give up: it is restarted meanwhile."""
PARSING = 120.0
"""Seconds until a DAG must be known to Airflow after a start."""
ENDED = {"success", "failed"}
KINDS: dict[str, type[NightshiftError]] = {
    kind.__name__: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, NightshiftError)
}


@dataclass(frozen=True)
class Failure:
    """What a task died of, as its log tells it."""

    task: str
    text: str
    exit_code: int


class Airflow:
    """The API at ``address`` for one user."""

    def __init__(self, address: str, user: str, password: str, *, patience: float = PATIENCE) -> None:
        self.address, self._patience = address, patience
        self._credentials = {"username": user, "password": password}
        self._token = ""

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One request; waits while the server is away.

        Raises
        ------
        NightshiftError
            The server refuses the request, or stays away.
        """
        until = time.monotonic() + self._patience
        while True:
            try:
                if not self._token and path != "/auth/token":
                    self._token = self.call("POST", "/auth/token", self._credentials)["access_token"]
                return self._request(method, path, body)
            except urllib.error.HTTPError as error:
                if error.code == 401 and self._token:  # a token of before a restart
                    self._token = ""
                elif error.code < 500:
                    detail = error.read().decode(errors="replace")[:500]
                    raise Refused(
                        "Airflow refused a request.",
                        came=f"{method} {path}: {error.code} {detail}",
                        do="read airflow-api.log (./nightshift status says where)",
                        code=error.code,
                    ) from None
            except OSError as error:
                if time.monotonic() > until:
                    raise NightshiftError(
                        "Airflow does not answer.",
                        came=f"{self.address}: {error}",
                        do="see ./nightshift status; a run that was started goes on by itself",
                    ) from None
            time.sleep(0.5)

    def _request(self, method: str, path: str, body: object) -> Any:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, headers, method=method)  # noqa: S310  # ours
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")

    def trigger(self, dag: str, conf: Mapping[str, Any]) -> str:
        """Start a run; returns its id. A DAG that somebody paused is an error: its run would wait for ever."""
        if self._await(dag)["is_paused"]:
            raise NightshiftError(
                f"The DAG {dag} is paused.", came="somebody paused it", do=f"unpause it at {self.address}/dags/{dag}"
            )
        # By a name of ours: a request that is made again, for its answer did not come, does not start a second run.
        name = f"manual__{datetime.now(UTC).isoformat()}"
        body = {"dag_run_id": name, "logical_date": None, "conf": dict(conf)}
        try:
            self.call("POST", f"/api/v2/dags/{dag}/dagRuns", body)
        except Refused as refused:
            if refused.code == HTTPStatus.CONFLICT:
                return name
            found = self.dags().get(dag)
            if found is None or found["is_stale"] or found["has_import_errors"]:  # since we looked
                raise self._unknown(dag, found) from None
            raise
        return name

    def _await(self, dag: str) -> dict[str, Any]:
        until = time.monotonic() + PARSING
        while True:
            found = self.dags().get(dag)
            if found and not found["is_stale"] and not found["has_import_errors"]:
                return found
            if time.monotonic() > until or (found and found["has_import_errors"]):
                raise self._unknown(dag, found)
            time.sleep(0.25)

    def _unknown(self, dag: str, found: Mapping[str, Any] | None) -> NightshiftError:
        return NightshiftError(
            f"Airflow cannot run the DAG {dag}.",
            came=why_missing(found, self.import_errors()),
            do="mend it (./nightshift status tells of every DAG), then try again",
        )

    def dags(self) -> dict[str, dict[str, Any]]:
        """Every DAG that Airflow has known, deactivated ones too, by name."""
        found = self.call("GET", "/api/v2/dags?limit=200&exclude_stale=false")["dags"]
        return {dag["dag_id"]: dag for dag in found}

    def import_errors(self) -> dict[str, str]:
        """By file, the end of what Python said when Airflow imported it."""
        found = self.call("GET", "/api/v2/importErrors")["import_errors"]
        return {error["filename"]: error["stack_trace"].strip()[-800:] for error in found}

    def run(self, dag: str, run: str) -> dict[str, Any]:
        """State of a run."""
        found: dict[str, Any] = self.call("GET", f"/api/v2/dags/{dag}/dagRuns/{quote(run)}")
        return found

    def tasks(self, dag: str, run: str) -> list[dict[str, Any]]:
        """Its task instances."""
        path = f"/api/v2/dags/{dag}/dagRuns/{quote(run)}/taskInstances?limit=1000"
        found: list[dict[str, Any]] = self.call("GET", path)["task_instances"]
        return found

    def result(self, dag: str, run: str, task: str) -> Any:
        """What a task handed on; None if it did not."""
        path = f"/api/v2/dags/{dag}/dagRuns/{quote(run)}/taskInstances/{quote(task)}/xcomEntries/return_value"
        try:
            value = self.call("GET", path)["value"]
        except Refused as error:
            if error.code != 404:  # skipped, so nothing was handed on
                raise
            return None
        if isinstance(value, str):  # some versions of the server give the JSON text
            with suppress(ValueError):
                return json.loads(value)
        return value

    def others(self, dag: str, run: str) -> list[str]:
        """Runs of the DAG that go on beside ``run``."""
        path = f"/api/v2/dags/{dag}/dagRuns?{urlencode([('state', 'running'), ('limit', 10)])}"
        return [r["dag_run_id"] for r in self.call("GET", path)["dag_runs"] if r["dag_run_id"] != run]

    def failure(self, task: Mapping[str, Any]) -> Failure:
        """Why a task failed: the last error that its log tells of."""
        path = (
            f"/api/v2/dags/{task['dag_id']}/dagRuns/{quote(task['dag_run_id'])}/taskInstances/{quote(task['task_id'])}"
            f"/logs/{task['try_number']}?{urlencode({'map_index': task['map_index'], 'full_content': 'true'})}"
        )
        events: list[Any] = []
        with suppress(Refused):  # a task that never ran has no log
            events = self.call("GET", path)["content"]
        named = list(_errors(events))
        if named:
            kind, text = named[-1]
            return Failure(task["task_id"], text, KINDS[kind].exit_code if kind in KINDS else 1)
        lines = [e["event"] for e in events if isinstance(e, dict) and e.get("level") in {"error", "critical"}]
        return Failure(task["task_id"], "\n".join(lines[-3:]) or f"it ended as {task['state']} without a word", 1)


def why_missing(found: Mapping[str, Any] | None, errors: Mapping[str, str]) -> str:
    """Why the DAG ``found`` (None: Airflow never knew it) cannot run; empty: it can.

    Examples
    --------
    >>> why_missing(None, {"night.py": "ImportError: no module named x"})
    'it was never parsed; night.py: ImportError: no module named x'
    """
    if found and not found["is_stale"] and not found["has_import_errors"]:
        return ""
    own = found and found.get("relative_fileloc")
    own_errors = {file: text for file, text in errors.items() if not own or file.endswith(own)}
    if found is None:
        state = "it was never parsed"
    elif found["is_stale"]:
        state = f"it is deactivated: last parsed {str(found['last_parsed_time'])[:19].replace('T', ' ')} UTC"
    else:
        state = "its file cannot be imported"
    failures = "; ".join(f"{file}: {text}" for file, text in own_errors.items())
    return (
        f"{state}; {failures}" if failures else f"{state}, and no import error is known: see airflow-dag-processor.log"
    )


class Refused(NightshiftError):
    """An answer of 4xx; ``code`` says which."""

    def __init__(self, what: str, *, came: str = "", do: str = "", code: int = 0) -> None:
        super().__init__(what, came=came, do=do)
        self.code = code


def _errors(events: list[Any]) -> Iterator[tuple[str, str]]:
    """Errors of a log as ``(type, text)``; of a chain the one that is ours, else the outermost."""
    for event in events:
        chain = (event.get("error_detail") or []) if isinstance(event, dict) else []
        chained = [(str(e.get("exc_type", "")).rsplit(".", 1)[-1], str(e.get("exc_value", ""))) for e in chain]
        ours = [pair for pair in chained if pair[0] in KINDS]
        if ours:
            yield ours[-1]
        elif chained:
            yield chained[0][0], f"{chained[0][0]}: {chained[0][1]}"

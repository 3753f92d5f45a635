"""What people are told when something goes wrong: what failed, why, what to do, where the log is."""

from __future__ import annotations

import json
import logging
import os
import urllib.request
from collections.abc import Mapping
from typing import Any

from ml.core.errors import NightshiftError

log = logging.getLogger("nightshift.alert")

WEBHOOK = "NIGHTSHIFT_ALERT_URL"
TIMEOUT_S = 10

UNKNOWN = (
    "read the log; then clear the task in Airflow's grid (or run the night again): every step can be repeated, "
    "and the shop reads yesterday's tables until then"
)


def cause(error: BaseException | None) -> BaseException | None:
    """The :class:`NightshiftError` that ``error`` wraps, else ``error`` itself."""
    found = error
    while found is not None and not isinstance(found, NightshiftError):
        found = found.__cause__
    return found or error


def failure_text(context: Mapping[str, Any]) -> str:
    """Tell of a failed task.

    Parameters
    ----------
    context : mapping
        Airflow's task context; ``ti`` and, where Airflow knows it, ``exception``.
    """
    ti, error = context["ti"], context.get("exception")
    shard = getattr(ti, "map_index", -1)
    piece = f", shard {shard}" if shard is not None and shard >= 0 else ""
    lines = [
        f"Nightshift: task {ti.task_id} of {ti.dag_id} failed (run {ti.run_id}{piece}, try {ti.try_number}).",
        _error_text(error),
    ]
    if url := getattr(ti, "log_url", ""):
        lines.append(f"  log:  {url}")
    return "\n".join(lines)


def _error_text(error: BaseException | str | None) -> str:
    found = cause(error) if isinstance(error, BaseException) else error
    if isinstance(found, NightshiftError):
        return str(found)
    if found is None:
        what = "The process ended without a word: killed, out of memory, or the machine went down."
    elif isinstance(found, str):
        what = found
    elif type(found).__module__.startswith("airflow."):
        return str(found)
    else:
        what = f"{type(found).__name__}: {found}"
    return str(NightshiftError(what, do=UNKNOWN))


def deadline_text(context: Mapping[str, Any]) -> str:
    """Tell of a run that is not done in time; ``context`` is what Airflow hands to a deadline's callback."""
    run, deadline = context.get("dag_run", {}), context.get("deadline", {})
    error = NightshiftError(
        f"Nightshift: {run.get('dag_id', 'a run')} is late (run {run.get('dag_run_id', '?')}).",
        came=f"state {run.get('state', '?')} at its deadline, {deadline.get('deadline_time', '?')}",
        do="look at the run in Airflow's grid: a task that is queued for long wants a worker, one that runs for long "
        "tells its progress in its log; the shop reads yesterday's tables until the night is done",
    )
    return str(error)


def send(text: str, **facts: Any) -> None:
    """Write ``text`` to the log of this process and, if ``NIGHTSHIFT_ALERT_URL`` is set, post it there as JSON.

    An alert that cannot be delivered is logged, never raised: the failure that it tells of must stay the one seen.
    """
    log.error(text)
    url = os.environ.get(WEBHOOK, "")
    if not url:
        return
    if not url.startswith(("http://", "https://")):
        log.warning("%s is no http(s) address; the alert stays in this log.", WEBHOOK)
        return
    body = json.dumps({"text": text, **facts}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - http(s) only
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            log.info("Alert sent: %s", answer.status)
    except OSError as error:
        # The address may hold a token, so it is not written here.
        log.warning("The alert could not be sent to %s: %s", WEBHOOK, error)


def on_failure(context: Mapping[str, Any]) -> None:
    """Airflow's ``on_failure_callback`` of every task."""
    ti = context["ti"]
    _leave_the_group()
    send(failure_text(context), kind="failure", dag=ti.dag_id, run=ti.run_id, task=ti.task_id)


def on_retry(context: Mapping[str, Any]) -> None:
    """Airflow's ``on_retry_callback`` of every task: its log ends in words, and nobody is woken."""
    _leave_the_group()
    log.warning("%s\nIt is tried again by itself.", failure_text(context))


def _leave_the_group() -> None:
    """Close the group "Post Execute", which Airflow's page shows folded: the log would end in the traceback."""
    log.info("::endgroup::")


def on_deadline(context: Mapping[str, Any]) -> None:
    """Airflow's callback for a missed deadline; runs where tasks run, so that no triggerer is needed."""
    run = context.get("dag_run", {})
    if run.get("state") in ("success", "failed"):
        return  # A failed run keeps its deadline in Airflow, but has told of itself already.
    send(deadline_text(context), kind="deadline", dag=run.get("dag_id"), run=run.get("dag_run_id"))

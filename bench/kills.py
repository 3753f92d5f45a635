"""Whether a night ends whole by itself when any process is killed at any moment; not a figure of speed.

``./nightshift bench kills`` starts night after night in real Airflow on a small shop, kills a process with -9 at several
random moments of each, and does nothing else. A reader asks all the while for what the shop sees. NIGHTSHIFT_KILLS is the
number of kills that hit a living process (60 unless set), NIGHTSHIFT_KILLS_PER_NIGHT how many of them one night bears at
most (6 unless set), NIGHTSHIFT_KILLS_SEED draws other moments.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import cycle
from typing import Any

import psutil
import psycopg2

from bench import Options, Row
from bench._stack import Stack, stack
from cli.airflow import Airflow
from cli.service import ON_DEMAND, fetch
from ml.adapters import postgres
from ml.core.errors import NightshiftError
from ml.settings import Settings
from ml.shop.load import load

KINDS = (
    "task",
    "scheduler",
    "dag-processor",
    "api",
    "triggerer",
    "mlflow",
    "backend",
    "connection",
    "postmaster",
)
"""``backend`` is a server process of PostgreSQL, ``connection`` one that is ended with pg_terminate_backend."""
SERVICES = {
    "scheduler": "airflow-scheduler",
    "dag-processor": "airflow-dag-processor",
    "api": "airflow-api",
    "triggerer": "airflow-triggerer",
    "mlflow": "mlflow",
    "postmaster": "postgres",
}
CAPABILITY, TABLE = "risk", "order_risk"
CUSTOMERS = 300
LONGEST_S = 1_200.0
"""A night that takes longer without a person is one that did not mend."""


@dataclass
class Reader:
    """Reads what the shop sees, again and again, until it is stopped."""

    url: str
    looks: int = 0
    halves: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Look until stopped; a server that is away gives no answer, which is no half batch."""
        sql = f"""
            SELECT count(*) AS rows, count(DISTINCT r.batch_id) AS batches, min(b.rows) AS whole
            FROM ml.{TABLE} AS r JOIN ml_ops.batch AS b USING (batch_id) WHERE r.batch_id > 0
        """  # noqa: S608 - a constant
        while not self.stopped.wait(0.1):
            with suppress(psycopg2.Error, NightshiftError):
                (seen,) = postgres.query(self.url, sql)
                self.looks += 1
                if seen["batches"] != 1 or seen["rows"] != seen["whole"]:
                    self.halves.append(f"{dict(seen)}")


@dataclass
class Outcome:
    """What became of one night."""

    kills: list[tuple[str, float]] = field(default_factory=list)
    """Kind of process and seconds after the night's start, of each kill that hit a living process."""
    took_s: float = 0.0
    fault: str = ""
    """Empty: it ended in one whole batch."""


def run(options: Options) -> Iterator[Row]:
    """Kills whose night ended in one whole batch without a person, by kind of process that was killed."""
    count = int(os.environ.get("NIGHTSHIFT_KILLS") or (3 if options.quick else 60))
    per_night = int(os.environ.get("NIGHTSHIFT_KILLS_PER_NIGHT") or 6)
    rng = random.Random(int(os.environ.get("NIGHTSHIFT_KILLS_SEED") or 1))
    with stack(options) as running:
        settings = running.settings()
        report = load(settings, "demo", None, replace=True, customers=CUSTOMERS)
        assert report.last_order is not None
        night = report.last_order + timedelta(days=1)
        airflow = _airflow(running)
        _night(settings, airflow, night)  # the first one learns
        usual = _night(settings, airflow, night)
        kinds = [kind for kind in KINDS if SERVICES.get(kind) in {None, *_services(running)}]
        drawn = cycle(kinds)
        reader = Reader(settings.database_url)
        thread = threading.Thread(target=reader.run)
        thread.start()
        outcomes: list[Outcome] = []
        try:
            while (missing := count - sum(len(outcome.kills) for outcome in outcomes)) > 0:
                planned = [(next(drawn), rng.uniform(0, 2 * usual / per_night)) for _ in range(min(missing, per_night))]
                outcomes.append(_one(running, settings, airflow, night, planned))
                _tell(outcomes)
        finally:
            reader.stopped.set()
            thread.join()
    yield from _rows(outcomes, usual, reader)


def _tell(outcomes: list[Outcome]) -> None:
    """Print the last night, so that a run that is broken off is a figure too."""
    last = outcomes[-1]
    kills = ", ".join(f"{kind} after {after_s:.1f} s" for kind, after_s in last.kills)
    whole = sum(len(outcome.kills) for outcome in outcomes if not outcome.fault)
    print(
        f"night {len(outcomes)}: {kills or 'no kill'}: it took {last.took_s:.0f} s {last.fault or 'and is whole'} "
        f"({whole} of {sum(len(outcome.kills) for outcome in outcomes)} kills so far)",
        flush=True,
    )


def _rows(outcomes: list[Outcome], usual: float, reader: Reader) -> Iterator[Row]:
    for kind in KINDS:
        struck = [outcome for outcome in outcomes for of, _ in outcome.kills if of == kind]
        if struck:
            whole = sum(not outcome.fault for outcome in struck)
            longest = max(outcome.took_s for outcome in struck)
            yield Row(
                f"kills of a {kind} whose night ended whole",
                "kills",
                whole,
                "kills",
                len(struck),
                whole / len(struck),
                1.0,
                f"the longest night took {longest:.0f} s; {usual:.0f} s without a kill",
            )
    yield Row(
        "half batches that a reader saw",
        "looks",
        len(reader.halves),
        "looks",
        reader.looks,
        1.0 if not reader.halves else 0.0,
        1.0,
        "; ".join(reader.halves[:3]),
    )


def _services(running: Stack) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((running.home / "state.json").read_text())["services"]
    return found


def _airflow(running: Stack) -> Airflow:
    stack_ = json.loads((running.home / "stack.json").read_text())
    password = json.loads((running.home / "secrets.json").read_text())["airflow_admin_password"]
    return Airflow(f"http://127.0.0.1:{stack_['ports']['airflow']}", "admin", password, patience=300)


def _night(settings: Settings, airflow: Airflow, night: date) -> float:
    """Run a night on a shop that changed; its seconds."""
    start = time.monotonic()
    fault = _ended(settings, airflow, *_started(settings, airflow, night), LONGEST_S)
    if fault:
        raise NightshiftError("A night without a kill failed.", came=fault)
    return time.monotonic() - start


def _started(settings: Settings, airflow: Airflow, night: date) -> tuple[str, int]:
    """Change the shop, so that there is something to publish, and start a night; its run and the batch before."""
    with postgres.transaction(settings.shop_url) as cursor:
        cursor.execute(
            "UPDATE shop.product SET price = price + 0.01 WHERE product_id = (SELECT min(product_id) FROM shop.product)"
        )
    before = _shown(settings)
    conf = {"night": night.isoformat(), "capabilities": [CAPABILITY], "fresh": True}
    return airflow.trigger("night", conf), before


def _shown(settings: Settings) -> int:
    sql = "SELECT max(batch_id) AS id FROM ml_ops.batch WHERE table_name = %s AND status = 'published'"
    return int(postgres.query(settings.database_url, sql, (TABLE,))[0]["id"] or 0)


def _ended(settings: Settings, airflow: Airflow, run_id: str, before: int, patience_s: float) -> str:
    """Wait for a run; what is wrong with how it ended, or nothing."""
    until = time.monotonic() + patience_s
    while not _over(state := _state(airflow, run_id)):
        if time.monotonic() > until:
            return f"it is still {state}"
        time.sleep(1)
    if state != "success":
        failed = [task for task in airflow.tasks("night", run_id) if task["state"] == "failed"]
        return f"it {state}: " + "; ".join(f"{task['task_id']}: {airflow.failure(task).text}" for task in failed)
    shown = _shown(settings)
    (seen,) = postgres.query(
        settings.database_url,
        f"SELECT count(*) AS rows, min(batch_id) AS first, max(batch_id) AS last, "  # noqa: S608 - a constant
        f"(SELECT rows FROM ml_ops.batch WHERE batch_id = %s) AS whole FROM ml.{TABLE} WHERE batch_id > 0",
        (shown,),
    )
    if shown == before:
        return "it published nothing"
    whole = (seen["first"], seen["last"], seen["rows"]) == (shown, shown, seen["whole"])
    return "" if whole else f"the shop sees {dict(seen)}"


def _state(airflow: Airflow, run_id: str) -> str:
    return str(airflow.run("night", run_id)["state"])


def _over(state: str) -> bool:
    return state in ("success", "failed")


def _one(
    running: Stack, settings: Settings, airflow: Airflow, night: date, planned: Sequence[tuple[str, float]]
) -> Outcome:
    """A night with kills: ``planned`` are kinds of process, each with the seconds that pass before it is struck."""
    outcome = Outcome()
    start = time.monotonic()
    run_id, before = _started(settings, airflow, night)
    try:
        for kind, pause_s in planned:
            time.sleep(pause_s)
            if _over(_state(airflow, run_id)):
                break
            if _struck(running, settings, kind):
                outcome.kills.append((kind, time.monotonic() - start))
        outcome.fault = _ended(settings, airflow, run_id, before, LONGEST_S)
    except NightshiftError as error:
        outcome.fault = str(error)
    outcome.took_s = time.monotonic() - start
    return outcome


def _struck(running: Stack, settings: Settings, kind: str) -> bool:
    """End a process of this kind with -9; False where none lived within a minute."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with suppress(psycopg2.Error, NightshiftError, ProcessLookupError):
            if (pid := _pid(running, settings, kind)) is not None:
                if kind == "connection":
                    return bool(
                        postgres.query(running.admin_url(), "SELECT pg_terminate_backend(%s) AS it", (pid,))[0]["it"]
                    )
                os.kill(pid, signal.SIGKILL)
                return True
        time.sleep(0.1)
    return False


def _pid(running: Stack, settings: Settings, kind: str) -> int | None:
    services = _services(running)
    if kind in ("backend", "connection"):
        sql = """
            SELECT pid FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1
        """
        rows = postgres.query(running.admin_url() if kind == "connection" else settings.database_url, sql)
        return int(rows[0]["pid"]) if rows else None
    if kind != "task":
        service = services[SERVICES[kind]]
        if service["state"] == ON_DEMAND:
            fetch(service["address"])
        pid = service["pid"]
        return int(pid) if pid else None
    scheduler = services["airflow-scheduler"]["pid"]
    with suppress(psutil.Error):
        workers = psutil.Process(scheduler).children()
        children = [task for worker in workers for task in worker.children(recursive=True)]
        return random.choice(children).pid if children else None
    return None

"""A night of 50 shards on four Celery workers of which one is killed every 30 s, and how long the lanes of minutes wait meanwhile."""

from __future__ import annotations

import os
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil

from bench import Options, Row
from bench._load_stack import WORKERS, Cluster, cluster, until
from bench._trial import database
from bench.live_lane import _PLACE
from ml.adapters import postgres
from ml.pipeline import run_night
from ml.settings import PROJECT, Settings
from ml.shop.load import load

CAPABILITY, TABLE = "sentiment", "review_sentiment"
LANE = "risk"
SHARDS = 50
AT_ONCE = 12
"""Shards that the night queues at once: three times what the workers have places for."""
KILL_EVERY_S = 30.0
LANE_EVERY_S = 10.0
LIMIT_S = 60.0
"""A lane of minutes has to begin within a minute."""
LONGEST_S = 3_000.0
_PUBLISHED = f"SELECT review_id, label, score, confidence, reason FROM ml.{TABLE} WHERE batch_id > 0 ORDER BY 1"  # noqa: S608  # a name of ours


@dataclass
class Lane:
    """Places an order and triggers the lane, again and again: seconds from the trigger to the task's first start, and to its end."""

    running: Cluster
    settings: Settings
    name: str
    waited: list[float] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)
    again: int = 0

    def once(self) -> None:
        """One run of the lane, to its end."""
        with closing(postgres.connect(self.settings.shop_url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(_PLACE, {"order": f"{self.name}{len(self.waited)}"})
        asked = time.time()
        run = self.running.trigger(f"live_{LANE}", {})
        until(lambda: self.running.state(f"live_{LANE}", run), f"the lane's run {run} ends", LONGEST_S)
        starts = [one["start_date"] for one in self.running.tries(f"live_{LANE}", run) if one["start_date"]]
        self.waited.append(min(map(_seconds, starts)) - asked)
        self.taken.append(time.time() - asked)
        self.again += len(starts) > 1

    def until(self, ended: threading.Event) -> None:
        """Run after run until the night has ended."""
        while not ended.is_set():
            self.once()
            ended.wait(LANE_EVERY_S)


@dataclass
class Killer:
    """Kills a worker every so often, the next one each time, and starts it anew as compose.yaml's ``restart`` does."""

    running: Cluster
    kills: int = 0

    def until(self, ended: threading.Event) -> None:
        """Until the night has ended."""
        while not ended.wait(KILL_EVERY_S):
            number = self.kills % WORKERS
            self.running.kill(f"worker{number}")
            self.running.worker(number)
            self.kills += 1


def run(options: Options) -> Iterator[Row]:
    """A demo shop of 600 customers (quick: 200, 12 shards): its reviews in 50 shards; beside it orders, which ``live_risk`` looks at.

    Redis, Airflow with CeleryExecutor and the workers are processes with the commands and the environment of docker/compose.yaml.
    """
    sys.path.insert(0, str(PROJECT))
    home = (options.scratch / "load").resolve()
    home.mkdir(parents=True, exist_ok=True)
    with database(home) as embedded:
        report = load(embedded, "demo", customers=200 if options.quick else 600, replace=True)
        assert report.last_order is not None
        with closing(postgres.connect(embedded.database_url)) as connection:
            connection.autocommit = True
            connection.cursor().execute("CREATE DATABASE mlflow TEMPLATE template0")
        own = _own(embedded)
        settings = Settings.from_env(os.environ | own)
        run_night(settings, report.last_order, capabilities=[CAPABILITY, LANE])
        units = len(postgres.query(settings.database_url, _PUBLISHED))
        own["BENCH_UNITS_PER_SHARD"] = str(max(1, ceil(units / (12 if options.quick else SHARDS)) - 1))
        with cluster(home, settings.database_url, own) as running:
            yield from _measured(running, settings, str(report.last_order + timedelta(days=1)))


def _own(settings: Settings) -> dict[str, str]:
    mlflow = settings.database_url.replace("postgresql://", "postgresql+psycopg2://", 1).replace(
        "/postgres?", "/mlflow?"
    )
    return {
        "NIGHTSHIFT_HOME": str(settings.home),
        "NIGHTSHIFT_DATABASE_URL": settings.database_url,
        "NIGHTSHIFT_SHOP_URL": settings.shop_url,
        "NIGHTSHIFT_LAKE_URI": settings.lake_uri,
        "NIGHTSHIFT_MLFLOW_URI": mlflow,
        "NIGHTSHIFT_HASH_KEY": settings.hash_key,
        "NIGHTSHIFT_SCHEDULE": "off",
        "NIGHTSHIFT_SHARDS_AT_ONCE": str(AT_ONCE),
        "NIGHTSHIFT_THREADS": "1",
        "NIGHTSHIFT_MEMORY_GB": "2",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "bench" / "_load_dags"),
        "BENCH_CAPABILITY": CAPABILITY,
        "BENCH_LANE": LANE,
    }


def _measured(running: Cluster, settings: Settings, night: str) -> Iterator[Row]:
    idle = Lane(running, settings, "idle")
    for _ in range(3):
        idle.once()
    lane, killer, ended = Lane(running, settings, "night"), Killer(running), threading.Event()
    beside = [threading.Thread(target=one.until, args=[ended], daemon=True) for one in (lane, killer)]
    start = time.monotonic()
    name = running.trigger("night", {"night": night, "capabilities": [CAPABILITY]})
    for thread in beside:
        thread.start()
    try:
        state = until(lambda: running.state("night", name), f"the night ends (logs: {running.home})", LONGEST_S)
        took = time.monotonic() - start
    finally:
        ended.set()
        for thread in beside:
            thread.join()
    tries = [one for one in running.tries("night", name) if one["task_id"].endswith(".score")]
    shards = len({one["map_index"] for one in tries})
    ours = postgres.query(settings.database_url, _PUBLISHED)
    run_night(settings, datetime.fromisoformat(night).date(), capabilities=[CAPABILITY], fresh=True)
    theirs = postgres.query(settings.database_url, _PUBLISHED)
    same = sum(one == other for one, other in zip(ours, theirs, strict=False)) if len(ours) == len(theirs) else 0
    yield Row(
        f"rows of a night of {shards} shards on {WORKERS} workers, {killer.kills} of them killed, as one process has them",
        "rows",
        same,
        "rows",
        len(theirs),
        same / max(1, len(theirs)) * (state == "success"),
        target=1.0,
        note=f"the night ended as {state} in {took:.0f} s; {len(tries)} tries of {shards} shards",
    )
    waited = max(lane.waited)
    yield Row(
        f"the lane's longest wait for its start while the night fills the queue, {len(lane.waited)} runs",
        "s",
        waited,
        "limit",
        LIMIT_S,
        LIMIT_S / waited,
        target=1.0,
        note=f"median {statistics.median(lane.waited):.1f}; before the night {_words(idle.waited)}",
    )
    yield Row(
        "from an order to the lane's end while the night fills the queue, median",
        "s",
        statistics.median(lane.taken),
        "before the night",
        statistics.median(idle.taken),
        statistics.median(idle.taken) / statistics.median(lane.taken),
        note=f"longest {max(lane.taken):.0f}; {lane.again} of {len(lane.taken)} runs lost their worker and ran again",
    )


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _words(seconds: list[float]) -> str:
    return ", ".join(f"{one:.1f}" for one in seconds)

"""A whole night by step on DuckDB and on a Spark cluster of this machine, and what sixteen cores would do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import repeat
from typing import Any

from bench import Options, Row
from bench._scale_cluster import Cluster, Peaks, cluster, shuffled
from bench._trial import database
from ml.adapters import postgres
from ml.core.errors import NightshiftError
from ml.registry import capability
from ml.settings import Settings
from ml.shop.load import load

SIZES = (20_000, 200_000)
QUICK = (1_000,)
CAPABILITY = "demand"
"""Its tables are scored by shards, and its learning is short beside its night."""
CORES, THREADS = 16, 2
OWN = {"batch_id", "as_of", "published_at"}
"""Columns in which two nights differ."""


@dataclass(frozen=True)
class Taken:
    """What one night took: seconds by step, the largest process of each kind in bytes, and what was published."""

    seconds: Mapping[str, float]
    peaks: Mapping[str, int]
    published: Mapping[str, list[dict[str, Any]]]
    processor: Mapping[str, tuple[float, float]]
    """By step, seconds of processor time of all threads and of the step's own."""
    threads: Mapping[str, tuple[int, float]]
    """By step, the most threads that ran or waited for a core at once, and their mean."""

    @property
    def all(self) -> float:
        return sum(self.seconds.values())


def run(options: Options) -> Iterator[Row]:
    """The night of one capability at 20,000 and 200,000 customers of the demo (quick: 1,000); its model is there already.

    ``--shop "2000 demand,cart,delivery"`` names another size and capabilities; a third word ``duckdb`` leaves Spark out, and
    ``killed`` adds a night in which an executor is killed (SIGKILL) while it works. Each night runs in a process of its own:
    DuckDB with two threads, Spark with a master and two workers of one core. What they publish is compared row by row.

    Which share of a step runs on one core only is told by processor time, which does not depend on who else uses the
    machine: with ``N`` threads, ``C`` seconds of all of them and ``M`` of the step's own thread, the part that is shared out
    is ``p = (C - M) N / (N - 1)`` and the serial one ``s = C - p``. Sixteen cores need ``s + p / 16`` seconds (Amdahl). Beside it stands how many threads of the process ran or waited for a
    core, looked at twenty times a second: above the number that is allowed, libraries take cores from each other.
    """
    home = (options.scratch / "scale-night").resolve()
    asked, names, also, *_ = [*options.shop.split(), "", "", ""]
    names = names or CAPABILITY
    sizes = tuple(map(int, asked.split(","))) if asked else QUICK if options.quick else SIZES
    home.mkdir(parents=True, exist_ok=True)
    with database(home) as made:
        (home / "mlflow.db").unlink(missing_ok=True)
        settings = replace(made, mlflow_uri=f"sqlite:///{home / 'mlflow.db'}", threads=THREADS)
        on_spark = replace(settings, engine="spark")
        for customers in sizes:
            report = load(settings, "demo", customers=customers, replace=True)
            assert report.last_order is not None
            night = report.last_order + timedelta(days=1)
            _night(settings, night, names)  # learns, and compiles the kernels
            here = _night(settings, night, names)
            yield from _cores(here, names, customers)
            if also == "duckdb":
                continue
            with cluster(home / "cluster") as spark:
                there = _night(on_spark, night, names, spark)
                yield _agreed(there, here, f"{names}, {customers:,} customers")
                yield from _beside(there, here, names, customers, spark)
                if also == "killed":
                    yield _agreed(
                        _night(on_spark, night, names, spark, kill=True),
                        here,
                        f"{names}, {customers:,} customers, an executor killed in the middle",
                    )


def _agreed(ours: Taken, theirs: Taken, what: str) -> Row:
    """Every row that Spark published beside DuckDB's; all must be equal."""
    tables = [_differing(ours.published[table], rows, table) for table, rows in theirs.published.items()]
    rows, differ = sum(len(rows) for rows in theirs.published.values()), sum(n for n, _ in tables)
    return Row(
        f"published rows of a night of {what}",
        "rows that are equal",
        rows - differ,
        "DuckDB",
        rows,
        (rows - differ) / max(1, rows),
        target=1.0,
        note="; ".join(words for n, words in tables if n) or f"{ours.all:.0f} s",
    )


def _beside(ours: Taken, theirs: Taken, name: str, customers: int, spark: Cluster) -> Iterator[Row]:
    for step in (*theirs.seconds, "all"):
        mine, peer = (one.all if step == "all" else one.seconds.get(step, 0.0) for one in (ours, theirs))
        yield Row(
            f"{step} of a night of {name}, {customers:,} customers",
            "s on Spark",
            mine,
            "DuckDB",
            peer,
            peer / max(mine, 1e-9),
        )
    largest, peer = (max(one.peaks.values()) / 2**30 for one in (ours, theirs))
    yield Row(
        f"largest process of that night, {customers:,} customers",
        "GiB on Spark",
        largest,
        "DuckDB",
        peer,
        peer / largest,
        note=f"{shuffled(spark.properties.parent / 'events') / 2**20:,.1f} MiB shuffled",
        extra={f"{kind} GiB": value / 2**30 for kind, value in ours.peaks.items()},
    )


def _cores(taken: Taken, name: str, customers: int) -> Iterator[Row]:
    """Serial share of each step, and the night on sixteen cores on paper."""
    on_paper = 0.0
    for step, (whole, own) in taken.processor.items():
        shared = min(whole, max(0.0, (whole - own) * THREADS / (THREADS - 1)))
        there = whole - shared + shared / CORES
        on_paper += there
        most, mean = taken.threads[step]
        share = 1 - shared / max(whole, 1e-9)
        yield Row(
            f"{step} of {name}, {customers:,} customers",
            "share on one core",
            share,
            "all of it",
            1.0,
            1.0 / max(share, 1e-9),
            note=f"{whole:.1f} s of one core, {there:.1f} s on {CORES} on paper; {mean:.1f} threads ran on average, "
            f"{most} at most, with {THREADS} allowed",
        )
    whole = sum(seconds for seconds, _ in taken.processor.values())
    yield Row(
        f"the night of {name} on {CORES} cores, on paper, {customers:,} customers",
        "s",
        on_paper,
        "one core",
        whole,
        whole / on_paper,
    )


def _night(settings: Settings, night: date, names: str, spark: Cluster | None = None, *, kill: bool = False) -> Taken:
    own = {
        "NIGHTSHIFT_HOME": str(settings.home),
        "NIGHTSHIFT_DATABASE_URL": settings.database_url,
        "NIGHTSHIFT_HASH_KEY": settings.hash_key,
        "NIGHTSHIFT_MLFLOW_URI": settings.mlflow_uri,
        "NIGHTSHIFT_THREADS": str(settings.threads),
        "NIGHTSHIFT_MEMORY_GB": "4",
        "NIGHTSHIFT_ENGINE": settings.engine,
        "NIGHTSHIFT_SPARK_MASTER": spark.url if spark else "",
        "NIGHTSHIFT_SPARK_PROPERTIES": str(spark.properties) if spark else "",
        "OMP_NUM_THREADS": str(settings.threads),
        "OPENBLAS_NUM_THREADS": str(settings.threads),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "bench._night_once", str(night), *names.split(",")],
        env=os.environ | own,
        stdout=subprocess.PIPE,
        text=True,
    )
    with Peaks([process.pid, *(spark.pids if spark else ())]) as peaks:
        if kill and spark:
            spark.kill_one()
        said = process.communicate()[0]
    if process.returncode:
        raise NightshiftError(f"The night did not run on {settings.engine}.", came=said[-2000:])
    told = json.loads(said.splitlines()[-1])
    seconds: Counter[str] = Counter()
    processor: dict[str, tuple[float, float]] = {}
    sql = "SELECT step, seconds, cpu_seconds FROM ml_ops.step WHERE ref = %s ORDER BY id"
    rows = postgres.query(settings.database_url, sql, [told["ref"]])
    threads: dict[str, tuple[int, float]] = {}
    looked = zip(told["own"], told["threads"], strict=True) if spark is None else repeat((0.0, (0, 0.0)), len(rows))
    for row, (mine, (most, mean)) in zip(rows, looked, strict=True):
        step = row["step"]
        # On Spark the executors' shards tell of themselves; what counts is how long the last of them took.
        seconds[step] = max(seconds[step], row["seconds"]) if spark else seconds[step] + row["seconds"]
        before = processor.get(step, (0.0, 0.0))
        processor[step] = before[0] + row["cpu_seconds"], before[1] + mine
        threads[step] = max((most, mean), threads.get(step, (0, 0.0)))
    published = {
        table.name: postgres.query(
            settings.database_url,
            f"SELECT * FROM ml.{table.name} ORDER BY {', '.join(table.key)}",  # noqa: S608  # names of the spec
        )
        for name in names.split(",")
        for table in capability(name).publishes
    }
    return Taken(dict(seconds), peaks.named, published, processor, threads)


def _differing(ours: list[dict[str, Any]], theirs: list[dict[str, Any]], table: str) -> tuple[int, str]:
    """How many rows of a table are not the same: texts and whole numbers equal, floats to 1e-9 of their size."""
    differ = [(a, b) for a, b in zip(ours, theirs, strict=False) if not _same(a, b)]
    missing = abs(len(ours) - len(theirs))
    if not differ:
        return missing, f"ml.{table}: {len(ours)} rows, {len(theirs)} on DuckDB" if missing else ""
    a, b = differ[0]
    words = ", ".join(f"{k} {a[k]!r:.60} for {b[k]!r:.60}" for k in b if not _close(a[k], b[k]) and k not in OWN)
    return len(differ) + missing, f"ml.{table}: {len(differ)} of {len(theirs)} differ, e.g. {words}"


def _same(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    return all(_close(a[k], b[k]) for k in b if k not in OWN)


def _close(a: Any, b: Any) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_close, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return a == b or abs(a - b) <= 1e-9 * max(1.0, abs(b))
    return bool(a == b)

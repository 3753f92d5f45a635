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


@dataclass(frozen=True)
class Taken:
    """What one night took: seconds by step, the largest process of each kind in bytes, and what was published."""

    seconds: Mapping[str, float]
    peaks: Mapping[str, int]
    published: Mapping[str, list[dict[str, Any]]]
    processor: Mapping[str, tuple[float, float]]
    """By step, seconds of processor time of all threads and of the step's own."""

    @property
    def all(self) -> float:
        return sum(self.seconds.values())


def run(options: Options) -> Iterator[Row]:
    """The night of one capability at 20,000 and 200,000 customers of the demo (quick: 1,000); its model is there already.

    ``--shop "50000 stock"`` names another size and capability; a third word ``duckdb`` leaves Spark out. Each night runs in a
    process of its own: DuckDB with two threads, Spark with a master and two workers of one core. What they publish is
    compared row by row.

    Which share of a step runs on one core only is told by processor time, which does not depend on who else uses the
    machine: with ``N`` threads, ``C`` seconds of all of them and ``M`` of the step's own thread, the part that is shared out
    is ``p = (C - M) N / (N - 1)`` and the serial one ``s = C - p``. Sixteen cores need ``s + p / 16`` seconds (Amdahl).
    """
    home = (options.scratch / "scale-night").resolve()
    asked, name, engine, *_ = [*options.shop.split(), "", "", ""]
    sizes = tuple(map(int, asked.split(","))) if asked else QUICK if options.quick else SIZES
    home.mkdir(parents=True, exist_ok=True)
    with database(home) as made:
        (home / "mlflow.db").unlink(missing_ok=True)
        settings = replace(made, mlflow_uri=f"sqlite:///{home / 'mlflow.db'}", threads=THREADS)
        for customers in sizes:
            report = load(settings, "demo", customers=customers, replace=True)
            assert report.last_order is not None
            night = report.last_order + timedelta(days=1)
            _night(settings, night, name or CAPABILITY)  # learns, and compiles the kernels
            here = _night(settings, night, name or CAPABILITY)
            yield from _cores(here, name or CAPABILITY, customers)
            if engine != "duckdb":
                with cluster(home / "cluster") as spark:
                    there = _night(replace(settings, engine="spark"), night, name or CAPABILITY, spark)
                    _agree(there.published, here.published)
                    yield from _beside(there, here, name or CAPABILITY, customers, spark)


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
        note=f"{shuffled(spark.properties.parent / 'events') / 2**20:,.1f} MiB shuffled; the published rows are equal",
        extra={f"{kind} GiB": value / 2**30 for kind, value in ours.peaks.items()},
    )


def _cores(taken: Taken, name: str, customers: int) -> Iterator[Row]:
    """Serial share of each step, and the night on sixteen cores on paper."""
    on_paper = 0.0
    for step, (whole, own) in taken.processor.items():
        shared = min(whole, max(0.0, (whole - own) * THREADS / (THREADS - 1)))
        there = whole - shared + shared / CORES
        on_paper += there
        share = 1 - shared / max(whole, 1e-9)
        yield Row(
            f"{step} of {name}, {customers:,} customers",
            "share on one core",
            share,
            "all of it",
            1.0,
            1.0 / max(share, 1e-9),
            note=f"{whole:.1f} s of one core, {there:.1f} s on {CORES} on paper",
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


def _night(settings: Settings, night: date, name: str, spark: Cluster | None = None) -> Taken:
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
        [sys.executable, "-m", "bench._night_once", str(night), name],
        env=os.environ | own,
        stdout=subprocess.PIPE,
        text=True,
    )
    with Peaks([process.pid, *(spark.pids if spark else ())]) as peaks:
        said = process.communicate()[0]
    if process.returncode:
        raise NightshiftError(f"The night did not run on {settings.engine}.", came=said[-2000:])
    told = json.loads(said.splitlines()[-1])
    seconds: Counter[str] = Counter()
    processor: dict[str, tuple[float, float]] = {}
    sql = "SELECT step, seconds, cpu_seconds FROM ml_ops.step WHERE ref = %s ORDER BY id"
    rows = postgres.query(settings.database_url, sql, [told["ref"]])
    for row, mine in zip(rows, told["own"] if spark is None else [0.0] * len(rows), strict=True):
        step = row["step"]
        # On Spark the executors' shards tell of themselves; what counts is how long the last of them took.
        seconds[step] = max(seconds[step], row["seconds"]) if spark else seconds[step] + row["seconds"]
        before = processor.get(step, (0.0, 0.0))
        processor[step] = before[0] + row["cpu_seconds"], before[1] + mine
    published = {
        table.name: postgres.query(
            settings.database_url,
            f"SELECT * FROM ml.{table.name} ORDER BY {', '.join(table.key)}",  # noqa: S608  # names of the spec
        )
        for table in capability(name).publishes
    }
    return Taken(dict(seconds), peaks.named, published, processor)


def _agree(ours: Mapping[str, list[dict[str, Any]]], theirs: Mapping[str, list[dict[str, Any]]]) -> None:
    """Raise unless both published the same rows: texts and whole numbers equal, floats to 1e-9 of their size."""
    for table, rows in theirs.items():
        mine = ours[table]
        differ = [(a, b) for a, b in zip(mine, rows, strict=True) if not _same(a, b)]
        if differ:
            raise AssertionError(
                f"ml.{table}: {len(differ)} of {len(rows)} rows differ, e.g.\n{differ[0][0]}\n{differ[0][1]}"
            )


def _same(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    own = {"batch_id", "as_of", "published_at"}
    return all(
        abs(a[k] - b[k]) <= 1e-9 * max(1.0, abs(b[k]))
        if isinstance(b[k], float) and isinstance(a[k], float)
        else a[k] == b[k]
        for k in b
        if k not in own
    )

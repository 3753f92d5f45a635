"""A whole night by step on DuckDB (one core, two) and on a Spark cluster of this machine, and what sixteen cores would do."""

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
CORES = 16


@dataclass(frozen=True)
class Taken:
    """What one night took: seconds by step, the largest process of each kind in bytes, and what was published."""

    seconds: Mapping[str, float]
    peaks: Mapping[str, int]
    published: Mapping[str, list[dict[str, Any]]]

    @property
    def all(self) -> float:
        return sum(self.seconds.values())


def run(options: Options) -> Iterator[Row]:
    """The night of one capability at 20,000 and 200,000 customers of the demo (quick: 1,000); its model is there already.

    ``--shop "50000 stock"`` names another size and capability. Each night runs in a process of its own: DuckDB with one
    thread and with two, Spark with a master and two workers of one core. What they publish is compared row by row.

    The share of a step that runs on one core is Amdahl's: with ``T1`` and ``T2`` seconds on one and two cores it is
    ``2 T2 / T1 - 1``, and ``T16 = T1 (s + (1 - s) / 16)``.
    """
    home = (options.scratch / "scale-night").resolve()
    asked, _, name = options.shop.partition(" ")
    sizes = tuple(map(int, asked.split(","))) if asked else QUICK if options.quick else SIZES
    home.mkdir(parents=True, exist_ok=True)
    with cluster(home / "cluster") as spark, database(home) as made:
        settings = replace(made, mlflow_uri=f"sqlite:///{home / 'mlflow.db'}")
        (home / "mlflow.db").unlink(missing_ok=True)
        for customers in sizes:
            report = load(settings, "demo", customers=customers, replace=True)
            assert report.last_order is not None
            yield from _nights(settings, spark, report.last_order + timedelta(days=1), customers, name or CAPABILITY)


def _nights(settings: Settings, spark: Cluster, night: date, customers: int, name: str) -> Iterator[Row]:
    one = replace(settings, threads=1)
    _night(one, spark, night, name)  # learns, and compiles the kernels
    taken = {
        "one core": _night(one, spark, night, name),
        "two cores": _night(replace(settings, threads=2), spark, night, name),
        "spark": _night(replace(settings, engine="spark", threads=2), spark, night, name),
    }
    _agree(taken["spark"].published, taken["two cores"].published)
    ours, theirs = taken["spark"], taken["two cores"]
    for step in (*theirs.seconds, "all"):
        mine = ours.all if step == "all" else ours.seconds.get(step, 0.0)
        peer = theirs.all if step == "all" else theirs.seconds[step]
        yield Row(
            f"{step} of a night of {name}, {customers:,} customers",
            "s on Spark",
            mine,
            "DuckDB",
            peer,
            peer / max(mine, 1e-9),
        )
    largest, peer = (max(one.peaks.values()) / 2**30 for one in (ours, theirs))
    events = spark.properties.parent / "events"
    yield Row(
        f"largest process of that night, {customers:,} customers", "GiB on Spark", largest, "DuckDB", peer, peer / largest,
        note=f"{shuffled(events) / 2**20:,.0f} MiB shuffled; the published rows are equal",
        extra={f"{kind} GiB": value / 2**30 for kind, value in ours.peaks.items()},
    )  # fmt: skip
    yield from _cores(taken["one core"].seconds, theirs.seconds, name, customers)


def _cores(first: Mapping[str, float], second: Mapping[str, float], name: str, customers: int) -> Iterator[Row]:
    """Serial share of each step, and the night on sixteen cores on paper."""
    on_paper = 0.0
    for step, seconds in first.items():
        share = min(1.0, max(0.0, 2 * second.get(step, seconds) / seconds - 1))
        on_paper += (there := seconds * (share + (1 - share) / CORES))
        yield Row(
            f"{step} of {name}, {customers:,} customers", "share on one core", share, "all of it", 1.0, 1.0 / max(share, 1e-9),
            note=f"{seconds:.1f} s on one core, {second.get(step, 0.0):.1f} on two, {there:.1f} on {CORES} on paper",
        )  # fmt: skip
    whole = sum(first.values())
    yield Row(f"the night on {CORES} cores, on paper", "s", on_paper, "one core", whole, whole / on_paper)


def _night(settings: Settings, spark: Cluster, night: date, name: str) -> Taken:
    own = {
        "NIGHTSHIFT_HOME": str(settings.home), "NIGHTSHIFT_DATABASE_URL": settings.database_url, "NIGHTSHIFT_HASH_KEY": settings.hash_key,
        "NIGHTSHIFT_MLFLOW_URI": settings.mlflow_uri, "NIGHTSHIFT_THREADS": str(settings.threads), "NIGHTSHIFT_MEMORY_GB": "4",
        "NIGHTSHIFT_ENGINE": settings.engine, "NIGHTSHIFT_SPARK_MASTER": spark.url, "NIGHTSHIFT_SPARK_PROPERTIES": str(spark.properties),
        "OMP_NUM_THREADS": str(settings.threads), "OPENBLAS_NUM_THREADS": str(settings.threads),
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "bench._night_once", str(night), name], env=os.environ | own, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    with Peaks([process.pid, *(spark.pids if settings.engine == "spark" else ())]) as peaks:
        said = process.communicate()[0]
    if process.returncode:
        raise NightshiftError(f"The night did not run on {settings.engine}.", came=said[-2000:])
    ref = json.loads(said.splitlines()[-1])["ref"]
    seconds: Counter[str] = Counter()
    sql = "SELECT step, seconds FROM ml_ops.step WHERE ref = %s AND status = 'done' AND step <> 'train' ORDER BY id"
    for row in postgres.query(settings.database_url, sql, [ref]):
        # On Spark the executors' shards tell of themselves; what counts is how long the last of them took.
        taken = seconds[row["step"]]
        seconds[row["step"]] = max(taken, row["seconds"]) if settings.engine == "spark" else taken + row["seconds"]
    published = {
        table.name: postgres.query(
            settings.database_url, f"SELECT * FROM ml.{table.name} ORDER BY {', '.join(table.key)}"  # noqa: S608  # names of the spec
        )
        for table in capability(name).publishes
    }  # fmt: skip
    return Taken(dict(seconds), peaks.named, published)


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
        abs(a[k] - b[k]) <= 1e-9 * max(1.0, abs(b[k])) if isinstance(b[k], float) and isinstance(a[k], float) else a[k] == b[k]
        for k in b if k not in own
    )  # fmt: skip

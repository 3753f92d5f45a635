"""A night's features on DuckDB and on a Spark cluster of this machine: seconds, memory of each process, bytes shuffled."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from pathlib import Path

import pyarrow as pa

from bench import Options, Row
from bench._scale_cluster import Cluster, Peaks, cluster, shuffled
from ml.adapters.lake import Lake
from ml.adapters.shop.reader import schema
from ml.contract.tables import TABLES
from ml.core.errors import NightshiftError
from ml.registry import CAPABILITIES
from ml.shop.sources import demo
from ml.shop.sources.demo.options import END

SIZES = (20_000, 200_000)
QUICK = (500,)
KILLED = "recommender"
"""The capability whose executor is killed."""
Sums = dict[str, list[float]]
REF = "2020-01-01/001"


def run(options: Options) -> Iterator[Row]:
    """Every capability's features at 20,000 and 200,000 customers of the demo (quick: 500); then an executor is killed.

    ``--shop "50000,400000 recommender stock"`` names other sizes, and capabilities if not all. Each engine starts in a process of its own, DuckDB with two threads, Spark with
    a master and two workers of one core; the figures of DuckDB and Spark are of the same run, and their rows are equal.
    """
    home = (options.scratch / "scale").resolve()
    asked, _, only = options.shop.partition(" ")
    sizes = tuple(map(int, asked.split(","))) if asked else QUICK if options.quick else SIZES
    with cluster(home / "cluster") as spark:
        for customers in sizes:
            shutil.rmtree(home / "lake", ignore_errors=True)
            for log in (home / "cluster" / "events").iterdir():
                log.unlink()
            rows = _snapshot(Lake(str(home / "lake")), customers)
            yield from _engines(home, spark, customers, rows, only)


def _engines(home: Path, spark: Cluster, customers: int, rows: int, only: str) -> Iterator[Row]:
    made: dict[str, Mapping[str, float]] = {}
    sums: dict[str, Sums] = {}
    for engine in ("duckdb", "spark"):
        made[engine], sums[engine] = _timed(home, spark, engine, only)
        _removed(home)
    names = [name for name in CAPABILITIES if name in made["duckdb"]]
    _agree(sums["spark"], sums["duckdb"], "on Spark")
    for name in (*names, "all"):
        ours, theirs = made["spark"][name], made["duckdb"][name]
        yield Row(f"features of {name}, {customers:,} customers", "s on Spark", ours, "DuckDB", theirs, theirs / ours)
    ours, theirs = made["spark"]["largest process GiB"], made["duckdb"]["largest process GiB"]
    yield Row(
        f"largest process, {customers:,} customers, {rows:,} rows",
        "GiB on Spark",
        ours,
        "DuckDB",
        theirs,
        theirs / ours,
        note=f"{shuffled(home / 'cluster' / 'events') / 2**20:,.0f} MiB shuffled",
        extra=made["spark"],
    )
    killed, after = _timed(home, spark, "spark", KILLED, kill=True)
    _agree(
        after, {k: v for k, v in sums["duckdb"].items() if k.startswith(KILLED + " ")}, "after an executor was killed"
    )
    yield Row(
        f"features of {KILLED}, an executor killed in the middle, {customers:,} customers",
        "s",
        killed[KILLED],
        "undisturbed",
        made["spark"][KILLED],
        made["spark"][KILLED] / killed[KILLED],
        note="the same rows",
    )


def _agree(ours: Sums, theirs: Sums, when: str) -> None:
    differ = [
        f"{k}: {v} on DuckDB, {ours.get(k)}"
        for k, v in theirs.items()
        if len(mine := ours.get(k, [])) != len(v)
        or not all(math.isclose(a, b, rel_tol=1e-7, abs_tol=1e-7) for a, b in zip(mine, v, strict=True))
    ]
    if differ:
        raise AssertionError(f"the features are others {when}:\n" + "\n".join(differ))


def _removed(home: Path) -> None:
    shutil.rmtree(home / "lake" / "features", ignore_errors=True)


def _timed(
    home: Path, spark: Cluster, engine: str, only: str = "", *, kill: bool = False
) -> tuple[dict[str, float], Sums]:
    """Seconds of each capability in a process of its own, the peak of the largest process, and sums of what was made."""
    _removed(home)
    settings = {
        "NIGHTSHIFT_HOME": str(home),
        "NIGHTSHIFT_DATABASE_URL": "postgresql:///none",
        "NIGHTSHIFT_HASH_KEY": "bench",
        "NIGHTSHIFT_THREADS": "2",
        "NIGHTSHIFT_MEMORY_GB": "4",
        "NIGHTSHIFT_ENGINE": engine,
        "NIGHTSHIFT_SPARK_MASTER": spark.url,
        "NIGHTSHIFT_SPARK_PROPERTIES": str(spark.properties),
    }
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "bench._scale_features", *only.split()],
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        text=True,
    )
    with Peaks([process.pid, *spark.pids] if engine == "spark" else [process.pid]) as peaks:
        if kill:
            spark.kill_one()
        said = process.communicate()[0]
    if process.returncode:
        raise NightshiftError(f"The features were not made on {engine}.", came=said[-2000:])
    told = json.loads(said.splitlines()[-1])
    figures = told["seconds"] | {"all": time.perf_counter() - start, "largest process GiB": peaks.largest / 2**30}
    return figures | {f"{name} GiB": value / 2**30 for name, value in peaks.named.items()}, told["sums"]


def _whole(batch: pa.RecordBatch, wanted: pa.Schema) -> pa.RecordBatch:
    """With every column of the contract; one that the demo does not have is null."""
    columns = [
        batch[f.name].cast(f.type) if f.name in batch.schema.names else pa.nulls(batch.num_rows, f.type) for f in wanted
    ]
    return pa.RecordBatch.from_arrays(columns, schema=wanted)


def _snapshot(lake: Lake, customers: int) -> int:
    """The demo's clean tables as a night's snapshot."""
    total, there = 0, {}
    for name, batches in demo.tables(customers=customers):
        if name in TABLES:
            wanted = schema(TABLES[name])
            whole = (_whole(batch, wanted) for batch in batches)
            rows, _ = lake.write_stream(f"snapshot/{REF}/clean/{name}", wanted, whole)
            there[name], total = {"rows": rows}, total + rows
    as_of = datetime.combine(END, clock(), UTC) + timedelta(days=1)
    manifest = {"as_of": as_of.isoformat(), "read_at": as_of.isoformat(), "shop": "demo", "tables": there, "config": {}}
    lake.write_json(f"snapshot/{REF}/manifest.json", manifest)
    return total

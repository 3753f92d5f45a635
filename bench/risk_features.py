"""Features of order risk at 10 million orders within 3 minutes, and the windows beside the same in DuckDB's SQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import duckdb
import ibis
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench import Options, Row
from ml.capabilities.risk import features
from ml.capabilities.risk.columns import DISTINCT, ENTITIES, NUMBERS, PLURALS, WINDOWS
from ml.capabilities.risk.history import coded, history
from ml.capabilities.risk.spec import SPEC

AS_OF = datetime(2025, 7, 10, tzinfo=UTC)
LIMIT_S = 180.0
THREADS, MEMORY = 2, "8GB"


def run(options: Options) -> Iterator[Row]:
    """From Parquet to Parquet with all windows (quick: 100,000 orders), and the windows alone beside SQL's."""
    rows = 100_000 if options.quick else 10_000_000
    folder = options.scratch / "risk_features"
    yield _windows(folder, 20_000 if options.quick else 1_000_000)
    _shop(folder, rows)
    try:
        start = perf_counter()
        backend = _backend(folder)
        tables = {path.stem: backend.read_parquet(path) for path in folder.glob("*.parquet")}
        built = features.build(tables, AS_OF, SPEC.params)
        for name in ("order", "open", "customer", "entity"):
            backend.to_parquet(built[name], folder / f"{name}.made", compression="zstd", compression_level=1)
        taken = perf_counter() - start
        written = pq.read_metadata(folder / "order.made").num_rows
        if written != rows:
            raise AssertionError(f"{written} rows of features for {rows} orders")
    finally:
        shutil.rmtree(folder)
    limit = LIMIT_S * rows / 10_000_000
    yield Row(
        f"features of {rows:,} orders, {len(NUMBERS)} numbers each",
        "s",
        taken,
        "limit",
        limit,
        limit / taken,
        None if options.quick else 1.0,
    )


def _windows(folder: Path, rows: int) -> Row:
    """Counts and different others in every window: our kernels and DuckDB's RANGE windows on the same log."""
    _shop(folder, rows)
    try:
        backend = _backend(folder)
        tables = {path.stem: backend.read_parquet(path) for path in folder.glob("*.parquet")}
        log = features.log(features.described(tables, AS_OF, SPEC.params))
    finally:
        shutil.rmtree(folder)
    log = log.set_column(log.column_names.index("since"), "since", log["at"])  # SQL's windows have one time only
    history(coded(log.slice(0, 1000)))
    start = perf_counter()
    ours = history(coded(log))
    middle = perf_counter()
    theirs = _sql(log)
    end = perf_counter()
    for name in theirs.column_names:
        if pc.sum(ours[name]).as_py() != pc.sum(theirs[name]).as_py():
            raise AssertionError(f"the two disagree in {name}")
    speed, peer = rows / (middle - start), rows / (end - middle)
    return Row(
        f"{len(theirs.column_names)} windows of {rows:,} orders (ours: and ages, frauds, components)",
        "orders/s",
        speed,
        "DuckDB RANGE windows",
        peer,
        speed / peer,
        3.0,
    )


def _sql(log: pa.Table) -> pa.Table:  # noqa: ARG001 (DuckDB finds it by its name)
    """The same counts as an engineer writes them; null where there is no entity."""
    counts = []
    for entity in ENTITIES:
        for w, span in WINDOWS.items():
            over = f'OVER (PARTITION BY {entity} ORDER BY "at" RANGE BETWEEN {span} PRECEDING AND 1 PRECEDING)'
            counts.append(f"CASE WHEN {entity} IS NOT NULL THEN count(*) {over} END AS {entity}_orders_{w}")
            counts += [
                f"CASE WHEN {entity} IS NOT NULL THEN count(DISTINCT {other}) {over} END AS {entity}_{PLURALS[other]}_{w}"
                for other in DISTINCT.get(entity, ())
            ]
    with duckdb.connect(config={"threads": THREADS, "memory_limit": MEMORY}) as connection:
        return connection.sql(f"SELECT {', '.join(counts)} FROM log").to_arrow_table()  # noqa: S608 (names of ours)


def _backend(folder: Path) -> ibis.BaseBackend:
    return ibis.duckdb.connect(
        threads=THREADS, memory_limit=MEMORY, temp_directory=str(folder / "spill"), preserve_insertion_order=False
    )


def _shop(folder: Path, rows: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": str(folder / "spill")}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"SET VARIABLE orders = {rows:d}")
        connection.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
        for name in SPEC.tables:
            connection.table(name).write_parquet(str(folder / f"{name}.parquet"))

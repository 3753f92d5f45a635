"""Publish a batch, swap included, beside a server-side COPY of a binary file of the same rows."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from time import perf_counter

import numpy as np
import pyarrow as pa
from psycopg2 import sql

from bench import Options, Row
from bench._stack import stack
from ml.adapters import postgres
from ml.adapters.batches.publish import BatchResult, Publication, publish, retention
from ml.adapters.lake import Lake
from ml.capabilities.recommender.published import RECOMMENDATION

_TIMES = 3
_SHARD = 1_000_000
_TABLE = RECOMMENDATION.name


def _batches(begin: int, end: int) -> Iterator[pa.RecordBatch]:
    """Recommendations as the recommender makes them: 20 a customer, a reason with a product's title in it."""
    rng, size = np.random.default_rng(begin), 100_000
    titles = pa.array([f"Because you bought {word} No. {n}" for n in range(5_000) for word in ("Teapot", "Lantern")])
    for start in range(begin, end, size):
        number = np.arange(start, min(start + size, end))
        products = rng.integers(0, 50_000, (2, len(number)))
        yield pa.record_batch(
            {
                "customer_id": pa.array(100_000 + number // 20).cast(pa.string()),
                "rank": pa.array(number % 20 + 1),
                "product_id": pa.array(products[0]).cast(pa.string()),
                "score": rng.random(len(number)),
                "reason": titles.take(pa.array(products[1] % len(titles))),
                "reason_code": pa.repeat("because", len(number)),
                "source_product_id": pa.array(products[1]).cast(pa.string()),
                "propensity": np.ones(len(number)),
            }
        )


def _predictions(lake: Lake, rows: int) -> str:
    folder = lake.join("predictions", "bench", _TABLE)
    lake.remove(folder)
    for shard, start in enumerate(range(0, rows, _SHARD)):
        lake.write_batches(f"{folder}/{shard:05d}.parquet", _batches(start, min(start + _SHARD, rows)))
    return folder


def _publish(url: str, lake: Lake, folder: str, turn: str) -> BatchResult:
    night = date(2026, 1, 1)
    job = Publication(night, f"{night}/001", "bench", 1, datetime(2026, 1, 1, tzinfo=UTC), turn)
    return publish(url, lake, {RECOMMENDATION: folder}, job)[0]


def _server_copy(url: str, batch: BatchResult, file: Path) -> float:
    """Seconds of CREATE TABLE and COPY in one transaction, as the server does it with a file of its own."""
    source = sql.Identifier("ml_batch", f"{_TABLE}_{batch.batch_id}")
    columns = sql.SQL(", ").join(map(sql.Identifier, RECOMMENDATION.column_names))
    with closing(postgres.connect(url)) as connection, connection.cursor() as cursor:
        if not file.exists():
            cursor.execute(sql.SQL("COPY {} TO %s (FORMAT binary)").format(source), (str(file),))
        cursor.execute("DROP TABLE IF EXISTS ml_batch.bench_copy")
        connection.commit()
        start = perf_counter()
        cursor.execute(sql.SQL("CREATE TABLE ml_batch.bench_copy (LIKE {})").format(source))
        cursor.execute(
            sql.SQL("COPY ml_batch.bench_copy ({}) FROM %s (FORMAT binary, FREEZE)").format(columns), (str(file),)
        )
        connection.commit()
        seconds = perf_counter() - start
        cursor.execute("DROP TABLE ml_batch.bench_copy")
        connection.commit()
    return seconds


def _settle(url: str) -> None:
    """Write out what the one before left in memory, so that the next does not pay for it."""
    with closing(postgres.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("CHECKPOINT")


def measure(url: str, lake: Lake, rows: int) -> Iterator[Row]:
    """Rows per second of both, in turn, on the database at ``url`` (whose login may let the server read a file)."""
    folder = _predictions(lake, rows)
    data = postgres.query(url, "SELECT current_setting('data_directory') AS folder")[0]["folder"]
    file = Path(data) / "nightshift-bench.bin"
    ours, theirs, index, swap = [], [], [], []
    try:
        for turn in range(_TIMES):
            _settle(url)
            batch = _publish(url, lake, folder, f"bench {perf_counter()} {turn}")
            ours.append(batch.load_seconds + batch.swap_seconds)
            index.append(batch.index_seconds)
            swap.append(batch.swap_seconds)
            _settle(url)
            theirs.append(_server_copy(url, batch, file))
            retention(url, keep=1)
    finally:
        file.unlink(missing_ok=True)
        lake.remove(folder)
    own, copy = statistics.median(ours), statistics.median(theirs)
    yield Row(
        f"publish of {rows:,} rows x {len(RECOMMENDATION.columns)} columns",
        "rows/s",
        rows / own,
        "server-side COPY of a binary file",
        rows / copy,
        copy / own,
        target=0.8,
        note="ours reads Parquet, and swaps; both create the table; ours also makes key and statistics, "
        f"{statistics.median(index):.1f} s, not counted",
        extra={"swap_ms": 1000 * statistics.median(swap), "index_seconds": statistics.median(index)},
    )


def run(options: Options) -> Iterator[Row]:
    """Rows per second of both for 5,000,000 rows (quick: 100,000)."""
    with stack(options) as running:
        settings = running.settings()
        postgres.migrate(settings.database_url)
        lake = Lake(str(options.scratch / "publish-lake"))
        yield from measure(settings.database_url, lake, 100_000 if options.quick else 5_000_000)

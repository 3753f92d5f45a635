"""A small capability's predictions, for the tests of publishing; run as a program it publishes, to be killed."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from ml.adapters.batches import batch_table, view
from ml.adapters.batches.publish import BatchResult, Patience, Publication, publish
from ml.adapters.lake import Lake
from ml.core.spec import Published, PublishedColumn

RECOMMENDATION = Published(
    "recommendation",
    "What to show.",
    ("customer_id", "rank"),
    (
        PublishedColumn("customer_id", "text", "Who."),
        PublishedColumn("rank", "integer", "1 is best."),
        PublishedColumn("score", "number", "How strongly.", "0 to 1", nullable=True),
        PublishedColumn("reason", "text", "Why.", nullable=True),
    ),
    indexes=(("reason",),),
)
SIMILAR = Published(
    "similar_product",
    "What goes with it.",
    ("product_id",),
    (PublishedColumn("product_id", "text", "Which."), PublishedColumn("seen_at", "timestamp", "When.", nullable=True)),
)
TABLES = (RECOMMENDATION, SIMILAR)


def rows(count: int, mark: str) -> dict[Published, pa.Table]:
    """``count`` rows per table; ``reason`` carries ``mark``."""
    number = range(count)
    return {
        RECOMMENDATION: pa.table(
            {
                "customer_id": [f"c{n // 2}" for n in number],
                "rank": pa.array([n % 2 + 1 for n in number], pa.int32()),
                "score": [n / count for n in number],
                "reason": pa.array([mark] * count),
            }
        ),
        SIMILAR: pa.table(
            {"product_id": [f"{mark}{n}" for n in number], "seen_at": pa.nulls(count, pa.timestamp("us", "UTC"))}
        ),
    }


def put(lake: Lake, ref: str, tables: dict[Published, pa.Table]) -> dict[Published, str]:
    """Write the predictions of a night, two shards a table."""
    folders = {}
    for published, table in tables.items():
        folders[published] = lake.join("predictions", ref, "cap", published.name)
        half = table.num_rows // 2
        for shard, part in enumerate((table.slice(0, half), table.slice(half))):
            lake.write_batches(f"{folders[published]}/{shard:05d}.parquet", part.to_batches())
    return folders


def shelve(url: str, uri: str, day: int, mark: str = "", **options: Any) -> list[BatchResult]:
    """Publish the night of January ``day``: ten rows a day, marked with ``mark`` (the day); other marks, other inputs."""
    lake, night = Lake(uri), date(2026, 1, day)
    ref, mark = f"{night}/001", mark or f"day{day}"
    tables = options.pop("tables", None) or rows(10 * day, mark)
    folders = options.pop("folders", None) or put(lake, ref, tables)
    facts: dict[str, Any] = {
        "night": night,
        "ref": ref,
        "capability": "cap",
        "model_version": day,
        "as_of": datetime(2026, 1, day, tzinfo=UTC),
        "inputs_sha256": hashlib.sha256(mark.encode()).hexdigest(),
    }
    facts |= {name: options.pop(name) for name in (*facts, "read_at") if name in options}
    waits = {"wait_s": 20} | {
        name: options.pop(given)
        for name, given in (("lock_timeout_s", "lock_timeout_s"), ("swap_s", "patience_s"), ("wait_s", "wait_s"))
        if given in options
    }
    if "functions" in options:
        options["functions"] = (options["functions"], options.pop("timezone", "UTC"))
    return publish(url, lake, folders, Publication(**facts), patience=Patience(**waits), **options)


def _dying(module: Any, name: str, *, after: bool) -> None:
    """Let the process die by SIGKILL when it comes to ``module.name``, or when that has returned."""
    original = getattr(module, name)

    def fatal(*args: Any, **kwargs: Any) -> Any:
        if after:
            original(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(module, name, fatal)


if __name__ == "__main__":
    job = json.loads(Path(sys.argv[1]).read_text())
    if job.get("die"):
        _dying({"build": batch_table, "swap": view}[job["die"][0]], job["die"][1], after=job["die"][2])
    shelve(job["url"], job["uri"], job["day"])

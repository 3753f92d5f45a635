"""A night that is killed with -9, wherever it was, is run again and publishes exactly one whole batch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from ml.adapters import postgres
from ml.registry import CAPABILITIES
from ml.settings import PROJECT, Settings
from ml.shop.load import load

POINTS = (
    "manifest.json",
    "validated.json",
    "done.json",
    "the model's registration",
    "the champion's alias",
    "a score shard",
    "the swap",
)
CUSTOMERS = 300
NAMES = ("delivery", "sentiment")
"""What dies at these points is the pipeline, which is the same for each capability: two that learn in seconds."""
NIGHT = "2026-01-01"
ENDED = "ended "


@contextmanager
def nights(settings: Settings) -> Iterator[Callable[[str], int]]:
    """A function that runs a night which dies at a point, and returns how its process ended."""
    given = {"settings": asdict(settings) | {"home": str(settings.home)}, "night": NIGHT, "capabilities": list(NAMES)}
    with subprocess.Popen(
        [sys.executable, Path(__file__).with_name("killed_night.py"), json.dumps(given)],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def run(point: str) -> int:
            print(point, file=process.stdin, flush=True)
            lines = iter(process.stdout.readline, "")
            return next(int(line.removeprefix(ENDED)) for line in lines if line.startswith(ENDED))

        yield run
        process.stdin.close()


def test_killed_at_every_step_and_run_again_it_publishes_one_whole_batch(settings: Settings) -> None:
    """Each run dies one step later than the one before; the last goes through; the shop sees one whole batch."""
    load(settings, "demo", customers=CUSTOMERS)
    with nights(settings) as run:
        for point in POINTS:
            assert run(point) == -signal.SIGKILL, f"the night did not come to {point}"
            existing = postgres.query(settings.database_url, "SELECT to_regclass('ml.review_sentiment') AS view")
            assert existing == [{"view": None}], f"something was published although the night died at {point}"
        assert run("nothing") == 0
        assert run("nothing") == 0
    batches = postgres.query(
        settings.database_url,
        "SELECT table_name, count(*) AS n FROM ml_ops.batch WHERE status = 'published' GROUP BY 1 ORDER BY 1",
    )
    published = sorted(table.name for name in NAMES for table in CAPABILITIES[name].publishes)
    assert batches == [{"table_name": name, "n": 1} for name in published]
    read = postgres.query(
        settings.database_url, "SELECT count(*) AS rows, count(DISTINCT batch_id) AS batches FROM ml.review_sentiment"
    )
    written = postgres.query(
        settings.database_url,
        "SELECT count(*) AS n FROM shop.review r "
        "WHERE NOT EXISTS (SELECT FROM shop.erasure e WHERE e.customer_id = r.customer_id)",
    )
    assert read == [{"rows": written[0]["n"], "batches": 1}]
    tables = postgres.query(
        settings.database_url,
        "SELECT count(*) AS n FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace "
        "WHERE s.nspname = 'ml_batch' AND c.relkind = 'r'",
    )
    assert tables == [{"n": len(published)}], "a killed publication left a table behind"

"""A night that is killed with -9, wherever it was, is run again and publishes exactly one whole batch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
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
NAMES = ("recommender", "sentiment")
"""What dies at these points is the pipeline, which is the same for each capability."""
NIGHT = "2026-01-01"


def run(settings: Settings, point: str) -> int:
    """Exit code of a night that dies at ``point``."""
    given = {"settings": asdict(settings) | {"home": str(settings.home)}, "night": NIGHT, "point": point}
    given["capabilities"] = list(NAMES)
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("killed_night.py"), json.dumps(given)],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr[-3000:]
    return done.returncode


def test_killed_at_every_step_and_run_again_it_publishes_one_whole_batch(settings: Settings) -> None:
    """Each run dies one step later than the one before; the last goes through; the shop sees one whole batch."""
    load(settings, "demo", customers=CUSTOMERS)
    for point in POINTS:
        assert run(settings, point) == -signal.SIGKILL, f"the night did not come to {point}"
        there = postgres.query(settings.database_url, "SELECT to_regclass('ml.recommendation') AS view")
        assert there == [{"view": None}], f"something was published although the night died at {point}"
    assert run(settings, "nothing") == 0
    assert run(settings, "nothing") == 0
    batches = postgres.query(
        settings.database_url,
        "SELECT table_name, count(*) AS n FROM ml_ops.batch WHERE status = 'published' GROUP BY 1 ORDER BY 1",
    )
    published = sorted(table.name for name in NAMES for table in CAPABILITIES[name].publishes)
    assert batches == [{"table_name": name, "n": 1} for name in published]
    lists = postgres.query(
        settings.database_url,
        "SELECT count(DISTINCT customer_id) AS customers, count(*) AS rows, count(DISTINCT batch_id) AS batches "
        "FROM ml.recommendation",
    )
    forgotten = postgres.query(settings.database_url, "SELECT FROM shop.erasure")
    known = CUSTOMERS - len(forgotten)
    assert lists == [{"customers": known, "rows": 20 * known, "batches": 1}]
    tables = postgres.query(
        settings.database_url,
        "SELECT count(*) AS n FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace "
        "WHERE s.nspname = 'ml_batch' AND c.relkind = 'r'",
    )
    assert tables == [{"n": len(published)}], "a killed publication left a table behind"

"""What orchestration costs: the night in Airflow, split into work and the rest, and beside one process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench import Options, Row
from bench._stack import stack
from ml.settings import PROJECT
from ml.shop.load import load


def run(options: Options) -> Iterator[Row]:
    """Wall time of a night with training, on a demo shop of 200,000 customers (quick: 1,000) or on ``--shop``."""
    source = options.shop or "demo"
    customers = 1_000 if options.quick else 200_000
    data = options.data or PROJECT.parent / "shared" / "data" / "uci_online_retail"
    with stack(options) as running:
        given: dict[str, Any] = {"customers": customers} if source == "demo" else {}
        where: Path | None = None if source == "demo" else data
        report = load(running.settings(), source, where, replace=True, **given)
        assert report.last_order is not None
        night = report.last_order + timedelta(days=1)
        local = running.run("night", "--local", "--date", str(night), "--force-train", "--fresh")[0]
        running.run("night", "--date", str(night))  # the first tasks after a start are slower
        airflow = running.run("night", "--date", str(night), "--force-train", "--fresh")[0]
        summary = running.rows("SELECT summary FROM ml_ops.night ORDER BY started_at DESC LIMIT 1")[0]["summary"]
    work = summary["work_seconds"]
    limit = 0.10 if source == "demo" else 0.25
    steps = ", ".join(f"{step['step']} {step['seconds']:.1f}" for step in summary["steps"])
    share = 1 - work / airflow
    yield Row(
        f"orchestration of the night on {source}",
        "share",
        share,
        "limit",
        limit,
        limit / share,
        target=None if options.quick else 1.0,
        note=f"{airflow:.1f} s from Enter to the report, of which work {work:.1f} s: {steps}",
    )
    yield Row(
        f"night on {source} of {night}",
        "s",
        airflow,
        "the same steps in one process",
        local,
        local / airflow,
        note="the process also imports what the scheduler holds ready for its tasks",
    )

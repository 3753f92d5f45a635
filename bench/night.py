"""The night in Airflow, beside the same night in one process: what orchestration costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from bench import Options, Row
from bench._stack import stack
from ml.settings import PROJECT
from ml.shop.load import load


def run(options: Options) -> Iterator[Row]:
    """Wall time of a night with training, on a demo shop of 200,000 customers (quick: 1,000) or on ``--shop``."""
    source = options.shop or "demo"
    customers = 1_000 if options.quick else 200_000
    data = options.data or PROJECT.parent / "shared" / "data" / "uci_online_retail"
    with stack(options) as made:
        given: dict[str, object] = {"customers": customers} if source == "demo" else {}
        where: Path | None = None if source == "demo" else data
        report = load(made.settings(), source, where, replace=True, **given)
        assert report.last_order is not None
        night = report.last_order + timedelta(days=1)
        local = made.run("night", "--local", "--date", str(night), "--force-train", "--fresh")[0]
        airflow = made.run("night", "--date", str(night), "--force-train", "--fresh")[0]
        summary = _summary(made.rows("SELECT summary FROM ml_ops.night ORDER BY started_at DESC LIMIT 1"))
    share = max(0.0, 1 - local / airflow)
    limit = 0.10 if source == "demo" else 0.25
    yield Row(
        f"night on {source} of {night}", "s", airflow, "the same steps in one process", local, local / airflow,
        target=None if options.quick else 1 - limit,
        note=f"orchestration {share:.0%} of the night, at most {limit:.0%} promised; the books: {summary}",
    )  # fmt: skip


def _summary(rows: list[dict[str, object]]) -> str:
    found = rows[0]["summary"] if rows else None
    if not isinstance(found, dict):
        return "no summary"
    return ", ".join(f"{s['step']} {s['seconds']:.1f}" for s in found["steps"])

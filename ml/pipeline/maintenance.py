"""What keeps the house: retention, requests to be forgotten, rollback, promotion by hand."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from typing import Any

from ml.adapters import spark
from ml.adapters.batches import lane
from ml.adapters.batches import publish as publishing
from ml.adapters.books import nights as ops
from ml.adapters.books import quarantine, versions
from ml.adapters.lake import Lake
from ml.adapters.mlflow import fetching, tracking
from ml.pipeline import retention
from ml.pipeline.erasure import erase
from ml.pipeline.plan import attempts
from ml.pipeline.summary import registry_differences
from ml.registry import CAPABILITIES
from ml.registry import capability as find
from ml.settings import Settings

SCRATCH_DAYS = 2
"""What a session on Spark left behind that was killed goes after so many days."""


def rollback(settings: Settings, table: str, *, person: str = "", words: str = "") -> dict[str, Any]:
    """Show the batch before again, for ``table`` and the tables that were published with it.

    Who did so, and why, stands in ``ml_ops.promotion``; which version serves the next night does not change by it.
    """
    back = publishing.rollback(settings.database_url, table)
    for name in CAPABILITIES:
        shown = {move["model_version"]: move for t, move in back["tables"].items() if t in _tables(name)}
        for version, move in shown.items():
            why = f"took batch {move['from']} back, the night of {move['night']} is shown again" + (
                f": {words}" if words else ""
            )
            versions.decide(settings.database_url, name, version, "rollback", why, person=person or None)
    return back


def _tables(name: str) -> set[str]:
    return {table.name for table in find(name).publishes}


def promote(settings: Settings, name: str, version: int, *, person: str = "", words: str = "") -> dict[str, Any]:
    """Let ``version`` serve from the next night on, whatever the gate said.

    Parameters
    ----------
    person, words : str
        Who decides, and why; kept in ``ml_ops.promotion``.
    """
    find(name)
    if versions.artifacts(settings.database_url, name, version) and not versions.withdrawn(
        settings.database_url, name, version
    ):
        # Else there is no such version, which the line after says.
        fetching.fetch(settings.mlflow_uri, settings.database_url, name, version, settings.home / "models")
    row = versions.promote(settings.database_url, name, version, why=words or "by hand", person=person or None)
    tracking.set_alias(settings.mlflow_uri, name, version, "champion")
    return row | {"note": registry_differences(settings).get(name, "")}


def maintain(settings: Settings, *, keep_nights: int = retention.BATCHES.keep) -> dict[str, Any]:
    """Erase the customers who asked for it, and drop what is older than the retention.

    What is kept how long is in :mod:`ml.pipeline.retention`. Never dropped: the batch that the shop reads, the one that a rollback would show, and their snapshots.
    """
    lake = Lake(settings.lake_uri)
    dropped = publishing.retention(settings.database_url, keep=keep_nights)
    kept = set(ops.refs_in_use(settings.database_url))
    nights = sorted(lake.names(lake.join("snapshot")), reverse=True)
    removed = []
    kinds = ("snapshot", "features", "predictions", "docs")
    for index, name in enumerate(nights):
        refs = attempts(lake, date.fromisoformat(name))
        for ref in refs:
            latest = ref == refs[-1]
            if ref in kept or (index < keep_nights and latest):
                continue
            for kind in kinds:
                lake.remove(lake.join(kind, ref))
            removed.append(ref)
        for kind in kinds:  # a folder without attempts would be counted as a night that is kept
            if not lake.names(kind, name):
                lake.remove(kind, name)
    lake.remove_older(spark.SCRATCH, days=SCRATCH_DAYS)
    return {
        "batches": dropped,
        "snapshots": removed,
        "quarantine_rows": quarantine.forget_quarantine(settings.database_url, days=retention.QUARANTINE.keep),
        "live_runs": lane.forget_runs(settings.database_url, days=retention.LANE.keep),
        "logs": _old_files(settings.home / "logs" / "airflow", retention.LOGS.keep)
        + lake.remove_older("logs", days=retention.LOGS.keep),
        "models": retention.forget_old_models(settings),
        **retention.forget_old_books(settings),
        "erased": erase(settings),
    }


def _old_files(folder: Path, days: int) -> int:
    """Delete the files under ``folder`` that were not written to for ``days``; how many."""
    limit, count = time.time() - days * 86_400, 0
    for path in folder.rglob("*") if folder.is_dir() else ():
        if path.is_file() and path.stat().st_mtime < limit:
            path.unlink(missing_ok=True)
            count += 1
    return count

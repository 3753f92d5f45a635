"""Make a past night again from its snapshot and its model, and compare what comes with what was published."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from math import ceil
from typing import Any

from ml.adapters import postgres
from ml.adapters.mlflow import fetching
from ml.core.capability import model_of, published, score_of
from ml.core.errors import NightshiftError, WrongUse
from ml.core.spec import Capability
from ml.kernels.threads import limited
from ml.pipeline import language
from ml.pipeline.context import Night
from ml.pipeline.features import features
from ml.pipeline.predictions import carried
from ml.pipeline.serving import UNITS_PER_SHARD
from ml.registry import CAPABILITIES
from ml.registry import capability as find
from ml.settings import Settings

TAG = "rebuild"


def rebuild(settings: Settings, night: date, names: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
    """Make what the shop saw of ``night`` again, publish nothing, and compare row by row.

    Returns
    -------
    dict
        By published table: ``batch_id``, ``version``, ``rows`` and ``differ`` (rows that only one of both has; 0: equal).

    Raises
    ------
    WrongUse
        Nothing of that night was published.
    NightshiftError
        Its snapshot or its rows are older than the retention.
    """
    rebuilt: dict[str, dict[str, Any]] = {}
    for capability in map(find, names or CAPABILITIES):
        batches = postgres.query(
            settings.database_url,
            """
            SELECT DISTINCT ON (table_name) table_name, batch_id, ref, model_version, rows FROM ml_ops.batch
            WHERE capability = %s AND night = %s AND published_at IS NOT NULL ORDER BY table_name, batch_id DESC
            """,
            (capability.name, night),
        )
        if batches:
            rebuilt |= _rebuilt(settings, capability, {row["table_name"]: row for row in batches})
    if not rebuilt:
        raise WrongUse(
            f"Nothing of the night of {night} was published, so there is nothing to make again.",
            came=f"no batch of {', '.join(names or CAPABILITIES)} in ml_ops.batch",
            do="SELECT DISTINCT night FROM ml_ops.batch ORDER BY 1 lists the nights that there are",
        )
    return rebuilt


def _rebuilt(
    settings: Settings, capability: Capability, batches: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    first = next(iter(batches.values()))
    night, name, version = Night.open(settings, first["ref"]), capability.name, first["model_version"]
    for table in batches:
        if not night.lake.exists(night.path("predictions", name, table)):
            raise NightshiftError(
                f"What ml.{table} showed in the night of {night.night} is not in the lake any more.",
                came=night.path("predictions", name, table),
                do="a night that is within the retention can be made again",
            )
    night.lake.remove(night.path("features", name, TAG))
    with limited(settings.threads):
        known = features(night, capability, TAG, night.as_of).beside(carried(night, capability, version))
        folder = fetching.fetch(settings.mlflow_uri, settings.database_url, name, version, settings.home / "models")
        shards = max(1, ceil(score_of(capability).units(known) / UNITS_PER_SHARD))
        rows = language.tables(
            night, capability, published(capability, model_of(capability).load(folder), known, shards=shards)
        )
    night.lake.remove(night.path("features", name, TAG))
    found = {}
    with night.lake.duckdb(settings.threads, settings.memory_gb) as db:
        for table, batch in batches.items():
            again = db.from_arrow(rows[table])
            then = db.read_parquet(night.lake.scan(night.path("predictions", name, table))).select(
                ", ".join(f'"{column}"' for column in rows[table].column_names)
            )
            differ = sum(
                int(a.except_(b).aggregate("count(*)").fetchall()[0][0]) for a, b in ((again, then), (then, again))
            )
            found[table] = {
                "batch_id": batch["batch_id"],
                "version": version,
                "rows": len(rows[table]),
                "differ": differ,
            }
    return found

"""What is kept how long, as data; and what of it is dropped by the maintenance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ml.adapters import postgres
from ml.adapters.books import versions
from ml.adapters.erasure import models
from ml.adapters.lake import Lake
from ml.settings import Settings

NIGHTS, VERSIONS = "nights", "versions of each capability"
DAYS = "days"


@dataclass(frozen=True)
class Rule:
    """How much of something is kept."""

    what: str
    where: str
    keep: int
    unit: str
    beside: str = ""
    """What is kept however old it is."""


BATCHES = Rule("published batches", "schema ml_batch", 7, NIGHTS, "what the shop reads, and what a rollback would show")
LAKE = Rule("snapshots, features, predictions, Data Docs", "lake", 7, NIGHTS, "those of the batches that are kept")
MODELS = Rule("model versions", "MLflow", 10, VERSIONS, "those that serve, wait for a person or made a kept batch")
QUARANTINE = Rule("rows set aside", "ml_ops.quarantine", 90, DAYS)
LANE = Rule("runs between nights", "ml_ops.live", 30, DAYS)
STEPS = Rule("steps of nights", "ml_ops.step", 400, DAYS)
FIGURES = Rule("figures of the monitor", "ml_ops.figure", 400, DAYS)
LOGS = Rule("logs of tasks", "logs/airflow", 30, DAYS)
AIRFLOW = Rule("runs of Airflow", "Airflow's database", 90, DAYS, "dropped at a start")
FOREVER = Rule(
    "nights, versions, decisions, receipts", "ml_ops.night, .version, .promotion, .erasure, .audit", 0, "for ever"
)

RULES = (BATCHES, LAKE, MODELS, QUARANTINE, LANE, STEPS, FIGURES, LOGS, AIRFLOW, FOREVER)

_UNUSED = """
SELECT v.capability, v.version, v.run_id FROM (
    SELECT capability, version, run_id, row_number() OVER (PARTITION BY capability ORDER BY version DESC) AS age
    FROM ml_ops.version WHERE withdrawn_at IS NULL) AS v
WHERE v.age > %(keep)s
  AND NOT EXISTS (SELECT FROM ml_ops.batch AS b WHERE b.capability = v.capability AND b.model_version = v.version
                  AND b.status IN ('building', 'published', 'superseded', 'rolled_back'))
  AND NOT EXISTS (SELECT FROM ml_ops.experiment_arm AS a WHERE a.capability = v.capability AND a.version = v.version)
ORDER BY 1, 2
"""


def forget_old_models(settings: Settings, keep: int = MODELS.keep) -> list[str]:
    """Delete the files of versions that serve nobody any more; ``keep`` of each capability stay. Gives ``<capability> <version>``."""
    url, champions, deleted = settings.database_url, versions.champions(settings.database_url), []
    for row in postgres.query(url, _UNUSED, {"keep": keep}):
        name, version = row["capability"], row["version"]
        if champions.get(name) != version and version not in versions.waiting(url, name):
            models.withdraw(url, settings.mlflow_uri, settings.home / "models", row["run_id"])
            deleted.append(f"{name} {version}")
    return deleted


def forget_old_books(settings: Settings) -> dict[str, int]:
    """Delete steps and figures that are older than their rules; how many of each."""
    deleted = {}
    with postgres.transaction(settings.database_url) as cursor:
        cursor.execute("DELETE FROM ml_ops.step WHERE started_at < now() - make_interval(days => %s)", (STEPS.keep,))
        deleted["steps"] = int(cursor.rowcount)
        cursor.execute("DELETE FROM ml_ops.figure WHERE at < now() - make_interval(days => %s)", (FIGURES.keep,))
        deleted["figures"] = int(cursor.rowcount)
    return deleted


def costs(settings: Settings) -> list[dict[str, Any]]:
    """For each rule, what it keeps now and what a night adds.

    Returns
    -------
    list of dict
        ``what``, ``where``, ``keep`` (in words), ``bytes`` (None: not known here) and ``bytes_per_night`` (of the last nights, as
        far as they are kept).
    """
    lake, url = Lake(settings.lake_uri), settings.database_url
    nights = lake.names("snapshot")
    held = sum(lake.usage(kind) for kind in ("snapshot", "features", "predictions", "docs"))
    batches = postgres.query(
        url,
        """
        SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint AS bytes,
               (SELECT count(DISTINCT night) FROM ml_ops.batch WHERE status IN ('published', 'superseded', 'rolled_back')) AS nights
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = 'ml_batch' AND c.relkind = 'r'
        """,
    )[0]
    known: dict[str, tuple[int | None, float | None]] = {
        BATCHES.what: (batches["bytes"], batches["bytes"] / max(1, batches["nights"])),
        LAKE.what: (held, held / max(1, len(nights))),
    }
    for rule in (QUARANTINE, LANE, STEPS, FIGURES):
        sizes = postgres.query(
            url,
            "SELECT pg_total_relation_size(%s::regclass) AS bytes, (SELECT count(*) FROM ml_ops.night) AS nights",
            (rule.where,),
        )[0]
        known[rule.what] = (sizes["bytes"], sizes["bytes"] / max(1, min(rule.keep, sizes["nights"])))
    for rule, folder in ((MODELS, "mlflow"), (LOGS, "logs")):
        path = settings.home / folder
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if path.exists() else None
        known[rule.what] = (size, None)
    return [
        {
            "what": rule.what,
            "where": rule.where,
            "keep": f"{rule.keep} {rule.unit}" if rule.keep else rule.unit,
            "beside": rule.beside,
            "bytes": known.get(rule.what, (None, None))[0],
            "bytes_per_night": known.get(rule.what, (None, None))[1],
        }
        for rule in RULES
    ]

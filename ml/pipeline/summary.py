"""Sum up a night: the step report."""

from __future__ import annotations

import logging
from typing import Any

from ml.adapters import postgres
from ml.adapters.books import config_faults, figures, nights, versions
from ml.adapters.mlflow import champions
from ml.core.outages import as_words
from ml.core.spec import Capability
from ml.pipeline.context import Night
from ml.registry import CAPABILITIES, CONFIG
from ml.registry import capability as find
from ml.settings import Settings

log = logging.getLogger("nightshift")


def report(settings: Settings, ref: str) -> dict[str, Any]:
    """Sum up a night: what was published, quarantined, learnt, and where the time went; kept in ``ml_ops.night``."""
    night = Night.open(settings, ref)
    summary = nights.night_summary(settings.database_url, ref)
    waiting = {name: missing for name, capability in CAPABILITIES.items() if (missing := night.missing(capability))}
    summary["waiting"] = {name: list(missing) for name, missing in waiting.items()}
    summary["config_faults"] = config_faults.faults(night.lake, ref, CONFIG, night.manifest["tables"])
    validated = night.path("snapshot", "validated.json")  # not there where the snapshot was refused
    summary["notes"] = (
        night.lake.read_json(validated)["summary"].get("notes", []) if night.lake.exists(validated) else []
    )
    summary["headlines"] = {name: headlines for name in CAPABILITIES if (headlines := _headlines(night, find(name)))}
    summary["alerts"] = [
        f"{a['words']} ({a['advice']})" for a in figures.open_alerts(settings.database_url, night.night)
    ]
    summary["registry"] = registry_differences(settings)
    for words in summary["registry"].values():
        log.warning("%s", words)
    return summary | {"status": nights.close_night(settings.database_url, ref, summary)}


def registry_differences(settings: Settings) -> dict[str, str]:
    """By capability, in what MLflow differs from what ``ml_ops.promotion`` decided; nothing where it does not answer."""
    ours = {name: v for name, v in versions.champions(settings.database_url).items() if name in CAPABILITIES}
    try:
        return champions.differences(ours, champions.ask(settings.mlflow_uri, ours))
    except Exception as error:
        if words := as_words(error):
            return dict.fromkeys(ours, f"MLflow was not asked: {words.came}")
        raise


def _headlines(night: Night, capability: Capability) -> dict[str, float]:
    """What there is to tell of a capability's tables, if the shop sees those of this night; nothing of what is unknown."""
    url = night.settings.database_url
    batches = [nights.visible(url, table.name) for table in capability.publishes]
    if night.rehearsal or any(batch is None or batch["night"] != night.night for batch in batches):
        return {}
    numbers = {words: postgres.query(url, sql) for words, sql in capability.headlines.items()}
    values = {words: next(iter(rows[0].values())) for words, rows in numbers.items()}
    return {words: float(value) for words, value in values.items() if value is not None}

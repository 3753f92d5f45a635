"""Audit what a night scored and let it take the place of yesterday's tables: the step publish."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

from ml.adapters import quality
from ml.adapters.batches import history
from ml.adapters.batches import publish as publishing
from ml.adapters.batches.sql_functions import at_shop
from ml.adapters.books import locks, versions
from ml.core.capability import score_of
from ml.core.errors import DataRefused
from ml.core.spec import Capability
from ml.pipeline import arms
from ml.pipeline.arms import WHOLE
from ml.pipeline.batch_facts import batch_facts
from ml.pipeline.context import SUITES, Night, spreading
from ml.pipeline.drift import held
from ml.pipeline.features import features
from ml.pipeline.predictions import whole_shards
from ml.pipeline.registering import recipe
from ml.pipeline.serving import score_all
from ml.registry import capability as find
from ml.settings import Settings

SPREAD_ROWS = 1_000_000
"""Below so many one process has loaded them before Spark would have begun; the session is another step's meanwhile."""


def publish(
    settings: Settings, ref: str, name: str, *, publish_past: bool = False, accept_growth: bool = False
) -> dict[str, Any]:
    """Audit the capability's tables, load them beside yesterday's, and swap them in together.

    A night on a sample, and one that is older than what the shop reads, is a rehearsal: all is audited, nothing published.

    Parameters
    ----------
    publish_past : bool
        Replace what the shop reads although it is newer than this night.
    accept_growth : bool
        Publish although the shop's data is unlike the days before, and the spec would hold it.

    Returns
    -------
    dict
        ``status``: ``published``, with ``batches`` by table (``erased``: rows scored and taken out since) and ``replaced``
        in words (empty: nothing newer); or ``rehearsal``, with ``why`` and where the scores are.

    Raises
    ------
    DataRefused
        The audit fails: yesterday's tables stay.
    """
    night, capability = Night.open(settings, ref), find(name)
    with locks.exclusive(settings.database_url, f"publish {name}", wait_s=3600), night.step("publish", name) as record:
        version = _scored(night, capability)
        known = features(night, capability, "serve", night.as_of)
        if not accept_growth and (unlike := held(night, capability)):
            raise DataRefused(
                f"The tables of {name} are not published: the shop's data is unlike the days before.",
                came="\n".join(unlike),
                do="mend it in the shop and run the night again (--fresh); if it is meant, run it with --accept-growth; "
                "yesterday's tables stay",
            )
        expected, withheld = score_of(capability).expected(known), arms.withheld(night, name)
        audits = {}
        for table in capability.publishes:
            facts = batch_facts(night, capability, table, expected[table.name], withheld.get(table.name, 0))
            suite = SUITES / "ml" / f"{table.name}.json"
            folder = night.path("predictions", name, table.name)
            verdict = quality.audit(
                table, night.lake, folder, suite, facts, threads=settings.threads, memory_gb=settings.memory_gb
            )
            audits[table.name] = {"facts": facts, "verdict": asdict(verdict)}
            if refusal := quality.refusal([verdict]):
                raise DataRefused(
                    f"ml.{table.name} is not published: it fails its audit.",
                    came=refusal,
                    do=f"read expectations/ml/{table.name}.json for the reason of each bound; yesterday's tables stay",
                )
        newer = history.newer(settings.database_url, name, night.shop, night.as_of)
        if why := _rehearsal(night, name, [] if publish_past else newer):
            record["message"] = why
            return {"status": "rehearsal", "why": why, "audits": audits}
        digest = _inputs(night, capability, version)
        many = sum(audit["verdict"]["rows"] for audit in audits.values()) >= SPREAD_ROWS
        with spreading(settings) if many else nullcontext() as spread:
            published = publishing.publish(
                settings.database_url,
                night.lake,
                {table: night.path("predictions", name, table.name) for table in capability.publishes},
                publishing.Publication(night.night, ref, name, version["version"], night.as_of, digest, night.read_at),
                audits=audits,
                functions=(at_shop(capability.script(), settings.database_url, settings.shop_url), settings.timezone),
                spread=spread,
            )
        record["rows"] = sum(batch.rows for batch in published)
        erased = _erased(night, name)
        arms.show(night, capability)
    replaced = history.named(row for row in newer if row["capability"] == name)
    batches = {batch.table: asdict(batch) | {"erased": erased.get(batch.table, 0)} for batch in published}
    return {"status": "published", "batches": batches, "replaced": replaced}


def _erased(night: Night, name: str) -> Counter[str]:
    """Rows that were scored and then taken out of the predictions, because their customer asked to be forgotten."""
    return Counter(night.lake.read_json(night.path("predictions", name, WHOLE)).get("erased", {}))


def _rehearsal(night: Night, name: str, newer: Sequence[Mapping[str, Any]]) -> str:
    """Why nothing of the night is published, and where its scores are; empty: it is to be published."""
    where = f"Its scores: {night.path('predictions', name)}/<table>/*.parquet."
    if night.rehearsal:
        return f"A rehearsal on a sample of {night.manifest['sample']} customers: nothing is published. {where}"
    if newer:
        return (
            f"A rehearsal, nothing is published: the night of {night.night} is older than what the shop reads "
            f"({history.named(newer)}). {where} To publish it all the same: ./nightshift night --date {night.night} "
            "--publish-past, or in Airflow's form Publish a night of the past."
        )
    return ""


def _scored(night: Night, capability: Capability) -> Mapping[str, Any]:
    """The version that made the scores; an error unless all of them are there, each file as it was written."""
    folder = night.path("predictions", capability.name)
    if not night.lake.exists(folder, WHOLE):
        score_all(night.settings, night.ref, capability.name)
    account = night.lake.read_json(folder, WHOLE)
    whole_shards(night, capability)
    for table in capability.for_all:
        if account["rows"][table.name]:
            night.lake.files(folder, table.name)
    return versions.version(night.settings.database_url, capability.name, account["version"])


def _inputs(night: Night, capability: Capability, version: Mapping[str, Any]) -> str:
    """The same inputs give the same tables: snapshot, model and parameters."""
    parts = [night.manifest["sha256"], str(version["version"]), version["run_id"], recipe(capability.params)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

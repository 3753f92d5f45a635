"""Turn a served model into tables: the steps prepare, score and publish."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from math import ceil
from typing import Any

from ml.adapters import quality
from ml.adapters.batches import history
from ml.adapters.batches import publish as publishing
from ml.adapters.batches.sql_functions import at_shop
from ml.adapters.books import locks, versions
from ml.adapters.mlflow import tracking
from ml.core.capability import Batches, Model, model_of, score_all_of, score_of
from ml.core.errors import DamagedFile, DataRefused, NightshiftError
from ml.core.spec import Capability
from ml.core.spread import Place
from ml.pipeline import arms, language
from ml.pipeline.arms import WHOLE
from ml.pipeline.batch_facts import batch_facts
from ml.pipeline.context import SUITES, LazyTables, Night, spreading
from ml.pipeline.drift import held
from ml.pipeline.features import features
from ml.pipeline.training import learn, recipe, serving
from ml.registry import capability as find
from ml.settings import Settings

log = logging.getLogger("nightshift")

UNITS_PER_SHARD = 250_000
UNITS_PER_RANGE = 50_000
"""Of a shard on an engine that scores its ranges at once."""


def prepare(settings: Settings, ref: str, name: str, *, force: bool = False) -> dict[str, Any]:
    """Make sure that there is a champion (train if not, or if ``force``) and that tonight's features are in the lake.

    Returns
    -------
    dict
        As :func:`ml.pipeline.training.train`, and ``shards``: how many pieces to score (0: the capability waits).
    """
    result = learn(settings, ref, name, force=force)
    if result["status"] == "waiting":
        return result | {"shards": 0}
    night, capability = Night.open(settings, ref), find(name)
    if result["status"] == "asked" and serving(night, capability) is None:
        return result | {"status": "waiting", "shards": 0}
    with night.step("features", name) as record:
        known = features(night, capability, "serve", night.as_of)
        units = score_of(capability).units(known)
        record["rows"] = units
        # A run before this one may have cut its customers into more shards.
        night.lake.remove(night.path("predictions", name))
    shards = 1 if settings.engine == "spark" else max(1, ceil(units / UNITS_PER_SHARD))
    return result | {"shards": shards, "units": units}


def score(settings: Settings, ref: str, name: str, shard: int, shards: int) -> dict[str, Any]:
    """Score shard ``shard`` of ``shards`` with the serving model into the lake.

    On Spark the one shard is all units: its executors score ranges of them, each with a model whose files it has checked.

    Returns
    -------
    dict
        ``version``, and ``rows`` by published table.
    """
    with spreading(settings) as spread:
        if spread is None:
            return _score(settings, ref, name, shard, shards)
        night, capability = Night.open(settings, ref), find(name)
        units = score_of(capability).units(features(night, capability, "serve", night.as_of))
        ranges = max(1, ceil(units / UNITS_PER_RANGE))
        made = spread(_score_range, [(settings, ref, name, number, ranges) for number in range(ranges)])
    rows = {table: sum(one["rows"][table] for one in made) for table in made[0]["rows"]}
    return {"shard": shard, "shards": shards, "version": made[0]["version"], "rows": rows}


def _score_range(place: Place, settings: Settings, ref: str, name: str, number: int, ranges: int) -> dict[str, Any]:
    there = replace(settings, engine="duckdb", **vars(place))
    return _score(there, ref, name, number, ranges)


def _score(settings: Settings, ref: str, name: str, shard: int, shards: int) -> dict[str, Any]:
    night, capability = Night.open(settings, ref), find(name)
    with night.step("score", name, shard) as record:
        version = _version(night, capability)
        model = _model(night, capability, version)
        known = features(night, capability, "serve", night.as_of).beside(carried(night, capability, version["version"]))
        made = score_of(capability).score(model, known, shard, shards, capability.params)
        rows = _written(night, capability, made, shard)
        record["rows"] = sum(rows.values())
        done = {"shard": shard, "shards": shards, "version": version["version"], "rows": rows}
        night.lake.write_json(night.path("predictions", name, f"{shard:05d}.json"), done)
    return done


def score_all(settings: Settings, ref: str, name: str) -> dict[str, Any]:
    """Make the tables that belong to no shard into the lake, once every shard is there.

    Returns
    -------
    dict
        ``version``, ``rows`` by published table, those of the shards among them, and ``scored``: the same before customers
        of an experiment got their arm's rows.

    Raises
    ------
    NightshiftError
        A shard is missing, or the shards are of several model versions.
    """
    night, capability = Night.open(settings, ref), find(name)
    with night.step("score_all", name) as record:
        shards = _whole(night, capability)
        version = versions.version(settings.database_url, name, shards[0]["version"])
        rows = {t.name: sum(shard["rows"][t.name] for shard in shards) for t in capability.sharded}
        if capability.for_all:
            folders = {table.name: night.path("predictions", name, table.name) for table in capability.sharded}
            known = features(night, capability, "serve", night.as_of).beside(
                carried(night, capability, version["version"])
            )
            made = score_all_of(capability).score_all(
                _model(night, capability, version), known, LazyTables(night.lake, folders), capability.params
            )
            mine = _written(night, capability, made, 0)
            record["rows"] = sum(mine.values())
            rows |= mine
        done = {"version": version["version"], "rows": rows, "scored": rows} | arms.mixed(
            night, capability, version, rows, partial(_model, night, capability)
        )
        night.lake.write_json(night.path("predictions", name, WHOLE), done)
    return done


def _model(night: Night, capability: Capability, version: Mapping[str, Any]) -> Model:
    settings = night.settings
    folder = tracking.fetch(
        settings.mlflow_uri, settings.database_url, capability.name, version["version"], settings.home / "models"
    )
    return model_of(capability).load(folder)


def _written(night: Night, capability: Capability, made: Batches, shard: int) -> dict[str, int]:
    """Write the rows of each table as its file of ``shard``; how many by table."""
    return {
        table: night.lake.write_batches(
            night.path("predictions", capability.name, table, f"{shard:05d}.parquet"), batches
        )
        for table, batches in language.said(night, capability, made).items()
    }


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
        with spreading(settings) as spread:
            made = publishing.publish(
                settings.database_url,
                night.lake,
                {table: night.path("predictions", name, table.name) for table in capability.publishes},
                publishing.Publication(night.night, ref, name, version["version"], night.as_of, digest, night.read_at),
                audits=audits,
                functions=(at_shop(capability.script(), settings.database_url, settings.shop_url), settings.timezone),
                spread=spread,
            )
        record["rows"] = sum(batch.rows for batch in made)
        erased = _erased(night, name)
        arms.show(night, capability)
    replaced = history.named(row for row in newer if row["capability"] == name)
    batches = {batch.table: asdict(batch) | {"erased": erased.get(batch.table, 0)} for batch in made}
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


def _version(night: Night, capability: Capability) -> Mapping[str, Any]:
    version = serving(night, capability)
    if version is None:
        raise NightshiftError(
            f"No version of {capability.name} may serve the night of {night.night}.",
            came="ml_ops.promotion has none for this shop that was trained on what this night knows",
            do=f"./nightshift night --date {night.night} --capability {capability.name} trains one",
        )
    return version


def carried(night: Night, capability: Capability, version: int) -> dict[str, str]:
    """Folders with the rows that the same version made in the last night before this one, by ``before_<table>``."""
    lake = night.lake
    for name in sorted(lake.names("predictions"), reverse=True) if capability.carries else ():
        for ref in reversed(lake.names("predictions", name) if name < night.night.isoformat() else []):
            folder = lake.join("predictions", name, ref, capability.name)
            if not lake.exists(folder, WHOLE):
                continue
            published = {table.name for table in capability.publishes}
            made = lake.join("features", name, ref, capability.name, "serve")
            try:
                whole = lake.read_json(folder, WHOLE)
                if (
                    whole["version"] != version or "withheld" in whole
                ):  # of an experiment's night some rows are another's
                    continue
                _shards(night, folder, [table for table in capability.carries if table in published])
                for table in capability.carries:
                    if table not in published and lake.exists(made, f"{table}.parquet"):
                        lake.files(made, f"{table}.parquet")
            except DamagedFile as error:
                log.warning("The rows of %s are not carried on, they are made anew. %s", ref, error)
                continue
            return {
                f"before_{table}": lake.join(folder, table)
                if table in published
                else lake.join(made, f"{table}.parquet")
                for table in capability.carries
                if table in published or lake.exists(made, f"{table}.parquet")
            }
    return {}


def _shards(night: Night, folder: str, tables: Iterable[str]) -> list[dict[str, Any]]:
    """What each shard in a folder of predictions says of itself, once its files of ``tables`` are as they were written."""
    lake = night.lake
    parts = [name for name in lake.names(folder) if name.endswith(".json") and name != WHOLE]
    shards = [dict(lake.read_json(folder, name)) for name in parts]
    for table in tables:
        for shard in shards:
            if shard["rows"][table]:
                lake.files(folder, table, f"{shard['shard']:05d}.parquet")
        if any(shard["rows"][table] for shard in shards):
            lake.files(folder, table)
    return shards


def _scored(night: Night, capability: Capability) -> Mapping[str, Any]:
    """The version that made the scores; an error unless all of them are there, each file as it was written."""
    folder = night.path("predictions", capability.name)
    if not night.lake.exists(folder, WHOLE):
        score_all(night.settings, night.ref, capability.name)
    done = night.lake.read_json(folder, WHOLE)
    _whole(night, capability)
    for table in capability.for_all:
        if done["rows"][table.name]:
            night.lake.files(folder, table.name)
    return versions.version(night.settings.database_url, capability.name, done["version"])


def _whole(night: Night, capability: Capability) -> list[dict[str, Any]]:
    """What each shard says of itself; an error unless every shard is there, and all are of one version."""
    folder = night.path("predictions", capability.name)
    shards = _shards(night, folder, [table.name for table in capability.sharded])
    told = [shard["shard"] for shard in shards]
    versions = {shard["version"] for shard in shards}
    if not shards or told != list(range(shards[0]["shards"])) or len(versions) != 1:
        raise NightshiftError(
            f"The scores of {capability.name} are not whole, so nothing is published.",
            came=f"shards {told} of {shards[0]['shards'] if shards else 'none'}, model versions {sorted(versions)}",
            do=f"run the night again: ./nightshift night --date {night.night} --capability {capability.name}",
        )
    return shards


def _inputs(night: Night, capability: Capability, version: Mapping[str, Any]) -> str:
    """The same inputs give the same tables: snapshot, model and parameters."""
    parts = [night.manifest["sha256"], str(version["version"]), version["run_id"], recipe(capability.params)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

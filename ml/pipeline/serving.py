"""Turn a served model into scores in the lake: the steps prepare, score and score_all."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from math import ceil
from typing import Any

from ml.adapters.books import versions
from ml.adapters.mlflow import fetching
from ml.core.capability import Batches, Model, model_of, score_all_of, score_of
from ml.core.errors import NightshiftError
from ml.core.spec import Capability
from ml.core.spread import Place
from ml.pipeline import arms, language
from ml.pipeline.arms import WHOLE
from ml.pipeline.context import LazyTables, Night, spreading
from ml.pipeline.features import features
from ml.pipeline.predictions import carried, whole_shards
from ml.pipeline.training import learn, serving
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
        reports = spread(_score_range, [(settings, ref, name, number, ranges) for number in range(ranges)])
    rows = {table: sum(one["rows"][table] for one in reports) for table in reports[0]["rows"]}
    return {"shard": shard, "shards": shards, "version": reports[0]["version"], "rows": rows}


def _score_range(place: Place, settings: Settings, ref: str, name: str, number: int, ranges: int) -> dict[str, Any]:
    placed = replace(settings, engine="duckdb", **vars(place))
    return _score(placed, ref, name, number, ranges)


def _score(settings: Settings, ref: str, name: str, shard: int, shards: int) -> dict[str, Any]:
    night, capability = Night.open(settings, ref), find(name)
    with night.step("score", name, shard) as record:
        version = _version(night, capability)
        model = _model(night, capability, version)
        known = features(night, capability, "serve", night.as_of).beside(carried(night, capability, version["version"]))
        scored = score_of(capability).score(model, known, shard, shards, capability.params)
        rows = _written(night, capability, scored, shard)
        record["rows"] = sum(rows.values())
        account = {"shard": shard, "shards": shards, "version": version["version"], "rows": rows}
        night.lake.write_json(night.path("predictions", name, f"{shard:05d}.json"), account)
    return account


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
        shards = whole_shards(night, capability)
        version = versions.version(settings.database_url, name, shards[0]["version"])
        rows = {t.name: sum(shard["rows"][t.name] for shard in shards) for t in capability.sharded}
        if capability.for_all:
            folders = {table.name: night.path("predictions", name, table.name) for table in capability.sharded}
            known = features(night, capability, "serve", night.as_of).beside(
                carried(night, capability, version["version"])
            )
            scored = score_all_of(capability).score_all(
                _model(night, capability, version), known, LazyTables(night.lake, folders), capability.params
            )
            written = _written(night, capability, scored, 0)
            record["rows"] = sum(written.values())
            rows |= written
        account = {"version": version["version"], "rows": rows, "scored": rows} | arms.mixed(
            night, capability, version, rows, partial(_model, night, capability)
        )
        night.lake.write_json(night.path("predictions", name, WHOLE), account)
    return account


def _model(night: Night, capability: Capability, version: Mapping[str, Any]) -> Model:
    settings = night.settings
    folder = fetching.fetch(
        settings.mlflow_uri, settings.database_url, capability.name, version["version"], settings.home / "models"
    )
    return model_of(capability).load(folder)


def _written(night: Night, capability: Capability, scored: Batches, shard: int) -> dict[str, int]:
    """Write the rows of each table as its file of ``shard``; how many by table."""
    return {
        table: night.lake.write_batches(
            night.path("predictions", capability.name, table, f"{shard:05d}.parquet"), batches
        )
        for table, batches in language.translated(night, capability, scored).items()
    }


def _version(night: Night, capability: Capability) -> Mapping[str, Any]:
    version = serving(night, capability)
    if version is None:
        raise NightshiftError(
            f"No version of {capability.name} may serve the night of {night.night}.",
            came="ml_ops.promotion has none for this shop that was trained on what this night knows",
            do=f"./nightshift night --date {night.night} --capability {capability.name} trains one",
        )
    return version

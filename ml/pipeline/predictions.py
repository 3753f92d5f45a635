"""What a night's scores in the lake are: whole or not, by which version, and carried on from the night before."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from ml.core.errors import DamagedFile, NightshiftError
from ml.core.spec import Capability
from ml.pipeline.arms import WHOLE
from ml.pipeline.context import Night

log = logging.getLogger("nightshift")


def carried(night: Night, capability: Capability, version: int) -> dict[str, str]:
    """Folders with the rows that the same version made in the last night before this one, by ``before_<table>``."""
    lake = night.lake
    for name in sorted(lake.names("predictions"), reverse=True) if capability.carries else ():
        for ref in reversed(lake.names("predictions", name) if name < night.night.isoformat() else []):
            folder = lake.join("predictions", name, ref, capability.name)
            if not lake.exists(folder, WHOLE):
                continue
            published = {table.name for table in capability.publishes}
            feature_folder = lake.join("features", name, ref, capability.name, "serve")
            try:
                whole = lake.read_json(folder, WHOLE)
                if (
                    whole["version"] != version or "withheld" in whole
                ):  # of an experiment's night some rows are another's
                    continue
                shards_of(night, folder, [table for table in capability.carries if table in published])
                for table in capability.carries:
                    if table not in published and lake.exists(feature_folder, f"{table}.parquet"):
                        lake.files(feature_folder, f"{table}.parquet")
            except DamagedFile as error:
                log.warning("The rows of %s are not carried on, they are made anew. %s", ref, error)
                continue
            return {
                f"before_{table}": lake.join(folder, table)
                if table in published
                else lake.join(feature_folder, f"{table}.parquet")
                for table in capability.carries
                if table in published or lake.exists(feature_folder, f"{table}.parquet")
            }
    return {}


def shards_of(night: Night, folder: str, tables: Iterable[str]) -> list[dict[str, Any]]:
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


def whole_shards(night: Night, capability: Capability) -> list[dict[str, Any]]:
    """What each shard says of itself; an error unless every shard is there, and all are of one version."""
    folder = night.path("predictions", capability.name)
    shards = shards_of(night, folder, [table.name for table in capability.sharded])
    numbers = [shard["shard"] for shard in shards]
    versions = {shard["version"] for shard in shards}
    if not shards or numbers != list(range(shards[0]["shards"])) or len(versions) != 1:
        raise NightshiftError(
            f"The scores of {capability.name} are not whole, so nothing is published.",
            came=f"shards {numbers} of {shards[0]['shards'] if shards else 'none'}, model versions {sorted(versions)}",
            do=f"run the night again: ./nightshift night --date {night.night} --capability {capability.name}",
        )
    return shards

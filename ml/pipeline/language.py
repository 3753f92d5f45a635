"""The reasons of what is published, in the language that ``ml_config.language`` names."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from ml.core.capability import Batches
from ml.core.platform import LANGUAGE
from ml.core.spec import Capability
from ml.pipeline.context import Night
from ml.text import messages


def language(night: Night) -> str:
    """The language as the night read it; English for a night from before there was a choice."""
    if LANGUAGE.name not in night.manifest.get("config", {}):
        return messages.ENGLISH
    rows = night.lake.read_parquet(night.path("snapshot", "config", LANGUAGE.name)).to_pylist()
    return next((str(row["language"]) for row in rows), messages.ENGLISH)


def translated(night: Night, capability: Capability, scored: Batches) -> Batches:
    """Batches of rows with their reasons in the night's language."""
    chosen, kept = language(night), {table.name for table in capability.publishes if table.english}
    return {
        name: batches if name in kept else messages.translated(batches, capability.package, chosen)
        for name, batches in scored.items()
    }


def tables(night: Night, capability: Capability, rows: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """As :func:`translated`, of whole tables."""
    put = translated(night, capability, {name: iter(table.to_batches()) for name, table in rows.items()})
    return {name: pa.Table.from_batches(list(batches), rows[name].schema) for name, batches in put.items()}

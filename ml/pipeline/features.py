"""A capability's features in the lake: made once a night, read by training and scoring."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from ml.adapters.books import locks
from ml.core.capability import Window, features_of
from ml.core.errors import DamagedFile
from ml.core.memory import give_back
from ml.core.spec import Capability
from ml.pipeline.context import LazyTables, Night, cluster

log = logging.getLogger("nightshift")

TRUTH = "truth"
"""The table of what happened after the time at which the others are known."""


def features(
    night: Night, capability: Capability, tag: str, as_of: datetime, since: datetime | None = None
) -> LazyTables:
    """The capability's features as known at ``as_of``, made once and then read from the lake.

    ``build`` is handed the contract's tables and those of ``capability.config``; the latter, and ``night`` (one row, the
    night's date), are among the features as they are, so that scoring obeys what the staff wrote before the night.

    With ``since``, the features are as known at ``since`` and a table ``truth`` holds what happened in ``[since, as_of)``.
    """
    folder = night.path("features", capability.name, tag)
    if not _is_complete(night, folder):
        with locks.exclusive(night.settings.database_url, f"features {night.ref} {capability.name} {tag}", wait_s=7200):
            if not _is_complete(night, folder):  # by another process, meanwhile
                with cluster(night.settings):
                    make(night, capability, folder, as_of, since)
    return LazyTables.of(night.lake, folder)


def make(night: Night, capability: Capability, folder: str, as_of: datetime, since: datetime | None = None) -> None:
    """Make the features anew, on the engine of the settings; see :func:`features`."""
    night.lake.remove(folder)
    part = features_of(capability)
    names: list[str] = []
    # A backend each: what is built of a large shop is held until its backend closes.
    for what in ("features", TRUTH) if since else ("features",):
        with night.engine() as backend:
            staff_tables = night.config(backend, capability)
            tables = night.clean(backend, capability) | staff_tables
            built: dict[str, Any]
            if since and what == TRUTH:
                built = {TRUTH: part.truth(tables, since, as_of, capability.params)}
            else:
                built = staff_tables | dict(part.build(tables, since or as_of, capability.params))
            for name, rows in built.items():
                night.lake.write_ibis(backend, rows, night.lake.join(folder, f"{name}.parquet"))
            names += built
            del built, rows
        give_back()
    record = {"as_of": (since or as_of).isoformat(), "tables": sorted(names)}
    night.lake.write_json(night.lake.join(folder, "done.json"), record)


def _is_complete(night: Night, folder: str) -> bool:
    """Whether the features in ``folder`` were made, and each of their files is as it was written."""
    if not night.lake.exists(folder, "done.json"):
        return False
    try:
        wanted = [f"{name}.parquet" for name in night.lake.read_json(folder, "done.json")["tables"]]
        return night.lake.files(folder) == [night.lake.join(folder, name) for name in wanted]
    except DamagedFile as error:
        log.warning("The features are made anew. %s", error)
        return False


def windows(night: Night, capability: Capability, at: datetime) -> list[Window]:
    """The features at each of ``capability.cutoffs`` before ``at``, with what came after, the oldest first."""
    found = []
    for cutoff in sorted(capability.cutoffs, reverse=True):
        then = at - cutoff
        tables = features(night, capability, f"at-{then:%Y%m%dT%H%M}", then + capability.gate.horizon, since=then)
        found.append(Window(then, tables, tables[TRUTH]))
    return found

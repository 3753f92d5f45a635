"""What is true of a batch as a whole, for its audit: how many rows, of how many, and how they differ from those before."""

from __future__ import annotations

import logging
from datetime import timedelta

import ibis

from ml.adapters.books import nights
from ml.core.errors import DamagedFile
from ml.core.spec import Capability, Published
from ml.pipeline.context import Night

log = logging.getLogger("nightshift")

COMPARABLE = timedelta(days=7)
"""A batch is held against the one before if that is not older: a year's difference is no fault."""
FEW_ROWS = 20
"""Two batches that are both smaller are not held against each other: 20 that come by chance are hardly ever 6 or 60."""


def batch_facts(
    night: Night, capability: Capability, table: Published, expected: int, withheld: int = 0
) -> dict[str, float]:
    """What is true of a batch as a whole; the suite of the table says what is tolerated.

    ``withheld``: customers to whom an experiment shows nothing, who need not be there.
    """
    with night.backend() as backend:
        now = night.lake.table(backend, night.path("predictions", capability.name, table.name))
        found = float(now[table.key[0]].nunique().execute())
        wanted = max(found, expected - withheld) if withheld else expected
        facts = {"rows": float(now.count().execute()), "coverage": found / wanted if wanted else 1.0}
        before = nights.visible(night.settings.database_url, table.name)
        if before and before["shop"] == night.shop and timedelta() < night.night - before["night"] <= COMPARABLE:
            folder = night.lake.join("predictions", before["ref"], capability.name, table.name)
            if not night.lake.exists(folder):
                return facts
            try:
                facts |= _change(now, night.lake.table(backend, folder), table, facts["rows"])
            except DamagedFile as error:
                log.warning("ml.%s is not held against the batch before. %s", table.name, error)
    return facts


def _change(now: ibis.Table, before: ibis.Table, table: Published, rows: float) -> dict[str, float]:
    """Share of rows that were not there in the batch before (whatever their rank), and the ratio of rows.

    Nothing where there was nothing before, or where both batches are so small that a day's business changes them as much.
    """
    was = float(before.count().execute())
    if not was or max(was, rows) < FEW_ROWS:
        return {}
    texts = [c.name for c in table.columns if c.kind == "text" and not c.nullable and c.name != "reason"]
    same = texts or list(table.key)  # a table of numbers alone: which rows there are
    old = before.select(*same).distinct()
    new = now.select(*same).distinct()
    kept = float(new.semi_join(old, same).count().execute())
    return {"change": 1 - kept / max(1.0, float(new.count().execute())), "rows_ratio": rows / was}

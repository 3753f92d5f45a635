"""What is true of a table of a snapshot as a whole: the suites' ``facts``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ml.adapters.quality.sieve import Sieve

_FEW = 20
"""Rows of a table below which a share says nothing."""

_YOUNG = 100
"""Rows added to both sides of a ratio, so that a table of ten rows may double."""


def facts_of(
    name: str, rows: int, sieve: Sieve, manifest: Mapping[str, Any], previous: Mapping[str, Any] | None
) -> dict[str, float | None]:
    """What is true of a table as a whole (the suites' ``facts``)."""
    facts: dict[str, float | None] = {"rows": rows, "quarantined_share": sieve.failed / max(1, rows)}
    if rows >= _FEW:
        facts["used_share"] = (rows - sieve.left_out) / rows
    nulls = manifest["tables"][name].get("nulls", {})
    for rule in sieve.broken:
        column = rule.column.removeprefix("_gone_")
        filled = rows - nulls.get(column, 0)
        if rule.severity == "kept" and column != rule.column and filled >= _FEW:
            facts[f"found_{column}"] = 1 - sieve.broken[rule] / filled
    if previous and name in previous["tables"]:
        before = previous["tables"][name]["rows"] + _YOUNG
        days = (datetime.fromisoformat(manifest["as_of"]) - datetime.fromisoformat(previous["as_of"])).days
        facts["kept"] = (rows + _YOUNG) / before
        facts["growth_per_day"] = 1 + (rows + _YOUNG - before) / before / max(1, days)
    return facts


def emptied(now: Mapping[str, Any], before: Mapping[str, Any] | None) -> int:
    """Count the columns that held values in the snapshot before and hold none now; one that it did not have held none.

    Examples
    --------
    After an upgrade whose contract has a column more, which the shop does not fill:

    >>> emptied({"rows": 9, "nulls": {"title": 9, "audio_uri": 9}}, {"rows": 8, "nulls": {"title": 0}})
    1
    """
    if not before or not now["rows"]:
        return 0
    nulls = before.get("nulls", {})
    return sum(
        nulls.get(column, before["rows"]) < before["rows"] and now["nulls"][column] == now["rows"]
        for column in now["nulls"]
    )

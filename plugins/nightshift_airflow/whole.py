"""Is everything there? What the tasks told is held against what was planned; a task's state alone is not trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ml.core.errors import NightshiftError


def complete(name: str, scored: Sequence[Mapping[str, Any] | None]) -> dict[str, int]:
    """The rows by table over all shards; an error unless every shard was scored, and all by one version.

    The state of a task alone is not trusted: a shard that timed out has been reported as a success.
    """
    results = [result for result in scored if result]
    numbers = sorted(result["shard"] for result in results)
    planned = max((result["shards"] for result in results), default=0)
    versions = sorted({str(result["version"]) for result in results})
    if numbers != list(range(planned)) or len(versions) != 1:
        raise NightshiftError(
            f"The scores of {name} are not whole, so nothing is published.",
            came=f"shards {numbers} of {planned}, model versions {', '.join(versions) or 'none'}",
            do=f"clear {name}.score in Airflow's grid with all its shards",
        )
    rows: dict[str, int] = {}
    for result in results:
        for table, count in result["rows"].items():
            rows[table] = rows.get(table, 0) + count
    return rows


def shortfalls(states: Mapping[str, Any], published: Mapping[str, Any]) -> list[str]:
    """What failed, and which capability neither published nor was skipped."""
    failed = [f"{task} failed" for task, state in sorted(states.items()) if str(state) == "failed"]
    silent = [
        f"{name} published nothing"
        for name, rows in published.items()
        if not rows and str(states.get(f"{name}.publish")) not in ("skipped", "failed", "upstream_failed")
    ]
    return failed + silent

"""A whole night in one process: what Airflow runs as tasks, for a REPL, tests and benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from ml.adapters.books import nights
from ml.core.memory import give_back
from ml.pipeline.collect import extract, validate
from ml.pipeline.context import Progress
from ml.pipeline.serving import prepare, publish, report, score
from ml.pipeline.setup import migrate
from ml.registry import CAPABILITIES
from ml.registry import capability as find
from ml.settings import Settings


def run_night(  # noqa: PLR0913 (the options of a night, by keyword)
    settings: Settings,
    night: date,
    *,
    capabilities: Sequence[str] | None = None,
    force_train: bool = False,
    sample: int | None = None,
    accept_growth: bool = False,
    fresh: bool = False,
    publish_past: bool = False,
    progress: Progress = lambda _: None,
) -> dict[str, Any]:
    """Run every step of ``night``; a second run at the same time is an error at once.

    A night that is older than what the shop reads publishes nothing unless ``publish_past``.

    Returns
    -------
    dict
        The night's report.
    """
    names = [find(name).name for name in (capabilities or CAPABILITIES)]
    migrate(settings.database_url)
    with nights.exclusive(settings.database_url, "night", wait_s=0):
        progress("extract")
        ref = extract(settings, night, fresh=fresh, sample=sample, progress=progress)
        progress("validate")
        validate(settings, ref, accept_growth=accept_growth)
        for name in names:
            progress(f"{name}: prepare")
            ready = prepare(settings, ref, name, force=force_train)
            for shard in range(ready["shards"]):
                progress(f"{name}: score {shard + 1} of {ready['shards']}")
                score(settings, ref, name, shard, ready["shards"])
            if ready["shards"]:
                progress(f"{name}: publish")
                done = publish(settings, ref, name, publish_past=publish_past)
                if done["status"] == "rehearsal":
                    progress(done["why"])
            give_back()
        progress("report")
        return report(settings, ref)

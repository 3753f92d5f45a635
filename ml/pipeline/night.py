"""A whole night in one process: what Airflow runs as tasks, for a REPL, tests and benchmarks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from typing import Any, TypeVar

from ml.adapters.books import locks
from ml.core.errors import Unreachable
from ml.core.memory import give_back
from ml.core.outages import as_words
from ml.pipeline.collect import extract, validate
from ml.pipeline.context import Progress, cluster
from ml.pipeline.monitoring import monitor
from ml.pipeline.publishing import publish
from ml.pipeline.serving import prepare, score, score_all
from ml.pipeline.setup import migrate
from ml.pipeline.summary import report
from ml.registry import CAPABILITIES
from ml.registry import capability as find
from ml.settings import Settings

Result = TypeVar("Result")

PAUSES = (2.0, 10.0, 30.0, 60.0, 120.0)
"""Seconds to wait for a server that is away, before each new try."""


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
    with locks.exclusive(settings.database_url, "night", wait_s=0), cluster(settings):
        again = partial(patiently, progress)
        progress("extract")
        ref = again(lambda: extract(settings, night, fresh=fresh, sample=sample, progress=progress))
        progress("validate")
        again(lambda: validate(settings, ref, accept_growth=accept_growth))
        for name in names:
            progress(f"{name}: prepare")
            ready = again(partial(prepare, settings, ref, name, force=force_train))
            for shard in range(ready["shards"]):
                progress(f"{name}: score {shard + 1} of {ready['shards']}")
                again(partial(score, settings, ref, name, shard, ready["shards"]))
            if ready["shards"]:
                again(partial(score_all, settings, ref, name))
                progress(f"{name}: publish")
                published = again(
                    partial(publish, settings, ref, name, publish_past=publish_past, accept_growth=accept_growth)
                )
                if published["status"] == "rehearsal":
                    progress(published["why"])
            give_back()
        progress("monitor")
        monitored = again(lambda: monitor(settings, ref, names))
        for words in (*monitored["alerts"], *(f"{name}: {why}" for name, why in monitored["failed"].items())):
            progress(words)
        progress("report")
        return again(lambda: report(settings, ref))


def patiently(progress: Progress, step: Callable[[], Result], pauses: Sequence[float] = PAUSES) -> Result:
    """Run a step; where a server is away, run it again some time later. Every other error is the step's own."""
    for pause in pauses:
        try:
            return step()
        except Exception as error:
            words = as_words(error)
            if words and words is not error and not isinstance(words, Unreachable):
                raise words from error
            if not isinstance(words, Unreachable):
                raise
            progress(f"{words}\n  tried again in {pause:.0f} s")
            time.sleep(pause)
    return step()

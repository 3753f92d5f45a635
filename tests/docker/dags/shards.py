"""A mapped task that says which worker ran it."""

from __future__ import annotations

import os
import time

from airflow.sdk import dag, task

SHARDS = 6


@dag(schedule=None, is_paused_upon_creation=False)
def shards():
    """As many pieces as two workers can share."""

    @task
    def score(shard: int) -> dict[str, object]:
        time.sleep(2)  # long enough that one worker cannot take all
        return {"shard": shard, "worker": os.environ["NIGHTSHIFT_WORKER"]}

    @task
    def publish(scored: list[dict[str, object]]) -> list[dict[str, object]]:
        return list(scored)

    publish(score.expand(shard=list(range(SHARDS))))


shards()

"""MLflow's web server ends when nobody asks."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from cli.mlflow_server import Attended, end_when_idle


def test_it_ends_only_when_nobody_asks() -> None:
    """A request counts from when it came; after the pause the server is asked to end."""
    asked: list[Any] = []

    async def application(*line: Any) -> None:
        asked.append(line)

    attended, server = Attended(application), SimpleNamespace(should_exit=False)
    before = attended.asked_at
    asyncio.run(attended("scope", "receive", "send"))
    assert asked == [("scope", "receive", "send")]
    assert attended.asked_at > before
    end_when_idle(server, attended, idle_s=0.01)
    assert server.should_exit

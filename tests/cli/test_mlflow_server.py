"""MLflow's web server: what it begins with, and that it ends when nobody asks."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cli.mlflow_server import CHOICES, Attended, end_when_idle, with_choices


def test_it_ends_only_when_nobody_asks() -> None:
    """A request counts from when it came; after the pause the server is asked to end."""
    requests: list[Any] = []

    async def application(*line: Any) -> None:
        requests.append(line)

    async def first(*_: Any) -> None:
        requests.append("first page")

    attended, server = Attended(application, first), SimpleNamespace(should_exit=False)
    before = attended.asked_at
    models, root = {"type": "http", "path": "/api"}, {"type": "http", "path": "/"}
    asyncio.run(attended(models, "receive", "send"))
    asyncio.run(attended(root, "receive", "send"))
    assert requests == [(models, "receive", "send"), "first page"]
    assert attended.asked_at > before
    end_when_idle(server, attended, idle_s=0.01)
    assert server.should_exit


def test_the_first_page_begins_with_models_and_without_telemetry() -> None:
    """Of the installed MLflow: its own script still knows each name, and runs after ours."""
    spec = importlib.util.find_spec("mlflow")
    assert spec is not None
    assert spec.origin is not None
    build = Path(spec.origin).parent / "server" / "js" / "build"
    page = with_choices((build / "index.html").read_text(encoding="utf-8"))
    (script,) = (build / "static" / "js").glob("main.*.js")
    known = script.read_text(encoding="utf-8")
    for name in CHOICES:
        assert f'"{name}"' in known
        assert page.index(f"localStorage.setItem('{name}_v1'") < page.index("main.")

"""Run an erasure in a process of its own that kills itself with -9 at a named point. Used by test_erasure.py."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from ml.adapters.erasure import requests
from ml.adapters.erasure.lake_rows import LakeErasure
from ml.adapters.lake import Lake
from ml.pipeline import erasure
from ml.settings import Settings


def die(*_args: Any, **_kwargs: Any) -> None:
    """End as a killed process ends."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_file(part: str) -> None:
    """Let the lake die before it writes JSON at a path that holds ``part``."""
    write = Lake.write_json

    def patched(self: Lake, path: str, value: Any) -> None:
        if part in path:
            die()
        write(self, path, value)

    Lake.write_json = patched  # type: ignore[method-assign]


POINTS = {
    "database": lambda: setattr(LakeErasure, "run", die),
    "staged": lambda: setattr(Lake, "move", die),
    "moved": lambda: die_at_file("manifest.json"),
    "predictions": lambda: setattr(LakeErasure, "_derived", die),
    "receipt": lambda: setattr(requests, "close", die),
}

if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    POINTS[given["point"]]()
    erasure.erase(Settings(**(given["settings"] | {"home": Path(given["settings"]["home"])})))

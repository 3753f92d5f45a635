"""Make the capability ``watch`` one of the registry's, with its suite; and run its lane in a process that dies."""

from __future__ import annotations

import json
import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from ml.adapters import quality
from ml.adapters.batches import lane as lane_rows
from ml.pipeline import collect, lane, lane_scores, publishing
from ml.registry import CAPABILITIES
from ml.settings import PROJECT, Settings
from tests.live.watch.spec import SPEC

MODULES = (collect, publishing, lane, lane_scores)
"""Each looks for the suites in its ``SUITES``."""


def install(folder: Path) -> None:
    """Register ``watch``; ``folder`` gets the suites: the shop's own, and that of its table."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, target in (("shop", PROJECT / "expectations" / "shop"), ("ml", Path(__file__).parent / "expectations")):
        if not (folder / name).exists():
            (folder / name).symlink_to(target)
    CAPABILITIES[SPEC.name] = SPEC
    for module in MODULES:
        module.SUITES = folder


def uninstall() -> None:
    """Take ``watch`` out again."""
    CAPABILITIES.pop(SPEC.name, None)
    for module in MODULES:
        module.SUITES = PROJECT / "expectations"


def die(*_args: Any, **_kwargs: Any) -> None:
    """End as a killed process ends."""
    os.kill(os.getpid(), signal.SIGKILL)


POINTS = {
    "read": (quality, "validate_new"),
    "table made": (lane_rows, "scored"),
    "scored": (lane_rows, "upsert"),
    "in the upsert": (lane_rows.postgres, "copy_arrow"),
    "published": (lane_rows, "forget"),
}

if __name__ == "__main__":
    job = json.loads(sys.argv[1])
    install(Path(job["suites"]))
    setattr(*POINTS[job["point"]], die)
    given = Settings(**(job["settings"] | {"home": Path(job["settings"]["home"])}))
    lane.score_new(given, SPEC.name, as_of=datetime.fromisoformat(job["as_of"]))

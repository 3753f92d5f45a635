"""Lines of Python per room and capability, beside what they should have at most."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

from bench import Options, Row
from ml.registry import CAPABILITIES
from ml.settings import PROJECT

LIMITS = {
    "ml/core": 1_200,
    "ml/contract": 700,
    "ml/kernels": 1_600,
    "ml/learn": 2_400,
    "ml/text": 2_000,
    "ml/capabilities/recommender": 6_000,
    "ml/capabilities/risk": 1_900,
    "ml/capabilities/sentiment": 1_600,
}
"""What the plan of the house gives each room; a capability that is not named has :data:`SMALL`."""
SMALL = 1_200


def run(options: Options) -> Iterator[Row]:  # noqa: ARG001
    """Lines in what git tracks, tests left out."""
    rooms = [
        *(room for room in LIMITS if "capabilities" not in room),
        "ml/adapters",
        "ml/pipeline",
        "ml/shop",
        "cli",
        "plugins",
    ]
    for room in [*rooms, *(f"ml/capabilities/{name}" for name in CAPABILITIES)]:
        limit = LIMITS.get(room, SMALL if room.startswith("ml/capabilities/") else 0)
        count = lines(room)
        ratio = limit / max(1, count) if limit else 1.0
        yield Row(
            room, "lines", count, "its limit" if limit else "no limit", limit or count, ratio, 1.0 if limit else None
        )


def lines(room: str) -> int:
    """Lines of the Python files in ``room``."""
    named = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", f"{room}/*.py"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return sum((PROJECT / name).read_text(encoding="utf-8").count("\n") for name in named)

"""What this process may use of the machine: cores and memory, as its affinity and its control group allow."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_GIB = 2**30
_ROOT = Path("/")


def cores(root: Path = _ROOT) -> int:
    """Cores to compute with: of the affinity, and no more than the control group's share of time comes to (at least 1).

    Examples
    --------
    With ``docker run --cpus 1.5`` on a machine of 16: 2.
    """
    present = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    allowed = [math.ceil(quota / period) for quota, period in _shares(root)]
    return max(1, min([present, *allowed]))


def memory_gib(root: Path = _ROOT) -> float:
    """Memory in GiB: the machine's, or what the control group allows if that is less."""
    limits = [int(text) for text in _read(root, "memory", "memory.max", "memory.limit_in_bytes") if text.isdigit()]
    return min([os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *limits]) / _GIB


def _shares(root: Path) -> Iterator[tuple[int, int]]:
    """Quota and period of each group that has one: version 2 writes both into a file, version 1 each into its own."""
    for text in _read(root, "cpu", "cpu.max", ""):
        quota, _, period = text.partition(" ")
        if quota.isdigit():
            yield int(quota), int(period)
    for quota, period in zip(
        _read(root, "cpu", "", "cpu.cfs_quota_us"), _read(root, "cpu", "", "cpu.cfs_period_us"), strict=False
    ):
        if quota.isdigit():  # -1: no limit
            yield int(quota), int(period)


def _read(root: Path, controller: str, second: str, first: str) -> Iterator[str]:
    """What a file of the process' group says, and that of each group around it: the least of them holds.

    ``second`` and ``first``: its name in version 2 and in version 1 of control groups.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, group = line.split(":", 2)
        place, name = ("", second) if not controllers else (controller, first)
        if not name or (controllers and controller not in controllers.split(",")):
            continue
        for around in (PurePosixPath(group), *PurePosixPath(group).parents):
            file = root / "sys/fs/cgroup" / place / str(around).lstrip("/") / name
            if file.is_file():
                yield file.read_text(encoding="utf-8").strip()

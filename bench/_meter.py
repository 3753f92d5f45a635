"""What a process and all that it started use of the machine."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Usage:
    """Share of a core over a while, memory at its end (each shared page once), and how many processes there were."""

    cores: float
    mib: float
    processes: int


def measure(roots: Iterable[int], seconds: float) -> Usage:
    """Watch the processes ``roots`` and their children for so long."""
    pids = list(roots)
    before, start = _cpu(pids), time.monotonic()
    time.sleep(seconds)
    after, took = _cpu(pids), time.monotonic() - start
    used = sum(value - before.get(pid, 0.0) for pid, value in after.items())
    memory = [_memory(process) for process in _family(pids)]
    return Usage(used / took, sum(memory) / 2**20, len(memory))


def _family(pids: Iterable[int]) -> list[psutil.Process]:
    roots = [psutil.Process(pid) for pid in pids]
    return [member for root in roots for member in (root, *root.children(recursive=True))]


def _cpu(pids: Iterable[int]) -> dict[int, float]:
    """Seconds by process, with those of its children that have ended."""
    found = {}
    for process in _family(pids):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        found[process.pid] = times.user + times.system + times.children_user + times.children_system
    return found


def _memory(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
    except psutil.NoSuchProcess:
        return 0
    return int(getattr(full, "pss", full.uss))

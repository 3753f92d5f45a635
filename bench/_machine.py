"""The processor that a figure was measured on: vector units change some of them by a factor of three."""

from __future__ import annotations

import os
import platform
from pathlib import Path

UNITS = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_vnni": "VNNI", "avx_vnni": "VNNI", "asimd": "NEON", "sve": "SVE"}


def machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Name the processor, its cores that we may use and its vector units."""
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    lines = (line.partition(":") for line in text.splitlines())
    facts: dict[str, str] = {}
    for name, _, value in lines:
        facts.setdefault(name.strip(), value.strip())
    flags = set((facts.get("flags") or facts.get("Features") or "").split())
    units = list(dict.fromkeys(words for flag, words in UNITS.items() if flag in flags))
    name = facts.get("model name") or platform.processor() or platform.machine()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores, {', '.join(units) or 'vector units not known'}"

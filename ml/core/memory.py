"""Memory of this process: the most it took for something, and what is free in it and still counts as its own."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress
from pathlib import Path

import pyarrow as pa


def give_back() -> None:
    """Give what nothing holds any more back to the system: allocators keep it, and the next large step comes on top."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    with suppress(AttributeError, OSError):  # glibc alone has it
        ctypes.CDLL(None).malloc_trim(0)


def forget_peak() -> None:
    """Let :func:`peak_mib` begin anew (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_mib() -> float | None:
    """The most memory that this process had since :func:`forget_peak`; None where the system does not tell."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    kib = next((line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")), None)
    return int(kib) / 1024 if kib else None

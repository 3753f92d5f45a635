"""Memory that is free in this process and still counts as its own."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

import pyarrow as pa


def give_back() -> None:
    """Give what nothing holds any more back to the system: allocators keep it, and the next large step comes on top."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    with suppress(AttributeError, OSError):  # glibc alone has it
        ctypes.CDLL(None).malloc_trim(0)

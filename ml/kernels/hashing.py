"""FNV-1a (Fowler, Noll & Vo): a number for a text, the same in every process."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ml.kernels.compiled import compiled

OFFSET_32, PRIME_32 = 0x811C9DC5, 0x01000193
OFFSET_64, PRIME_64 = 0xCBF29CE484222325, 0x100000001B3


@compiled
def text_hashes(data: npt.NDArray[np.uint8], ends: Any) -> npt.NDArray[np.int64]:
    """FNV-1a of 64 bits of each text's bytes ``data[ends[i]:ends[i + 1]]``, without its sign."""
    out = np.empty(len(ends) - 1, np.int64)
    for r in range(len(ends) - 1):
        h = np.uint64(OFFSET_64)
        for i in range(ends[r], ends[r + 1]):
            h = (h ^ np.uint64(data[i])) * np.uint64(PRIME_64)
        h ^= h >> np.uint64(29)
        out[r] = np.int64(h >> np.uint64(1))
    return out

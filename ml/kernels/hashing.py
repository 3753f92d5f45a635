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


def lots(texts: list[str]) -> npt.NDArray[np.float64]:
    """A number in [0, 1) for each text, as if drawn: that of a text is always the same, and tells nothing of another's.

    FNV alone hardly moves the first bits where only the last letters differ; splitmix64 (Steele et al. 2014) mixes them.
    """
    encoded = [text.encode() for text in texts]
    ends = np.concatenate([[0], np.cumsum([len(text) for text in encoded])]).astype(np.int64)
    z = text_hashes(np.frombuffer(b"".join(encoded), np.uint8), ends).astype(np.uint64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((z ^ (z >> np.uint64(31))) >> np.uint64(11), np.float64) / 2.0**53

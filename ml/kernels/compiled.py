"""What compiled kernels share: how they are compiled, spread over threads, and keep a sorted list."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from ml.kernels.cache import LOCATORS
from ml.kernels.threads import side_by_side, threads

Ids = npt.NDArray[np.int32]
Scores = npt.NDArray[np.float32]
Csr = Any  # scipy.sparse.csr_array or csr_matrix, which have no types


def compiled(kernel: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Compile ``kernel`` on its first call; it runs without the GIL, so plain threads share the cores.

    ``options`` are Numba's.

    Numba's own thread pool is not used: it does not survive a fork, and Airflow forks. The machine code is kept beside
    the source or in the user's cache folder (:mod:`kernel_cache`); where neither can be written, it is compiled again in
    every process.
    """
    theirs, numba.config.CACHE_LOCATOR_CLASSES = numba.config.CACHE_LOCATOR_CLASSES, LOCATORS
    try:
        return numba.njit(nogil=True, cache=True, **options)(kernel)  # type: ignore[no-any-return]
    except RuntimeError:  # Numba: "no locator available", nothing is writable
        return numba.njit(nogil=True, **options)(kernel)  # type: ignore[no-any-return]
    finally:
        numba.config.CACHE_LOCATOR_CLASSES = theirs


@compiled
def insert(ids: Ids, scores: Scores, name: int, score: float) -> float:
    """Insert into a list sorted by (-score, id); the last falls out. Returns the new last score, θ."""
    last = len(ids) - 1
    if score == -np.inf or (score == scores[last] and ids[last] >= 0 and name > ids[last]):
        return scores[last]  # type: ignore[no-any-return]
    r = last
    while r > 0 and (ids[r - 1] < 0 or scores[r - 1] < score or (scores[r - 1] == score and ids[r - 1] > name)):
        scores[r], ids[r] = scores[r - 1], ids[r - 1]
        r -= 1
    scores[r], ids[r] = score, name
    return scores[last]  # type: ignore[no-any-return]


def share(work: Callable[[int, int], None], n: int, step: int) -> None:
    """Run ``work(start, end)`` over ``range(n)`` in pieces of at most ``step``, on plain threads."""
    step = max(1, min(step, -(-n // threads())))
    side_by_side([partial(work, start, min(start + step, n)) for start in range(0, n, step)])

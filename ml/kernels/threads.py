"""How many threads a step computes with: set once where the step begins, and asked by every kernel and library."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

_chosen: int | None = None


def threads() -> int:
    """The number of threads to compute with: what :func:`limited` chose, else one per core that this process may use."""
    return _chosen or _cores()


@contextmanager
def limited(n: int) -> Iterator[None]:
    """Compute with ``n`` threads inside: our kernels, LightGBM and TensorFlow by asking, BLAS and OpenMP by their limits.

    It holds for the whole process, as the limits of BLAS do: one step at a time in a process.
    """
    global _chosen  # noqa: PLW0603 (a process has one set of cores)
    before, _chosen = _chosen, max(1, n)
    try:
        with threadpool_limits(_chosen):
            yield
    finally:
        _chosen = before


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

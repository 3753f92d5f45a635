"""How many threads a step computes with: set once where the step begins, and asked by every kernel and library."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

from threadpoolctl import threadpool_limits

from ml.core.machine import cores

T = TypeVar("T")

_chosen: int | None = None
_inside = threading.local()


def threads() -> int:
    """The number of threads to compute with: what :func:`limited` chose, else one per core that this process may use.

    Inside :func:`side_by_side` it is 1: the cores are shared out already.
    """
    if getattr(_inside, "working", False):
        return 1
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


def side_by_side(jobs: Iterable[Callable[[], T]]) -> list[T]:
    """Run ``jobs`` on plain threads, which must leave the GIL to gain; their results in the order of the jobs."""
    if threads() == 1:
        return [job() for job in jobs]
    with ThreadPoolExecutor(threads(), initializer=_begin) as pool:
        return [future.result() for future in [pool.submit(job) for job in jobs]]


def _begin() -> None:
    _inside.working = True


@cache
def _cores() -> int:
    return cores()

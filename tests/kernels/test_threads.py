"""How many threads a step computes with is said once, and reaches every kernel and library."""

from __future__ import annotations

import threading

import lightgbm
import numpy as np
from threadpoolctl import threadpool_info

from ml.kernels.compiled import share
from ml.kernels.threads import limited, side_by_side, threads
from ml.learn import boosting
from ml.pipeline.context import Night
from tests.small_shop import fill, shop


def test_a_limit_holds_inside_and_ends_with_it() -> None:
    """Kernels spread over as many threads as were chosen, and BLAS gets as many; afterwards all is as before."""
    before = threads()
    with limited(3):
        names: set[str] = set()
        meet = threading.Barrier(3, timeout=30)

        def work(start: int, end: int) -> None:
            meet.wait()
            names.add(threading.current_thread().name)

        share(work, 3, 1)
        assert threads() == 3
        assert len(names) == 3
        assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} <= {1, 3}
    assert threads() == before


def test_jobs_side_by_side_do_not_multiply() -> None:
    """What runs side by side computes with one thread each, and the results come in the order of the jobs."""
    with limited(4):
        assert side_by_side([threads] * 3) == [1, 1, 1]
        assert side_by_side([lambda i=i: i for i in range(20)]) == list(range(20))


def test_the_setting_reaches_lightgbm(monkeypatch) -> None:
    """A model that is boosted inside a limit is boosted with that many threads."""
    seen = []
    real = lightgbm.train
    monkeypatch.setattr(
        lightgbm,
        "train",
        lambda params, *rest, **more: (seen.append(params["num_threads"]), real(params, *rest, **more))[1],
    )
    rng = np.random.default_rng(0)
    x = rng.random((300, 3)).astype(np.float32)
    monkeypatch.setattr(boosting, "FEW_ROWS", 0)
    for n in (1, 3):
        with limited(n):
            boosting.grow(x, x[:, 0] > 0.5, boosting.Growth(2, 4, 0.1), 0)
    assert set(seen) == {1, 3}


def test_a_step_computes_with_the_settings_threads(settings) -> None:
    """NIGHTSHIFT_THREADS, as Settings.threads, holds inside a step of a night."""
    from datetime import date

    from ml import pipeline

    fill(settings.shop_url, shop())
    ref = pipeline.extract(settings, date(2025, 3, 5))
    night = Night.open(settings, ref)
    with night.step("validate"):
        assert threads() == settings.threads

"""How often the scheduler looks for work."""

from __future__ import annotations

import gc
from types import SimpleNamespace

from nightshift_airflow import pace, warm


def test_the_installed_scheduler_has_what_the_pace_needs():
    """Airflow's own names, which another version may change."""
    import inspect

    from airflow.executors.base_executor import BaseExecutor
    from airflow.jobs.scheduler_job_runner import SchedulerJobRunner

    assert list(inspect.signature(SchedulerJobRunner._do_scheduling).parameters) == ["self", "session"]
    assert "_scheduler_idle_sleep_time" in inspect.getsource(SchedulerJobRunner._run_scheduler_loop)
    assert isinstance(BaseExecutor.slots_occupied, property)


def test_it_looks_often_while_there_is_work_and_seldom_while_there_is_none():
    """Work that is queued or runs keeps the short pause, and so do the seconds after it."""

    class Runner:
        def __init__(self, executor):
            self._scheduler_idle_sleep_time, self.executors = 0.25, [executor]

        def _do_scheduling(self, session):
            return session

    pace.install(Runner)
    executor = SimpleNamespace(slots_occupied=0)
    runner = Runner(executor)
    assert (runner._do_scheduling(0), runner._scheduler_idle_sleep_time) == (0, pace.RESTING_S)
    assert (runner._do_scheduling(2), runner._scheduler_idle_sleep_time) == (2, 0.25)
    assert (runner._do_scheduling(0), runner._scheduler_idle_sleep_time) == (0, 0.25)
    executor.slots_occupied = 1
    other = Runner(executor)
    other._do_scheduling(0)
    assert other._scheduler_idle_sleep_time == 0.25


def test_the_pause_grows_again_when_the_night_is_over():
    """Ten seconds after the last work the long pause is back; a shop that set a longer one keeps it."""
    paced = pace.Pace(0.25)
    assert [paced.pause(busy=busy, now=now) for busy, now in ((True, 0), (False, 10), (False, 10.1))] == [
        0.25,
        0.25,
        1.0,
    ]
    assert pace.Pace(5.0).pause(busy=False, now=0) == 5.0


def test_what_forks_share_is_left_out_of_the_next_full_collection_once():
    """Asked for after each fork, done at one full collection only."""
    frozen = gc.get_freeze_count()
    try:
        warm.keep_shared()
        warm.keep_shared()
        gc.collect(1)
        assert gc.get_freeze_count() == frozen
        gc.collect()
        assert gc.get_freeze_count() > frozen + 1000
        assert warm._freeze not in gc.callbacks
    finally:
        gc.unfreeze()

"""How often the scheduler looks for work: four times a second while there is some, once a second while there is none.

Airflow knows one pause for both. A night hands over from task to task, so a long pause makes it slower by half of it a
task; a short one costs the day: at a quarter of a second an idle scheduler and its database took .073 of a core.
"""

from __future__ import annotations

import time
from typing import Any

RESTING_S = 1.0
"""The pause while nothing runs or waits: a run that is triggered begins so much later at most."""
AWAKE_S = 10.0
"""So long after the last work the scheduler still looks often: the next task is about to come."""


class Pace:
    """The pause after a look, from what the executors hold."""

    def __init__(self, working_s: float) -> None:
        self.working_s, self._worked_at = working_s, float("-inf")

    def pause(self, *, busy: bool, now: float) -> float:
        """Seconds until the next look.

        Examples
        --------
        >>> pace = Pace(0.25)
        >>> [pace.pause(busy=busy, now=now) for busy, now in ((False, 0), (True, 1), (False, 9), (False, 12))]
        [1.0, 0.25, 0.25, 1.0]
        """
        if busy:
            self._worked_at = now
        resting = now - self._worked_at > AWAKE_S
        return max(self.working_s, RESTING_S) if resting else self.working_s


def install(runner: type[Any]) -> None:
    """Let a ``SchedulerJobRunner`` choose its pause after each look; ``[scheduler] scheduler_idle_sleep_time`` is the short one."""
    look = runner._do_scheduling  # noqa: SLF001 - Airflow offers no other way; a test says when it has changed

    def paced(self: Any, session: Any) -> int:
        queued: int = look(self, session)
        pace: Pace = self.__dict__.setdefault("_nightshift_pace", Pace(self._scheduler_idle_sleep_time))
        busy = bool(queued) or any(executor.slots_occupied for executor in self.executors)
        self._scheduler_idle_sleep_time = pace.pause(busy=busy, now=time.monotonic())
        return queued

    runner._do_scheduling = paced  # noqa: SLF001

"""What each step of a night needs of a machine, as it was measured: for limits of pods, and for sizing."""

from __future__ import annotations

from typing import Any

from ml.adapters import postgres
from ml.core import sizes

NIGHTS = 14
_SQL = """
SELECT step, capability, count(*) AS runs, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS seconds,
       sum(cpu_seconds) / nullif(sum(seconds), 0) AS cores, max(peak_mib) AS peak_mib
FROM ml_ops.step
WHERE status = 'done' AND peak_mib IS NOT NULL AND ref IN (SELECT ref FROM ml_ops.night ORDER BY started_at DESC LIMIT %s)
GROUP BY step, capability ORDER BY max(peak_mib) DESC
"""


def needs(url: str, nights: int = NIGHTS) -> list[dict[str, Any]]:
    """By step and capability over the last ``nights``: ``runs``, median ``seconds``, mean ``cores``, largest ``peak_mib``.

    ``pod`` is the size that the step has on Kubernetes, ``fits`` whether its limit leaves a quarter above the peak, and
    ``wanted_gib`` the limit that does.

    A night in one process (``./nightshift night --local``) keeps its libraries in memory from step to step: a task of
    Airflow needs no more than that.
    """
    return [row | _limit(row) for row in postgres.query(url, _SQL, [nights])]


def _limit(row: dict[str, Any]) -> dict[str, Any]:
    # A night trains and makes features in the task ``prepare``.
    pod = sizes.pod("prepare" if row["step"] == "features" else row["step"])
    wanted = sizes.wanted_gib(row["peak_mib"])
    return {"pod": pod, "fits": wanted <= sizes.MEMORY_GIB[pod], "wanted_gib": wanted}

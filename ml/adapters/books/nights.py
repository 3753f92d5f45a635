"""Nightshift's books in ``ml_ops``: nights and their steps, and which batch is visible."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from typing import Any

import psycopg2
from psycopg2.extras import Json

from ml.adapters import postgres
from ml.adapters.books.locks import exclusive
from ml.adapters.books.progress import Progress
from ml.adapters.postgres.acting import publishing
from ml.core.errors import NightshiftError
from ml.core.memory import forget_peak, peak_mib

_MESSAGE = 4000
"""Characters of an error that are kept."""

LAKE = "lake"
"""The lock that every step shares, and that an erasure holds alone."""


@contextmanager
def step(
    url: str, ref: str, name: str, capability: str = "", shard: int = 0, *, alone: bool = False
) -> Iterator[dict[str, Any]]:
    """Record a run of a step in ``ml_ops.step``: its seconds of work, rows, outcome.

    ``alone``: it belongs to no night. It is recorded as ``<name> alone``, and what the books say of the night stays.

    Yields
    ------
    dict
        Put ``rows`` and ``message`` into it.
    """
    with at_work(url):
        number = _begin(url, ref, f"{name} alone" if alone else name, capability, shard)
        record: dict[str, Any] = {}
        start = time.perf_counter()
        need = Need()
        try:
            with Progress(f"{capability}.{name}" if capability else name):
                yield record
        except BaseException as error:
            with suppress(NightshiftError, psycopg2.Error):  # the first error is the one to tell
                message = f"{type(error).__name__}: {error}"[:_MESSAGE]
                _end(
                    url, number, "failed", time.perf_counter() - start, record | {"message": message} | need.measured()
                )
            raise
        _end(url, number, "done", time.perf_counter() - start, record | need.measured())


class Need:
    """What this process takes of the machine from now on."""

    def __init__(self) -> None:
        forget_peak()
        self._before = sum(os.times()[:4])

    def measured(self) -> dict[str, float | None]:
        """Processor time, of programs that were run too, and the most memory."""
        return {"cpu_seconds": sum(os.times()[:4]) - self._before, "peak_mib": peak_mib()}


@contextmanager
def at_work(url: str, wait_s: float = 7200) -> Iterator[None]:
    """Work on the lake beside others, but not while a customer is erased from it."""
    with exclusive(url, LAKE, wait_s, shared=True):
        yield


def _begin(url: str, ref: str, name: str, capability: str, shard: int) -> int:
    with publishing(url) as cursor:
        cursor.execute(
            """
            INSERT INTO ml_ops.night AS n (ref, night) VALUES (%(ref)s, %(night)s)
            ON CONFLICT (ref) DO UPDATE SET status = 'running', ended_at = NULL,
                -- a step after the report begins a second run of the night, with its own wall time
                started_at = CASE WHEN n.ended_at IS NOT NULL THEN clock_timestamp() ELSE n.started_at END
            WHERE NOT %(alone)s
            """,
            {"ref": ref, "night": night_of(ref), "alone": name.endswith(" alone")},
        )
        cursor.execute(
            "INSERT INTO ml_ops.step (ref, step, capability, shard) VALUES (%s, %s, %s, %s) RETURNING id",
            (ref, name, capability, shard),
        )
        row = cursor.fetchone()
        assert row is not None
        return int(row["id"])


def night_of(ref: str) -> date:
    """The night that ``ref`` belongs to: what stands before its first stroke."""
    return date.fromisoformat(ref.partition("/")[0])


def _end(url: str, number: int, status: str, seconds: float, record: dict[str, Any]) -> None:
    with publishing(url) as cursor:
        cursor.execute(
            """
            UPDATE ml_ops.step SET status = %s, seconds = %s, rows = %s, message = %s, cpu_seconds = %s, peak_mib = %s
            WHERE id = %s RETURNING ref, step
            """,
            (
                status,
                seconds,
                record.get("rows"),
                record.get("message"),
                record.get("cpu_seconds"),
                record.get("peak_mib"),
                number,
            ),
        )
        row = cursor.fetchone()
        if status == "failed" and row and not row["step"].endswith(" alone"):
            cursor.execute("UPDATE ml_ops.night SET status = 'failed' WHERE ref = %s", (row["ref"],))


def night_summary(url: str, ref: str) -> dict[str, Any]:
    """What a night did since its first step (of its latest run), for people and for ``ml_ops.night``.

    Returns
    -------
    dict
        ``wall_seconds`` (first step's start to now), ``work_seconds`` (some step was at work), ``orchestration_seconds``
        (the rest), and ``steps``, ``rehearsals`` (why a capability published nothing), ``batches``, ``quarantine``,
        ``decisions``. Plain JSON values.
    """
    night = postgres.query(url, "SELECT night, started_at FROM ml_ops.night WHERE ref = %s", (ref,))
    if not night:
        raise NightshiftError("There is no such night.", came=ref, do="SELECT ref FROM ml_ops.night lists them")
    started = night[0]["started_at"]
    runs = postgres.query(
        url,
        """
        SELECT step, capability, started_at, seconds, rows, message FROM ml_ops.step
        WHERE ref = %s AND status = 'done' AND started_at >= %s ORDER BY id
        """,
        (ref, started),
    )
    wall = (datetime.now(UTC) - started).total_seconds()
    work = _covered([(run["started_at"].timestamp(), run["seconds"]) for run in runs])
    return {
        "ref": ref,
        "night": night[0]["night"].isoformat(),
        "started_at": started.isoformat(),
        "wall_seconds": round(wall, 3),
        "work_seconds": round(work, 3),
        "orchestration_seconds": round(max(0.0, wall - work), 3),
        "steps": _by_step(runs),
        "rehearsals": {
            run["capability"]: run["message"] for run in runs if run["step"] == "publish" and run["message"]
        },
    } | _outcome(url, ref)


def _covered(intervals: list[tuple[float, float]]) -> float:
    """Seconds in which at least one of ``(start, seconds)`` runs."""
    total, end = 0.0, float("-inf")
    for start, seconds in sorted(intervals):
        total += max(0.0, start + seconds - max(start, end))
        end = max(end, start + seconds)
    return total


def _by_step(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    for run in runs:
        key = (run["step"], run["capability"])
        empty = {"step": key[0], "capability": key[1], "runs": 0, "seconds": 0.0, "rows": 0}
        group = groups.setdefault(key, empty)
        group["runs"] += 1
        group["seconds"] = round(group["seconds"] + run["seconds"], 3)
        group["rows"] += run["rows"] or 0
    return list(groups.values())


def _outcome(url: str, ref: str) -> dict[str, Any]:
    batches = postgres.query(
        url,
        """
        SELECT table_name, batch_id, capability, model_version, rows, bytes, status FROM ml_ops.batch
        WHERE ref = %s ORDER BY batch_id
        """,
        (ref,),
    )
    broken = postgres.query(
        url,
        """
        SELECT table_name, rule, count(*) AS n FROM ml_ops.quarantine WHERE ref = %s AND severity = 'fault'
        GROUP BY 1, 2 ORDER BY 1, 3 DESC
        """,
        (ref,),
    )
    decisions = postgres.query(
        url,
        """
        SELECT p.capability, p.version, p.decision, p.why FROM ml_ops.promotion AS p
        JOIN ml_ops.night AS n ON n.ref = %s AND p.at >= n.started_at ORDER BY p.id
        """,
        (ref,),
    )
    quarantine: dict[str, dict[str, int]] = {}
    for row in broken:
        quarantine.setdefault(row["table_name"], {})[row["rule"]] = row["n"]
    return {"batches": batches, "quarantine": quarantine, "decisions": decisions}


def close_night(url: str, ref: str, summary: dict[str, Any]) -> str:
    """Write the night's report; the night is ``done``, or ``failed`` if a step's last run was not done.

    Returns
    -------
    str
        The night's status.
    """
    with publishing(url) as cursor:
        cursor.execute(
            """
            UPDATE ml_ops.night SET ended_at = clock_timestamp(), summary = %(summary)s, status = CASE WHEN EXISTS (
                SELECT FROM (
                    SELECT DISTINCT ON (step, capability, shard) status FROM ml_ops.step
                    WHERE ref = %(ref)s AND step NOT LIKE '%% alone' ORDER BY step, capability, shard, id DESC) AS last
                WHERE last.status <> 'done') THEN 'failed' ELSE 'done' END
            WHERE ref = %(ref)s RETURNING status
            """,
            {"ref": ref, "summary": Json(summary)},
        )
        row = cursor.fetchone()
        return str(row["status"]) if row else ""


def settle(url: str, ref: str) -> None:
    """End a row of ``ml_ops.night`` that only a training opened: no night ran on the snapshot that it read."""
    with publishing(url) as cursor:
        cursor.execute(
            """
            UPDATE ml_ops.night SET status = 'done', ended_at = clock_timestamp() WHERE ref = %(ref)s
            AND status = 'running' AND NOT EXISTS (SELECT FROM ml_ops.step WHERE ref = %(ref)s
                AND (status = 'running' OR step NOT IN ('extract', 'validate', 'train alone')))
            """,
            {"ref": ref},
        )


def visible(url: str, table: str) -> dict[str, Any] | None:
    """The batch of ``ml.<table>`` that the shop sees now (its row of ``ml_ops.batch``, and ``shop``), if there is one."""
    rows = postgres.query(
        url,
        """
        SELECT b.batch_id, b.table_name, b.capability, b.night, b.ref, b.model_version, b.as_of, b.inputs_sha256,
               b.rows, b.bytes, b.published_at, v.shop
        FROM ml_ops.batch AS b LEFT JOIN ml_ops.version AS v ON (v.capability, v.version) = (b.capability, b.model_version)
        WHERE b.table_name = %s AND b.status = 'published'
        """,
        (table,),
    )
    return rows[0] if rows else None


REFS_IN_USE = """
SELECT ref FROM ml_ops.batch WHERE status = 'published'
UNION
SELECT ref FROM (
    SELECT DISTINCT ON (table_name) ref FROM ml_ops.batch WHERE status = 'superseded'
    ORDER BY table_name, published_at DESC) AS before
ORDER BY ref
"""


def refs_in_use(url: str) -> list[str]:
    """Refs of the batches that the shop sees and of those that a rollback would show."""
    return [row["ref"] for row in postgres.query(url, REFS_IN_USE)]

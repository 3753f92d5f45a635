"""Is all well? The last night as a time line, what it published beside last week, what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse

from ml.registry import CAPABILITIES
from nightshift_airflow.console import charts, edits, look, runs
from nightshift_airflow.console.access import DAG, Form
from nightshift_airflow.console.database import Reader, Row
from nightshift_airflow.console.page import Here

router = APIRouter()
WEEK = timedelta(days=7)

_NIGHTS = """
SELECT ref, night, status, started_at, ended_at, coalesce(summary, '{}') AS summary
FROM ml_ops.night ORDER BY started_at DESC LIMIT 20
"""
_STEPS = """
SELECT step, capability, min(started_at) AS began, max(started_at + coalesce(seconds, 0) * interval '1 s') AS ended,
       (array_agg(status ORDER BY id DESC))[1] AS status, sum(rows) AS rows,
       (array_agg(message ORDER BY id DESC) FILTER (WHERE status = 'failed'))[1] AS message
FROM ml_ops.step WHERE ref = %s AND started_at >= %s GROUP BY step, capability ORDER BY began
"""


@router.get("/")
def tonight(here: Here) -> HTMLResponse:
    """The first page."""
    nights = here.reader.rows(_NIGHTS)
    asked = here.asked("ref")
    now = next((night for night in nights if not asked or night["ref"] == asked), None)
    steps = here.reader.rows(_STEPS, (now["ref"], now["started_at"])) if now else []
    return here.show(
        "tonight.html",
        nights=nights,
        now=now,
        chart=_chart(now, steps) if now else "",
        capabilities=CAPABILITIES,
        failed=[step for step in steps if step["status"] == "failed"] if now and now["status"] == "failed" else [],
        headlines=headlines(now, nights) if now else [],
        alerts=alerts(here.reader),
        waiting=_waiting(now),
        blocks=look.panels(here.reader, "tonight"),
    )


def _chart(night: Row, steps: Sequence[Row]) -> Any:
    begin = night["started_at"]
    bars = [
        (
            " ".join(filter(None, (s["capability"], s["step"]))),
            (s["began"] - begin).total_seconds(),
            (s["ended"] - s["began"]).total_seconds(),
            s["status"],
        )
        for s in steps
    ]
    total = max((start + seconds for _, start, seconds, _ in bars), default=0)
    return charts.timeline(bars, total, f"{len(bars)} steps in {total:.0f} s")


def headlines(now: Row, nights: Iterable[Row]) -> list[Row]:
    """What the night tells of each capability, beside the night a week before it (or the last one before that)."""
    old = [n for n in nights if n["night"] <= now["night"] - WEEK and n["summary"].get("headlines")]
    before: Mapping[str, Any] = old[0]["summary"]["headlines"] if old else {}
    return [
        {"capability": name, "words": words, "value": value, "before": before.get(name, {}).get(words)}
        for name, told in now["summary"].get("headlines", {}).items()
        for words, value in told.items()
    ]


def alerts(reader: Reader) -> list[Row]:
    """What is wrong since when, and what to do; nothing where nothing watches."""
    if not reader.has("ml_ops.alert"):
        return []
    return reader.rows("SELECT * FROM ml_ops.alert WHERE closed_at IS NULL ORDER BY id DESC LIMIT 30")


def _waiting(now: Row | None) -> dict[str, list[str]]:
    """What waits for which table: by the night's report."""
    return dict(now["summary"].get("waiting", {})) if now else {}


@router.post("/night/{what}")
def run(here: Here, form: Form, what: str) -> RedirectResponse:
    """Run tonight's night, rehearse it on some customers, or let what failed run again."""
    if what == "clear":
        count = runs.clear_failed(here.request, DAG)
        after: dict[str, Any] = {"tasks": count}
        said = here.words("{n} tasks run again.", n=count)
    else:
        conf = {"sample": 1000, "fresh": form.get("fresh") == "yes"} if what == "rehearse" else {}
        after = {"run": runs.start(here.request, DAG, conf), **conf}
        said = here.words("Started: {run}.", run=after["run"])
    with here.database.transaction(readonly=False) as cursor:
        edits.record(cursor, here.person, "clear" if what == "clear" else "run", DAG, after=after)
    return here.go("", said)

"""What came in and what was refused: tables, freshness, each rule with its trend, rows in quarantine, what is missing."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, StreamingResponse
from psycopg2 import sql

from ml.adapters.lake import Lake
from ml.contract.tables import TABLES
from ml.core.errors import NightshiftError
from ml.registry import CAPABILITIES
from nightshift_airflow.console import charts
from nightshift_airflow.console.database import Row, database
from nightshift_airflow.console.page import Here, Page

router = APIRouter(prefix="/data")
SHOWN = 50
EXPORTED = 100_000
"""Most rows of one export."""

_NIGHTS = """
SELECT ref, night, summary -> 'quarantine' AS refused, summary -> 'notes' AS notes FROM ml_ops.night
WHERE summary IS NOT NULL ORDER BY started_at DESC LIMIT 15
"""
_BATCHES = """
SELECT b.table_name, b.capability, b.rows, b.night, b.as_of, b.published_at, b.model_version, before.rows AS rows_before
FROM ml_ops.batch AS b LEFT JOIN LATERAL (
    SELECT o.rows FROM ml_ops.batch AS o WHERE o.table_name = b.table_name AND o.status = 'superseded'
    ORDER BY o.batch_id DESC LIMIT 1) AS before ON true
WHERE b.status = 'published' ORDER BY b.capability, b.table_name
"""


@router.get("")
def overview(here: Here) -> HTMLResponse:
    """The tables of the shop, the rules that they broke, and the tables that the shop reads."""
    nights = here.reader.rows(_NIGHTS)
    tables, note = _snapshot(here, nights[0]["ref"]) if nights else ({}, "")
    figures = (
        here.reader.rows(
            "SELECT night, name, value, expected FROM ml_ops.figure WHERE kind = 'input' ORDER BY night DESC, name LIMIT 40"
        )
        if here.reader.has("ml_ops.figure")
        else []
    )
    return here.show(
        "data.html",
        nights=nights,
        tables=tables,
        note=note,
        rules=rules(nights),
        batches=here.reader.rows(_BATCHES),
        missing=[_unlocks(name) for name in TABLES if tables and name not in tables],
        contract=TABLES,
        figures=figures,
    )


def _snapshot(here: Page, ref: str) -> tuple[dict[str, Any], str]:
    """What the manifest of a snapshot says of each table; and why it cannot be read."""
    lake = Lake(here.settings.lake_uri)
    try:
        path = lake.join("snapshot", ref, "manifest.json")
        return (dict(lake.read_json(path)["tables"]), "") if lake.exists(path) else ({}, f"No snapshot {ref} any more.")
    except (NightshiftError, OSError) as error:
        return {}, str(error)


def _unlocks(name: str) -> dict[str, Any]:
    """What a missing table would let start, and what it would make better."""
    return {
        "table": TABLES[name],
        "starts": [spec.title for spec in CAPABILITIES.values() if name in spec.needs],
        "betters": [spec.title for spec in CAPABILITIES.values() if name in spec.wants],
    }


def rules(nights: list[Row]) -> list[dict[str, Any]]:
    """Each rule that was broken lately: how often in the last night, and its trend."""
    names = {(t, rule) for night in nights for t, broken in (night["refused"] or {}).items() for rule in broken}
    found = []
    for table, rule in sorted(names):
        counts = [float((night["refused"] or {}).get(table, {}).get(rule, 0)) for night in reversed(nights)]
        found.append(
            {
                "table": table,
                "rule": rule,
                "now": int(counts[-1]),
                "trend": counts,
                "chart": charts.line(counts, f"{rule}: {', '.join(f'{c:.0f}' for c in counts)}"),
            }
        )
    return sorted(found, key=lambda row: -row["now"])


@router.get("/quarantine/{night}/{attempt}/{table}")
def quarantine(here: Here, night: str, attempt: str, table: str) -> HTMLResponse:
    """Refused rows of a table, page by page, by an index."""
    ref, rule = f"{night}/{attempt}", here.asked("rule")
    rows, fault = here.reader.attempt(
        sql.SQL(
            "{} AND (rule, coalesce(row_key, '')) > (%(after_rule)s, %(after)s) ORDER BY rule, coalesce(row_key, '') LIMIT {}"
        ).format(_rows(rule), sql.Literal(SHOWN + 1)),
        {
            "ref": ref,
            "table": table,
            "rule": rule,
            "after": here.asked("after"),
            "after_rule": here.asked("after_rule"),
        },
    )
    return here.show(
        "quarantine.html", ref=ref, table=table, rule=rule, rows=rows[:SHOWN], more=len(rows) > SHOWN, fault=fault
    )


def _rows(rule: str) -> sql.Composable:
    return sql.SQL(
        """
        SELECT row_key, rule, severity, "row", at FROM ml_ops.quarantine
        WHERE ref = %(ref)s AND table_name = %(table)s AND {}
        """
    ).format(sql.SQL("rule = %(rule)s" if rule else "true"))


@router.get("/export/{night}/{attempt}/{table}")
def export(here: Here, night: str, attempt: str, table: str) -> StreamingResponse:
    """The refused rows as CSV, written while they are read."""
    rule = here.asked("rule")
    values = {"ref": f"{night}/{attempt}", "table": table, "rule": rule}
    url = here.settings.database_url

    def lines() -> Iterator[str]:
        yield _line(["row_key", "rule", "severity", "at", "row"])
        with database(url).transaction(patience_ms=60_000) as cursor:
            cursor.itersize = 2000
            cursor.execute(sql.SQL("{} LIMIT {}").format(_rows(rule), sql.Literal(EXPORTED)), values)
            for row in cursor:
                at: datetime = row["at"]
                kept = json.dumps(row["row"], ensure_ascii=False, default=str)
                yield _line([row["row_key"], row["rule"], row["severity"], at.isoformat(), kept])

    name = f'attachment; filename="quarantine-{night}-{"".join(c for c in table if c.isalnum() or c == "_")}.csv"'
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers={"Content-Disposition": name})


def _line(values: list[Any]) -> str:
    """A line of CSV; a text that a spreadsheet would take for a formula begins with an apostrophe."""
    kept = [f"'{v}" if isinstance(v, str) and v[:1] in "=+-@\t\r" and v[:1] else v for v in values]
    text = io.StringIO()
    csv.writer(text).writerow(kept)
    return text.getvalue()

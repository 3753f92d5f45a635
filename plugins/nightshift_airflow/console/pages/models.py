"""Which version serves and why, what the gate measured, what happened since; promote another, bring a batch back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from ml.core.errors import NightshiftError
from ml.core.spec import Capability
from ml.registry import CAPABILITIES, capability
from nightshift_airflow import links
from nightshift_airflow.console import charts, edits, look
from nightshift_airflow.console.access import Form
from nightshift_airflow.console.database import Reader, Row
from nightshift_airflow.console.page import Here

router = APIRouter(prefix="/models")
SERVES = ("promote", "baseline", "manual")

_PROMOTIONS = """
SELECT p.*, v.as_of, v.baseline, v.recipe, v.run_id, v.withdrawn_at FROM ml_ops.promotion AS p
JOIN ml_ops.version AS v USING (capability, version) WHERE p.capability = %s ORDER BY p.id DESC LIMIT 30
"""
_LATEST = """
SELECT DISTINCT ON (capability) capability, version, decision, why, at, metrics FROM ml_ops.promotion
WHERE decision IN ('promote', 'baseline', 'manual') ORDER BY capability, id DESC
"""
_BATCHES = """
SELECT batch_id, table_name, night, model_version, rows, status, published_at FROM ml_ops.batch
WHERE capability = %s AND status IN ('published', 'superseded', 'rolled_back') ORDER BY batch_id DESC LIMIT 60
"""


def verdict(spec: Capability, metrics: Mapping[str, Any]) -> dict[str, float]:
    """The gate's figure of each model that was compared, the challenger's first."""
    told = {who: figure.get(spec.gate.metric) for who, figure in metrics.items() if isinstance(figure, Mapping)}
    known = {who: float(value) for who, value in told.items() if isinstance(value, int | float)}
    return dict(
        sorted(
            known.items(),
            key=lambda pair: (
                ("challenger", "champion", "baseline").index(pair[0])
                if pair[0] in ("challenger", "champion", "baseline")
                else 9
            ),
        )
    )


@router.get("")
def overview(here: Here) -> HTMLResponse:
    """Each capability: what serves, since when, by how much it is better."""
    latest = {row["capability"]: row for row in here.reader.rows(_LATEST)}
    waits = here.reader.rows("SELECT DISTINCT ON (capability) * FROM ml_ops.promotion ORDER BY capability, id DESC")
    return here.show(
        "models.html",
        capabilities=CAPABILITIES,
        latest=latest,
        verdict=verdict,
        waiting={row["capability"]: row for row in waits if row["decision"] == "waiting"},
        blocks=look.panels(here.reader, "models"),
        effects=effects(here.reader),
    )


def effects(reader: Reader) -> list[Row]:
    """What the capabilities earn, by the latest night of each experiment; nothing where none runs."""
    if not reader.has("ml.experiment_effect"):
        return []
    return reader.rows(
        "SELECT DISTINCT ON (experiment, arm, metric) * FROM ml.experiment_effect ORDER BY experiment, arm, metric, night DESC"
    )[:30]


@router.get("/{name}")
def one(here: Here, name: str) -> HTMLResponse:
    """The versions of a capability, what was decided of them, and its batches."""
    spec = capability(name)
    decisions = here.reader.rows(_PROMOTIONS, (name,))
    serving = next((row["version"] for row in decisions if row["decision"] in SERVES), None)
    by_version = {str(row["version"]): row for row in reversed(decisions)}
    last = {row["version"]: row["id"] for row in reversed(decisions)}
    pair = [by_version[side] for side in (here.asked("a"), here.asked("b")) if side in by_version]
    return here.show(
        "model.html",
        spec=spec,
        decisions=decisions,
        serving=serving,
        waits=[r["version"] for r in decisions if r["decision"] == "waiting" and last[r["version"]] == r["id"]],
        verdict=verdict,
        pair=pair,
        metrics=sorted({m for row in pair for f in row["metrics"].values() if isinstance(f, dict) for m in f}),
        batches=here.reader.rows(_BATCHES, (name,)),
        since=_since(here.reader, name),
        mlflow=links.mlflow(),
        history=here.reader.rows("SELECT * FROM ml_ops.audit WHERE object = %s ORDER BY id DESC LIMIT 10", (name,)),
    )


def _since(reader: Reader, name: str) -> list[dict[str, Any]]:
    """Figures of what happened since, over the nights; nothing where nothing watches."""
    if not reader.has("ml_ops.figure"):
        return []
    rows = reader.rows(
        """
        SELECT coalesce(about, night) AS day, name, slice, value, low, high, expected FROM ml_ops.figure
        WHERE capability = %(name)s AND kind = 'truth' AND coalesce(about, night) > (
            SELECT max(coalesce(about, night)) - 120 FROM ml_ops.figure WHERE capability = %(name)s AND kind = 'truth')
        ORDER BY 2, 3, 1
        """,
        {"name": name},
    )
    series: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        series.setdefault((row["name"], row["slice"]), []).append(row)
    return [
        {
            "name": figure,
            "slice": part,
            "last": points[-1],
            "chart": charts.line(
                [p["value"] for p in points],
                f"{figure} {part}",
                low=[p["low"] for p in points],
                high=[p["high"] for p in points],
            ),
        }
        for (figure, part), points in series.items()
    ][:20]


@router.post("/{name}/promote")
def promote(here: Here, form: Form, name: str) -> Response:
    """Let a version serve from the next night on; asks once more before it does."""
    from ml import pipeline

    spec, version = capability(name), int(form.get("version", "0") or 0)
    if form.get("sure") != "yes":
        rows = here.reader.rows(_PROMOTIONS, (name,))
        now = next((r for r in rows if r["decision"] in SERVES), None)
        new = next((r for r in rows if r["version"] == version), None)
        return here.show("promote.html", spec=spec, version=version, now=now, new=new, verdict=verdict)
    before = here.reader.one(_LATEST.replace("WHERE", "WHERE capability = %s AND"), (name,))
    try:
        row = pipeline.promote(here.settings, name, version, person=here.person, words=form.get("why", "")[:500])
    except NightshiftError as error:
        return here.show("error.html", status=409, title="The version was not promoted.", said=str(error))
    with here.database.transaction(readonly=False) as cursor:
        edits.record(
            cursor,
            here.person,
            "promote",
            name,
            before=before and {"version": before["version"]},
            after={"version": version, "promotion": row["id"]},
            note=form.get("why", "")[:500],
        )
    return here.go(f"models/{name}", here.words("Version {n} serves from the next night on.", n=version))


@router.post("/{name}/approve")
def approve(here: Here, form: Form, name: str) -> Response:
    """Answer for a version that waits: it serves from the next night on, or it is refused."""
    from ml import pipeline

    spec, version, approved = capability(name), int(form.get("version", "0") or 0), form.get("answer") == "approve"
    why = form.get("why", "")[:500]
    try:
        row = pipeline.approve(
            here.settings, spec.name, version, approved=approved, person=here.person, words=why.strip()
        )
    except NightshiftError as error:
        return here.show("error.html", status=409, title="Nothing was answered.", said=str(error))
    answer, after = "approve" if approved else "refuse", {"version": version, "promotion": row["id"]}
    with here.database.transaction(readonly=False) as cursor:
        edits.record(cursor, here.person, answer, name, after=after, note=why)
    said = "Version {n} serves from the next night on." if approved else "Version {n} was refused."
    return here.go(f"models/{name}", here.words(said, n=version))


@router.post("/{name}/rollback")
def rollback(here: Here, form: Form, name: str) -> Response:
    """Show the shop the batch before, for a table and those that were published with it."""
    from ml import pipeline

    spec, table = capability(name), form.get("table", "")
    if table not in [published.name for published in spec.publishes]:
        return here.show("error.html", status=422, title="There is no such table.", said=table)
    if form.get("sure") != "yes":
        batches = [row for row in here.reader.rows(_BATCHES, (name,)) if row["table_name"] == table]
        return here.show("rollback.html", spec=spec, table=table, batches=batches)
    try:
        back = pipeline.rollback(here.settings, table, person=here.person, words=form.get("why", "")[:500])
    except NightshiftError as error:
        return here.show("error.html", status=409, title="Nothing was rolled back.", said=str(error))
    with here.database.transaction(readonly=False) as cursor:
        for shown, move in back["tables"].items():
            edits.record(
                cursor,
                here.person,
                "rollback",
                shown,
                before={"batch": move["from"]},
                after={"batch": move["to"]},
                note=form.get("why", "")[:500],
            )
    return here.go(
        f"models/{name}", here.words("The shop reads the batch before: {tables}.", tables=", ".join(back["tables"]))
    )

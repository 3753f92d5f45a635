"""Every table of ``ml_config`` as a form: what a change would do before it is saved, who changed what, and undo."""

from __future__ import annotations

import json
import re
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse, Response
from psycopg2 import sql

from ml.core.errors import NightshiftError
from ml.core.spec import ConfigTable
from nightshift_airflow.console import edits, forms, look, trials
from nightshift_airflow.console.access import Form
from nightshift_airflow.console.database import Row
from nightshift_airflow.console.page import Here, Page

router = APIRouter(prefix="/rules")
SHOWN = 50
_BACK = re.compile(r"^[a-z][a-z0-9_/]*(\?[\w%=&.+-]*)?$")


def table_of(name: str) -> tuple[str, ConfigTable]:
    """A table that the staff edits, and whose it is."""
    for owner, table in look.config():
        if table.name == name:
            return owner, table
    raise HTTPException(404, f"There is no table ml_config.{name}.")


@router.get("")
def overview(here: Here) -> HTMLResponse:
    """The tables, by capability, and the latest changes."""
    tables = list(look.config())
    count = sql.SQL("SELECT {} AS name, count(*) AS n FROM {}")
    asked = [
        count.format(sql.Literal(table.name), sql.Identifier("ml_config", table.name))
        for _, table in tables
        if here.reader.has(f"ml_config.{table.name}")
    ]
    counts = {row["name"]: row["n"] for row in here.reader.rows(sql.SQL(" UNION ALL ").join(asked))} if asked else {}
    return here.show("rules.html", tables=tables, counts=counts, history=_history(here))


@router.get("/{name}")
def one(here: Here, name: str) -> HTMLResponse:
    """The rows of a table and the form of a new one, or of the row that ``key`` names."""
    return _shown(here, name)


@router.post("/{name}/preview")
def preview(here: Here, form: Form, name: str) -> Response:
    """What the change would do; nothing is changed yet."""
    owner, table = table_of(name)
    change, faults = _change(table, form)
    if faults:
        return _shown(here, name, faults=faults, typed=form)
    try:
        trial = trials.tried(here.database, change, form.get("who", ""))
    except NightshiftError as error:
        return _shown(here, name, faults=[str(error)], typed=form)
    blocks = [look.Block("", "", [])]
    ids = [p for m in trial.measures for shift in m.moved for p in (*shift.before, *shift.after)]
    return here.show(
        "preview.html",
        owner=owner,
        table=table,
        change=change,
        trial=trial,
        typed=form,
        seen=json.dumps(trial.before),
        names=look.titles(here.reader, blocks, ids[:500]),
        back=_back(form, name),
    )


@router.post("/{name}/save")
def save(here: Here, form: Form, name: str) -> Response:
    """Save what was looked at."""
    _, table = table_of(name)
    change, faults = _change(table, form)
    if faults:
        return _shown(here, name, faults=faults, typed=form)
    try:
        number = edits.saved(here.database, here.person, change, form.get("why", "")[:500], form.get("seen", ""))
    except NightshiftError as error:
        return _shown(here, name, faults=[str(error)], typed=form)
    return here.go(_back(form, name), here.words("Saved as change {n}.", n=number))


@router.post("/undo/{number}")
def undo(here: Here, form: Form, number: int) -> Response:
    """Take a change back."""
    try:
        name, done = edits.undone(here.database, here.person, number)
    except NightshiftError as error:
        return here.show("error.html", status=409, title="This was not undone.", said=str(error))
    return here.go(_back(form, name), here.words("Undone, as change {n}.", n=done))


def _change(table: ConfigTable, form: dict[str, str]) -> tuple[edits.Change, list[str]]:
    """What a form asks for: its key names a row to change, ``delete`` to delete it."""
    try:
        key = dict(zip(table.key, json.loads(form.get("key") or "[]"), strict=False))
    except (ValueError, TypeError):
        return edits.Change(table, "update"), ["The row's key cannot be read."]
    if form.get("delete"):
        return edits.Change(table, "delete", key), []
    values, faults = forms.read(table, form)
    return edits.Change(table, "update" if key else "insert", key, values), faults


def _back(form: dict[str, str], name: str) -> str:
    """Where to go on: a page of ours."""
    back = form.get("back", "")
    return back if _BACK.match(back) else f"rules/{name}"


def _shown(
    here: Page, name: str, *, faults: list[str] | None = None, typed: dict[str, str] | None = None
) -> HTMLResponse:
    owner, table = table_of(name)
    rows, more = _rows(here, table)
    key = (typed or {}).get("key") or here.asked("key")
    chosen: Row | None = dict(typed) if typed else None
    if key and not typed:
        try:
            chosen = edits.row_of(here.reader.cursor, table, dict(zip(table.key, json.loads(key), strict=True)))
        except ValueError:
            chosen = None
        if chosen is None:
            faults, key = ["This row is gone."], ""
    elif not key and not typed and forms.single(table) and rows:
        chosen, key = rows[0], json.dumps([rows[0][n] for n in table.key], default=str)
    given = {c.name: here.asked(c.name) for c in table.columns} if not (typed or key) else {}
    return here.show(
        "rule.html",
        status=422 if faults and typed else 200,
        owner=owner,
        table=table,
        rows=rows,
        more=more,
        key=key,
        single=forms.single(table),
        fields=forms.fields(table, chosen or {k: v for k, v in given.items() if v}),
        faults=faults or [],
        history=_history(here, name),
        known=here.reader.has(f"ml_config.{name}"),
        key_of=lambda row: json.dumps([row[n] for n in table.key], ensure_ascii=False, default=str),
    )


def _rows(here: Page, table: ConfigTable) -> tuple[list[Row], bool]:
    """Rows that hold what was searched for, and whether there are more."""
    if not here.reader.has(f"ml_config.{table.name}"):
        return [], False
    wanted = here.asked("find")
    statement = sql.SQL("SELECT t.* FROM {} AS t WHERE t::text ILIKE %s ORDER BY {} LIMIT {} OFFSET %s").format(
        sql.Identifier("ml_config", table.name),
        sql.SQL(", ").join(map(sql.Identifier, table.key)),
        sql.Literal(SHOWN + 1),
    )
    page = int(here.asked("page")) if here.asked("page").isdigit() else 0
    rows = here.reader.rows(statement, (f"%{wanted}%", min(page, 10_000) * SHOWN))
    return rows[:SHOWN], len(rows) > SHOWN


def _history(here: Page, name: str = "") -> list[dict[str, Any]]:
    """The latest changes, and whether each was undone."""
    return here.reader.rows(
        """
        SELECT a.*, u.id AS undone_by FROM ml_ops.audit AS a LEFT JOIN ml_ops.audit AS u ON u.undoes = a.id
        WHERE %(name)s = '' OR a.object = %(name)s ORDER BY a.id DESC LIMIT 15
        """,
        {"name": name},
    )

"""What a change of a table of ``ml_config`` would do: it is made, looked at and taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2 import sql

from ml.core import console
from ml.core.spec import ConfigTable
from ml.registry import CAPABILITIES
from nightshift_airflow.console.database import Database
from nightshift_airflow.console.edits import Change, in_words, make

TRIAL_MS = 8000


@dataclass(frozen=True)
class Shift:
    """One list before and after."""

    who: str
    before: list[str]
    after: list[str]

    @property
    def changed(self) -> int:
        """Places with another product than before."""
        length = max(len(self.before), len(self.after))
        padded = [[*x, *[""] * (length - len(x))] for x in (self.before, self.after)]
        return sum(a != b for a, b in zip(*padded, strict=True))


@dataclass(frozen=True)
class Measure:
    """What a probe gave before and after."""

    words: str
    before: float | None = None
    after: float | None = None
    lists: list[Shift] | None = None
    compared: console.Compared | None = None
    figures: tuple[str, ...] = ()

    @property
    def moved(self) -> list[Shift]:
        """The lists that would not be as before."""
        return [shift for shift in self.lists or [] if shift.changed]

    @property
    def places(self) -> float:
        """Share of all places that would hold another product."""
        every = sum(max(len(s.before), len(s.after)) for s in self.lists or [])
        return sum(s.changed for s in self.lists or []) / every if every else 0.0


@dataclass(frozen=True)
class Trial:
    """What a change would do."""

    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    measures: list[Measure]
    later: str
    doubts: list[str]


def tried(database: Database, change: Change, start: str = "") -> Trial:
    """Make a change, look what it does, and take it back.

    Parameters
    ----------
    start : str
        The customer from whom on the sample of lists begins; or what else a probe begins with.
    """
    name = change.table.name
    extra = [console.of(spec) for spec in CAPABILITIES.values() if change.table in spec.config]
    probes = [probe for found in extra for probe in found.probes.get(name, ())]
    with database.transaction(readonly=False, patience_ms=TRIAL_MS) as cursor, in_words(change.table):
        first = [_measured(cursor, probe, _start(probe, change, start)) for probe in probes]
        before, after = make(cursor, change)
        second = [
            _measured(cursor, probe, _start(probe, change, start), known)
            for probe, known in zip(probes, first, strict=True)
        ]
        doubts = _doubts(cursor, change.table, after)
        cursor.execute("ROLLBACK")
    measures = [
        _compared(p, a, b) for p, a, b in zip(probes, first, second, strict=True) if a is not None and b is not None
    ]
    return Trial(before, after, measures, next((f.later[name] for f in extra if name in f.later), ""), doubts)


def _start(probe: console.Probe | console.Estimate, change: Change, start: str) -> str:
    """Where a probe's sample begins: as the page says, else as the changed row does."""
    named = change.values.get(probe.start) if isinstance(probe, console.Probe) and probe.start else ""
    return start or str(named or "")


def _measured(cursor: Any, probe: console.Probe | console.Estimate, start: str, known: Any = None) -> Any:
    """What a probe gives; None where its tables are not there yet. ``known``: what it gave before the change."""
    selects = probe.selects if isinstance(probe, console.Estimate) else {"": probe.sql}
    found: dict[str, list[Any]] = {}
    if known is not None and isinstance(probe, console.Estimate):
        found = {name: known[name] for name in probe.same}
    cursor.execute("SAVEPOINT probe")
    try:
        for name, select in selects.items():
            if name not in found:
                cursor.execute(select, {"from": start})
                found[name] = cursor.fetchall()
    except psycopg2.errors.ProgrammingError:
        cursor.execute("ROLLBACK TO SAVEPOINT probe")
        return None
    cursor.execute("RELEASE SAVEPOINT probe")
    if isinstance(probe, console.Estimate):
        return found
    rows = found[""]
    if probe.kind == "lists":
        return {str(row["who"]): list(row["what"]) for row in rows}
    value = next(iter(rows[0].values())) if rows else None
    return float(value) if value is not None else 0.0


def _compared(probe: console.Probe | console.Estimate, before: Any, after: Any) -> Measure:
    if isinstance(probe, console.Estimate):
        return Measure(probe.words, compared=probe.compare(before, after), figures=probe.figures)
    if probe.kind == "number":
        return Measure(probe.words, before, after)
    return Measure(
        probe.words, lists=[Shift(who, before.get(who, []), after.get(who, [])) for who in sorted({*before, *after})]
    )


def _doubts(cursor: Any, table: ConfigTable, row: Mapping[str, Any] | None) -> list[str]:
    """What in a row names nothing that the last night saw."""
    found: list[str] = []
    cursor.execute("SELECT to_regclass('ml.product_state') IS NOT NULL AS there")
    if row is None or not cursor.fetchone()["there"]:
        return found
    for column in table.columns:
        other, _, name = column.references.partition(".")
        value = row.get(column.name)
        if other == "product" and name in ("product_id", "category") and value is not None:
            statement = sql.SQL("SELECT EXISTS (SELECT FROM ml.product_state WHERE {} = %s) AS there")
            cursor.execute(statement.format(sql.Identifier(name)), (value,))
            if not cursor.fetchone()["there"]:
                found.append(f"{column.name}: {value}")
    return found

"""The state of experiments in ``ml_ops``: how each began, who has which arm, what the effects are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
from psycopg2.extras import Json, execute_values

from ml.adapters import postgres
from ml.adapters.postgres.acting import publishing

_EFFECT = (
    "experiment",
    "night",
    "arm",
    "control",
    "metric",
    "customers",
    "control_customers",
    "value",
    "control_value",
    "effect",
    "low",
    "high",
    "detectable",
    "balance_p",
    "verdict",
)


def versions(url: str) -> dict[str, set[int]]:
    """By capability, the versions that can still be loaded."""
    rows = postgres.query(url, "SELECT capability, version FROM ml_ops.version WHERE withdrawn_at IS NULL")
    found: dict[str, set[int]] = {}
    for row in rows:
        found.setdefault(row["capability"], set()).add(row["version"])
    return found


def state(url: str) -> dict[tuple[str, str], dict[str, Any]]:
    """By experiment and arm, its row of ``ml_ops.experiment``."""
    return {(row["name"], row["arm"]): row for row in postgres.query(url, "SELECT * FROM ml_ops.experiment")}


def begin(url: str, rows: Sequence[Mapping[str, Any]], shares: Mapping[tuple[str, str], float], night: date) -> None:
    """Keep how arms began; those that are known stay as they are."""
    with publishing(url) as cursor:
        for row in rows:
            definition = Json(dict(row), dumps=lambda value: json.dumps(value, default=str))
            cursor.execute(
                """
                INSERT INTO ml_ops.experiment (name, arm, capability, told, share, since, changed_on)
                VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
                """,
                (row["name"], row["arm"], row["capability"], definition, shares[row["name"], row["arm"]], night, night),
            )


def change(url: str, name: str, arm: str, night: date, *, share: float, state: str, why: str = "") -> None:
    """Give an arm another share or state from the next night on."""
    with publishing(url) as cursor:
        cursor.execute(
            """
            UPDATE ml_ops.experiment SET share = %s, state = %s, why = %s, changed_on = %s
            WHERE name = %s AND arm = %s AND changed_on < %s
            """,
            (share, state, why, night, name, arm, night),
        )


def show(url: str, capability: str, rows: pa.Table) -> None:
    """Let ``ml.experiment_arm`` say who sees which arm of a capability, in place of what it said."""
    with publishing(url) as cursor:
        cursor.execute("DELETE FROM ml_ops.experiment_arm WHERE capability = %s", (capability,))
        if len(rows):
            postgres.copy_arrow(cursor.connection, "ml_ops", "experiment_arm", rows.to_batches())


def assigned(url: str, experiment: str) -> dict[str, str]:
    """The arm of each customer of an experiment."""
    rows = postgres.query(
        url, "SELECT customer_id, arm FROM ml_ops.experiment_arm WHERE experiment = %s", (experiment,)
    )
    return {row["customer_id"]: row["arm"] for row in rows}


def write_effects(url: str, night: date, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a night's effects in place of those that it wrote before."""
    with publishing(url) as cursor:
        cursor.execute("DELETE FROM ml_ops.experiment_effect WHERE night = %s", (night,))
        if rows:
            names = ", ".join(_EFFECT)
            values = [tuple(None if row[n] != row[n] else row[n] for n in _EFFECT) for row in rows]
            execute_values(cursor, f"INSERT INTO ml_ops.experiment_effect ({names}) VALUES %s", values)  # noqa: S608 (names of ours)

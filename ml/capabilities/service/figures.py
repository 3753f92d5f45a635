"""How the service does, group by group, and whether a group's tickets are solved less often than before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.service import outcomes
from ml.capabilities.service.spec import Params
from ml.core.units import DAY_US

Row = dict[str, Any]
Mask = npt.NDArray[np.bool_]
_HOUR_US = DAY_US / 24


def rows(features: Mapping[str, pa.Table], triage: pa.Table, params: Params) -> list[Row]:
    """One row per kind and name that at least ``fewest`` tickets have, and one for all."""
    tickets = features["ticket"].sort_by("ticket_id")
    ordered = triage.sort_by("ticket_id")
    good = outcomes.solved(tickets).to_pylist()
    facts = {
        name: tickets[name].to_numpy(zero_copy_only=False).astype(float)
        for name in ("opened", "first", "solved", "reopened", "rating")
    }
    facts["good"] = np.array([np.nan if value is None else float(value) for value in good])
    waiting = np.array([state in ("open", "reopened") for state in tickets["state"].to_pylist()])
    halfway = float(np.median(facts["opened"]))
    found = [
        _row(kind, name, group, facts, waiting, halfway)
        for kind, name, group in _groups(tickets, ordered)
        if kind == "all" or group.sum() >= params.fewest
    ]
    _correct(found)
    return sorted(found, key=lambda row: (row["kind"], row["name"]))


def _groups(tickets: pa.Table, triage: pa.Table) -> Iterator[tuple[str, str, Mask]]:
    yield "all", "", np.ones(len(tickets), bool)
    columns = {
        "channel": triage["channel"],
        "team": pc.coalesce(tickets["team"], triage["team"]),
        "language": triage["language"],
        "intent": pc.coalesce(tickets["intent"], triage["intent"]),
        "answer": tickets["sent_answer_id"],
    }
    for kind, column in columns.items():
        values = np.array(pc.fill_null(column, "").to_pylist(), object)
        for name in sorted(set(values) - {""}):
            yield kind, name, values == name


def _row(
    kind: str, name: str, group: Mask, facts: Mapping[str, npt.NDArray[np.float64]], waiting: Mask, halfway: float
) -> Row:
    some = {key: values[group] for key, values in facts.items()}
    young = some["opened"] >= halfway
    now, before = (some["good"][side & ~np.isnan(some["good"])] for side in (young, ~young))
    closed = ~np.isnan(some["solved"])
    return {
        "kind": kind,
        "name": name,
        "tickets": int(group.sum()),
        "open": int(waiting[group].sum()),
        "answer_hours": _median((some["first"] - some["opened"]) / _HOUR_US),
        "solve_hours": _median((some["solved"] - some["opened"]) / _HOUR_US),
        "reopened_share": float((~np.isnan(some["reopened"]))[closed].mean()) if closed.any() else 0.0,
        "rating": float(np.nanmean(some["rating"])) if (~np.isnan(some["rating"])).any() else None,
        "solved_share": float(now.mean()) if len(now) else None,
        "solved_before": float(before.mean()) if len(before) else None,
        "p": _chance(now, before),
        "q_value": None,
        "reason": "",
    }


def _median(values: npt.NDArray[np.float64]) -> float | None:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else None


def _chance(now: npt.NDArray[np.float64], before: npt.NDArray[np.float64]) -> float | None:
    """Chance that as few are solved now if nothing had changed (Fisher 1922)."""
    if not len(now) or not len(before):
        return None
    from scipy.stats import hypergeom

    good = int(now.sum() + before.sum())
    return float(hypergeom.cdf(int(now.sum()), len(now) + len(before), good, len(now)))


def _correct(found: list[Row]) -> None:
    """Write the q-values (Benjamini & Hochberg 1995) and what they say."""
    from scipy.stats import false_discovery_control

    tested = [row for row in found if row["p"] is not None]
    if tested:
        for row, q in zip(tested, false_discovery_control([row["p"] for row in tested]), strict=True):
            row["q_value"] = float(q)
    for row in found:
        p = row.pop("p")
        worse = p is not None and row["q_value"] <= 0.05
        share = f"{row['tickets']} tickets, {row['open']} of them open"
        row["reason"] = (
            f"{share}; solves less than before: {row['solved_before']:.0%} then, {row['solved_share']:.0%} now"
            if worse
            else share
        )

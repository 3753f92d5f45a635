"""What became of tickets: how often an answer solved them, and how long they took. Counts alone, no text and no customer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.core.units import DAY_US

HOPE, WEIGHT = 0.7, 5.0
"""Before anything is known an answer is thought to solve this share, as firmly as so many tickets would show."""
BAD = 2
"""A rating of so many stars or fewer: it was not solved."""
SETTLED_DAYS = 3
"""A ticket that was closed so long before the end, and did not come back, is solved."""
_HOUR_US = DAY_US / 24


def solved(rows: pa.Table) -> pa.Array:
    """Whether each ticket was solved for good: closed, not reopened, not rated badly; null: not closed yet."""
    closed = pc.is_valid(rows["solved"])
    bad = pc.or_(pc.is_valid(rows["reopened"]), pc.fill_null(pc.less_equal(rows["rating"], BAD), False))
    return pc.if_else(pc.or_(closed, pc.is_valid(rows["reopened"])), pc.invert(bad), pa.scalar(None, pa.bool_()))


def learn(history: pa.Table) -> dict[str, Any]:
    """Count.

    Returns
    -------
    dict
        ``answers``: by answer of the knowledge base that was sent, [solved, sent]; one that staff changed did not do · ``every``: the
        same of all · ``hours``: by intent the median hours until solved, with ``""`` for all.
    """
    rows = history.sort_by("ticket_id")
    sent = rows.filter(pc.is_valid(rows["sent_answer_id"]))
    good = pc.and_(solved(sent), pc.invert(pc.fill_null(sent["answer_changed"], False)))
    counts: dict[str, list[int]] = {}
    for name, did in zip(sent["sent_answer_id"].to_pylist(), good.to_pylist(), strict=True):
        if did is not None:
            count = counts.setdefault(name, [0, 0])
            count[0], count[1] = count[0] + did, count[1] + 1
    every = np.array(list(counts.values())).sum(axis=0).tolist() if counts else [0, 0]
    closed = rows.filter(pc.is_valid(rows["solved"]))
    hours = (closed["solved"].to_numpy() - closed["opened"].to_numpy()) / _HOUR_US
    intents = np.array(pc.fill_null(closed["intent"], "").to_pylist(), object)
    medians = {str(name): float(np.median(hours[intents == name])) for name in sorted(set(intents)) if name}
    if len(hours):
        medians[""] = float(np.median(hours))
    return {"answers": dict(sorted(counts.items())), "every": every, "hours": medians}


def rate(outcomes: dict[str, Any], answer_id: str) -> float:
    """Share of tickets that an answer solves, drawn to that of all answers where it was sent seldom."""
    good, n = outcomes["every"]
    usual = (good + HOPE * WEIGHT) / (n + WEIGHT)
    good, n = outcomes["answers"].get(answer_id, (0, 0))
    return float((good + usual * WEIGHT) / (n + WEIGHT))

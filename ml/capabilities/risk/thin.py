"""Judging a shop whose history does not reach back far enough: a split by time inside the orders whose outcome is settled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.risk.model import FEWEST as LEAST
from ml.capabilities.risk.spec import SPEC, Params
from ml.core.capability import Split
from ml.core.units import DAY_S

FEWEST = 4
"""Frauds in the window below which who expects the fewest wins."""
SHARES = (2 / 3, 1 / 2, 4 / 5)
"""Shares of the settled orders that are learned from: the first that leaves enough on both sides."""


def within(features: Mapping[str, pa.Table], as_of: datetime, params: Params) -> Split | str:
    """Split what is settled at ``as_of`` by time; or say why it holds too little.

    Parameters
    ----------
    features : mapping of str to pyarrow.Table
        As known at ``as_of``.

    Notes
    -----
    A feature knows only what was known when its order was placed, as always. The labels that are learned from were known at
    ``as_of``, some of them after the orders that judge were placed: that favours both models alike.
    """
    order = features["order"]
    rows = order.filter(pc.and_(order["settled"], pc.is_valid(order["label"]))).sort_by("order_no")
    at, label = rows["at"].to_numpy(), rows["label"].to_numpy()
    for share in SHARES if len(at) else ():
        since = int(at[min(len(at) - 1, int(share * len(at)))])
        before, after = label[at < since], label[at >= since]
        enough = len(after) >= SPEC.gate.min_units and after.sum() >= FEWEST
        if enough and min(before.sum(), len(before) - before.sum()) >= LEAST:
            learned = order.filter(pc.less(order["at"], since))
            begun = datetime.fromtimestamp(since, UTC)
            words = (
                f"{history(order, as_of, params)}, so the settled orders were split by time: learned from "
                f"{len(before):,} with {int(before.sum())} known frauds, judged on the {len(after):,} placed from "
                f"{begun:%Y-%m-%d} on with {int(after.sum())}."
            )
            return Split({**features, "order": learned}, rows.filter(pa.array(at >= since)), begun, words)
    found = int(label.sum()) if len(at) else 0
    return f"{history(order, as_of, params)}: {too_few(found, len(at) - found, 0)[0]}"


def history(order: pa.Table, as_of: datetime, params: Params) -> str:
    """How much history there is of how much a usual test takes, in words."""
    needed = SPEC.gate.horizon.days + params.settle_days
    since = pc.min(order["at"]).as_py() if len(order) else as_of.timestamp()
    days = int(np.ceil((as_of.timestamp() - since) / DAY_S))
    if days < needed:
        return f"The shop's orders cover {days} of {needed} days that the usual test takes"
    return f"The frauds known {SPEC.gate.horizon.days} days ago are too few to learn from"


def too_few(bad: int, good: int, frauds: int) -> tuple[str, ...]:
    """Why the window, or what came before it, cannot tell how good a model is."""
    if min(bad, good) < LEAST:
        return (
            f"{bad} known frauds and {good} good orders are too few to learn from, so how unusual an order is decides",
        )
    if frauds < FEWEST:
        return (f"{frauds} known frauds in the window are too few to tell which model is better",)
    return ()

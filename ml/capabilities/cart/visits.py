"""Visits: will this one end in an order, from its events so far."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.capabilities.cart.spec import VISIT_COLUMNS, Params
from ml.core.asof import known
from ml.core.gate import difference
from ml.learn import boosters
from ml.learn.boxes import FAR, Boxes, boxes
from ml.learn.params import BoostingParams

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.bool_]

FEWEST = 100
"""Moments of visits that ended in an order, and of others, below which nothing is said of a visit."""
BOOSTING = BoostingParams(trees=60, leaves=8, learning_rate=0.1, min_leaf=40, column_share=0.8)
_LATER = 0.25
"""Share of the moments, the latest, on which the trees must be better than one rate with and one without a cart."""


def moments(tables: Mapping[str, ibis.Table], orders: ibis.Table, as_of: datetime, params: Params) -> ibis.Table:
    """Past visits of known customers right after their 1st, 2nd, 3rd, 5th … event, and whether an order came of it.

    Parameters
    ----------
    orders : ibis.Table
        ``customer_id`` and ``at`` (seconds since 1970) of what was bought.

    Returns
    -------
    ibis.Table
        session_id, at, ``bought`` (an order of the customer within ``params.visit_minutes`` of that moment) and
        :data:`VISIT_COLUMNS`, which look at the events up to that moment alone.
    """
    if "event" not in tables:
        kinds = {"session_id": pa.string(), "at": pa.int64(), "bought": pa.bool_()} | dict.fromkeys(
            VISIT_COLUMNS, pa.float64()
        )
        return ibis.memtable(pa.schema(list(kinds.items())).empty_table())
    rows = so_far(known(tables["event"], as_of, "occurred_at", "known_at"), as_of, params)
    waits, now = params.visit_minutes * 60, int(as_of.timestamp())
    rows = rows.filter(
        rows["place"].isin(params.visit_events), rows["customer_id"].notnull(), rows["at"] + waits <= now
    )
    after = rows.inner_join(orders.select(who="customer_id", ordered="at"), [("customer_id", "who")])
    after = after.filter(after["ordered"] >= after["at"], after["ordered"] < after["at"] + waits)
    came = after.select("session_id", "place").distinct().mutate(came=True)
    rows = rows.left_join(came, ["session_id", "place"])
    return rows.select("session_id", "at", *VISIT_COLUMNS, bought=rows["came"].fill_null(False))


def so_far(events: ibis.Table, as_of: datetime, params: Params) -> ibis.Table:
    """Each event of the last ``params.visit_days`` with its ``place`` in its visit and what was done up to it."""
    since = ibis.literal(as_of - timedelta(days=params.visit_days), type="timestamp('UTC', 6)")
    events = events.filter(events["session_id"].notnull(), events["occurred_at"] >= since)
    order = ["occurred_at", "event_id"]
    again = ibis.row_number().over(ibis.window(group_by=["session_id", "product_id"], order_by=order)) > 0
    events = events.mutate(
        at=events["occurred_at"].epoch_seconds().cast("int64"), fresh=~again & events["product_id"].notnull()
    )
    whole = ibis.window(group_by="session_id")
    up_to = ibis.window(group_by="session_id", order_by=order, preceding=None, following=0)

    def count(condition: ibis.Value) -> ibis.Value:
        return condition.cast("int64").sum().over(up_to).cast("float64")

    kinds = {"views": "view", "carts": "cart", "wishes": "wish", "searches": "search"}
    counts = {name: count(events["kind"] == kind) for name, kind in kinds.items()}
    return events.select(
        "session_id",
        "at",
        customer_id=events["customer_id"].max().over(whole),
        place=ibis.row_number().over(ibis.window(group_by="session_id", order_by=order)) + 1,
        **counts,
        products=count(events["fresh"]),
        minutes=(events["at"] - events["at"].min().over(up_to)) / 60.0,
    )


def learn(seen: pa.Table, seed: int) -> Boxes:
    """Boosted trees as boxes; two rates, with and without something in the cart, where trees are not proven better.

    Where too little is known of visits, one box that none lies in: nothing is said of them.
    """
    seen = seen.sort_by([("at", "ascending"), ("session_id", "ascending"), ("minutes", "ascending")])
    x, y = matrix(seen), seen["bought"].to_numpy(zero_copy_only=False).astype(bool)
    if min(y.sum(), (~y).sum()) < FEWEST:
        return Boxes(np.full((1, x.shape[1]), FAR), np.full((1, x.shape[1]), FAR), np.zeros(1))
    border = np.sort(seen["at"].to_numpy())[int(len(y) * (1 - _LATER))]
    early = seen["at"].to_numpy() < border
    if min(y[early].sum(), (~y[early]).sum(), y[~early].sum()) < FEWEST / 2:
        return two_rates(x, y)
    grown, simple = grow(x[early], y[early], seed), two_rates(x[early], y[early])
    losses = [log_loss(each.log_odds(x[~early]), y[~early]) for each in (grown, simple)]
    proven = difference(-losses[0], -losses[1], confidence=0.95, seed=seed).lower > 0
    return grow(x, y, seed) if proven else two_rates(x, y)


def grow(x: Floats, y: Labels, seed: int, how: BoostingParams = BOOSTING) -> Boxes:
    """Boosted trees on columns without gaps, as boxes."""
    fitted = boosters.boost(x.astype(np.float32), y, 0, how, seed)
    parts = [boxes(each, x.shape[1], 1 / len(fitted.trees)) for each in fitted.trees]
    return Boxes(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def two_rates(x: Floats, y: Labels) -> Boxes:
    """The share that bought with something in the cart, and without."""
    column = VISIT_COLUMNS.index("carts")
    low, high = np.full((2, x.shape[1]), -FAR), np.full((2, x.shape[1]), FAR)
    high[0, column] = low[1, column] = 0.5
    full = x[:, column] > 0.5
    shares = np.array([(y[side].sum() + 1) / (side.sum() + 2) for side in (~full, full)])
    return Boxes(low, high, np.log(shares / (1 - shares)))


def log_loss(log_odds: Floats, y: Labels) -> Floats:
    """By moment, shape (n,)."""
    return np.asarray(np.logaddexp(0, np.where(y, -log_odds, log_odds)))


def matrix(seen: pa.Table) -> Floats:
    """:data:`VISIT_COLUMNS`, shape (n, 6)."""
    return np.stack([seen[name].to_numpy().astype(np.float64) for name in VISIT_COLUMNS], axis=1)

"""The table that is published: each open order's delivery, and what is best done about it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.delivery.columns import NEWEST, matrix
from ml.capabilities.delivery.model import LEVELS, Delivery
from ml.capabilities.delivery.spec import DEFAULTS, ORDER_PROMISE, Params
from ml.core.batches import batches
from ml.core.capability import Rows
from ml.core.units import DAY_S, DAY_US

Floats = npt.NDArray[np.float64]
ACTIONS = ("release", "tell", "upgrade", "split")
_SLOWER_DAYS = 0.7
_SLOWED_DAYS = 1.2


def units(features: Rows) -> int:
    """How many orders are on their way."""
    return int(features["open"].num_rows)


def expected(features: Rows) -> dict[str, int]:
    """How many orders should be in the table, for the audit's coverage."""
    return {ORDER_PROMISE.name: units(features)}


def score(
    model: Delivery, features: Rows, shard: int, shards: int, params: Params
) -> dict[str, Iterator[pa.RecordBatch]]:
    """Make the rows of open orders ``[n shard / shards, n (shard + 1) / shards)``."""
    n = units(features)
    begin, end = n * shard // shards, n * (shard + 1) // shards
    orders = features["open"].sort_by("order_id").slice(begin, end - begin).combine_chunks()
    past = features["past"]
    now = int(features["moment"]["as_of"][0].as_py()) if len(features["moment"]) else 0
    at = orders["at"].to_numpy().astype(np.int64)
    elapsed = (now - at) / DAY_S
    # What has not come by now takes longer than until now.
    days = np.maximum(model.days(orders, past), elapsed[:, None] + 0.1)
    promise = np.asarray(orders["promise_days"].to_numpy(zero_copy_only=False), np.float64)
    late = np.where(elapsed > promise, 1.0, model.late(orders, past, elapsed + 0.1))
    costs = _costs(features, params)
    action, saves = decide(late, orders, costs, params)
    told = np.isfinite(promise)
    words = _words(orders, matrix(orders, past), days, late, action)
    rows = {
        "order_id": orders["order_id"],
        "ordered_at": orders["ordered_at"],
        **{
            name: _stamp(at, days[:, LEVELS.index(level)])
            for name, level in (("expected_at", 0.5), ("earliest_at", 0.1), ("latest_at", 0.9))
        },
        "promised_at": _stamp(at, np.where(told, promise, 0), told),
        "late_chance": pa.array(late, mask=~told),
        "action": pa.array([ACTIONS[each] for each in action], pa.string()),
        "action_saves": pa.array(saves),
        "reason": pa.array(words, pa.string()),
    }
    return {ORDER_PROMISE.name: batches(ORDER_PROMISE, [rows])}


def decide(
    late: Floats, orders: pa.Table, costs: dict[str, float | bool], params: Params
) -> tuple[npt.NDArray[np.int64], Floats]:
    """The action of each order that costs least on average, and what it saves against a release.

    An order of which a part is out of stock is late as a whole if it is not split.
    """
    lines, missing = (orders[name].to_numpy().astype(np.int64) for name in ("lines", "missing"))
    partly = (missing > 0) & (missing < lines)
    risk = np.where(partly, 1.0, np.nan_to_num(late))
    release = risk * float(costs["late_cost"])
    forbidden = np.full(len(late), np.inf)
    choices = [
        release,
        release * (1 - params.telling_helps) + float(costs["tell_cost"]) if costs["may_tell"] else forbidden,
        release * (1 - params.upgrade_helps) + float(costs["upgrade_cost"]) if costs["may_upgrade"] else forbidden,
        np.where(partly, release / 2 + float(costs["split_cost"]), np.inf) if costs["may_split"] else forbidden,
    ]
    table = np.stack(choices)
    best = np.argmin(table, axis=0)
    return best.astype(np.int64), release - table[best, np.arange(len(late))]


def _costs(features: Rows, params: Params) -> dict[str, float | bool]:
    row = features["cost"].to_pylist()[0] if len(features["cost"]) else {}
    money = {name: getattr(params, name) if row.get(name) is None else row[name] for name in DEFAULTS}
    return money | {name: row.get(name) is not False for name in ("may_tell", "may_upgrade", "may_split")}


def _stamp(at: npt.NDArray[np.int64], days: Floats, where: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    moments = at * 1_000_000 + np.round(days * DAY_US).astype(np.int64)
    return pa.array(moments, mask=None if where is None else ~where).cast(pa.timestamp("us", "UTC"))


def _words(
    orders: pa.Table, x: npt.NDArray[np.float32], days: Floats, late: Floats, action: npt.NDArray[np.int64]
) -> list[str]:
    carriers, places = (pc.fill_null(orders[name], "").to_pylist() for name in ("carrier", "destination"))
    missing, lines = orders["missing"].to_pylist(), orders["lines"].to_pylist()
    texts = []
    for i in range(len(days)):
        said = [f"about {days[i, LEVELS.index(0.5)]:.1f} days from order to delivery"]
        if carriers[i] and x[i, 4] > _SLOWER_DAYS:
            said.append(f"{carriers[i]} takes {x[i, 4]:.1f} days longer than others of late")
        elif carriers[i] and x[i, -1] > _SLOWED_DAYS:
            said.append(
                f"{carriers[i]} has slowed: its last {NEWEST} deliveries took {x[i, -1]:.1f} days longer than before"
            )
        elif places[i] and x[i, 2] - x[i, 0] > _SLOWER_DAYS:
            said.append(f"to {places[i]} it takes {x[i, 2] - x[i, 0]:.1f} days longer")
        if np.isfinite(late[i]):
            said.append("it is late already" if late[i] >= 1 else f"late in {late[i]:.0%} of cases".replace("%", " %"))
        if 0 < missing[i] < lines[i]:
            said.append(f"{missing[i]} of {lines[i]} lines are out of stock")
        if action[i]:
            said.append(f"to {ACTIONS[action[i]]} costs less than to wait".replace("to tell", "to tell the customer"))
        texts.append("; ".join(said))
    return texts

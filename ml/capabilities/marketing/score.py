"""The tables that are published: what each action would change, what to do for whom, audiences, and what campaigns brought."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.marketing import audiences, effects
from ml.capabilities.marketing.allocation import allocate
from ml.capabilities.marketing.config import ACTION, BUDGET, NOTHING
from ml.capabilities.marketing.model import Z80, Effect, Marketing
from ml.capabilities.marketing.spec import AUDIENCE, CAMPAIGN_EFFECT, CAMPAIGN_TARGET, CAMPAIGN_UPLIFT, Params
from ml.core.batches import Columns, batches
from ml.core.capability import Rows
from ml.kernels.hashing import lots

Floats = npt.NDArray[np.float64]
Action = Mapping[str, Any]
BLOCK = 50_000
UNTRIED_CONTROL = 0.5
"""Share that is kept as control of an action that was never tried: the fastest way to learn what it changes."""
DEFAULTS: Mapping[str, Any] = {"budget": None, "margin_share": 0.3, "control_share": 0.1, "rest_days": 7}


def units(features: Rows) -> int:
    """How many customers there are."""
    return int(features["customer"].num_rows)


def expected(features: Rows) -> dict[str, int]:
    """How many customers should be in each table, for the audit's coverage."""
    n = units(features)
    return {
        CAMPAIGN_UPLIFT.name: n if actions(features) else 0,
        CAMPAIGN_TARGET.name: n if actions(features) else 0,
        AUDIENCE.name: 0,
        CAMPAIGN_EFFECT.name: 0,
    }


def actions(features: Rows) -> list[Action]:
    """The actions that the staff allows now, by name."""
    table = features.get(ACTION.name)
    rows = list(ACTION.rows) if table is None else table.to_pylist()
    return sorted((row for row in rows if row["active"] is not False), key=lambda row: str(row["action"]))


def budget(features: Rows) -> dict[str, Any]:
    """What may be spent, and how; what the staff left out is the default."""
    table = features.get(BUDGET.name)
    row = table.to_pylist()[0] if table is not None and len(table) else {}
    return {name: usual if row.get(name) is None else row[name] for name, usual in DEFAULTS.items()}


def score(
    model: Marketing,
    features: Rows,
    shard: int,
    shards: int,
    params: Params,  # noqa: ARG001
) -> dict[str, Iterator[pa.RecordBatch]]:
    """Make ``campaign_uplift`` of customers ``[n shard / shards, n (shard + 1) / shards)``."""
    n = units(features)
    start, end = n * shard // shards, n * (shard + 1) // shards
    shard_rows = features["customer"].sort_by("customer_id").slice(start, end - start)
    given, rules = actions(features), budget(features)
    blocks = (
        _block(model, shard_rows.slice(at, BLOCK), given, rules)
        for at in range(0, len(shard_rows) if given else 0, BLOCK)
    )
    return {CAMPAIGN_UPLIFT.name: batches(CAMPAIGN_UPLIFT, blocks)}


def score_all(model: Marketing, features: Rows, rows: Rows, params: Params) -> dict[str, Iterator[pa.RecordBatch]]:
    """Make the allocation, the audiences and the effects."""
    everyone = features["customer"].sort_by("customer_id")
    return {
        CAMPAIGN_TARGET.name: batches(CAMPAIGN_TARGET, _targets(model, features, everyone, rows[CAMPAIGN_UPLIFT.name])),
        AUDIENCE.name: batches(AUDIENCE, audiences.members(features, everyone)),
        CAMPAIGN_EFFECT.name: batches(
            CAMPAIGN_EFFECT, [effects.effects(features["mail"], everyone, actions(features), params)]
        ),
    }


def _block(model: Marketing, customers: pa.Table, given: list[Action], rules: Mapping[str, Any]) -> Columns:
    """Rows of each customer's actions, one after the other."""
    parts = [pa.table(_uplifts(model, customers, action, rules)) for action in given]
    order = np.arange(len(given) * len(customers)).reshape(len(given), -1).T.ravel()
    table = pa.concat_tables(parts).take(pa.array(order))
    return {name: table[name] for name in table.column_names}


def _uplifts(model: Marketing, customers: pa.Table, action: Action, rules: Mapping[str, Any]) -> Columns:
    n, none = len(customers), np.ones(len(customers), bool)
    value = model.order_value(customers)
    known = action["arm"] in model.arms_
    effect = model.effect(action["arm"], customers) if known else Effect(*(np.full(n, np.nan) for _ in range(4)))
    money = effect.orders * value
    spread = Z80 * effect.error * value
    used = np.maximum(np.nan_to_num(effect.anyway + effect.orders), 0) if known else np.full(n, 0.0)
    cost = float(action["message_cost"]) + float(action["discount_share"]) * value * used
    profit = np.where(known, float(rules["margin_share"]) * np.nan_to_num(money) - cost, 0.0)
    rested = np.nan_to_num(customers["days_since_mail"].cast(pa.float64()).to_numpy(), nan=np.inf) >= rules["rest_days"]
    consent = customers["consent"].to_numpy(zero_copy_only=False).astype(bool)
    may = rested & (consent | (not action["needs_consent"]))
    missing = ~none if known else none
    visits = missing | np.isnan(effect.visits)
    return {
        "customer_id": customers["customer_id"],
        "action": pa.array([action["action"]] * n, pa.string()),
        "uplift_visits": pa.array(effect.visits, mask=visits),
        "uplift_orders": pa.array(effect.orders, mask=missing),
        "uplift_money": pa.array(money, mask=missing),
        "uplift_money_low": pa.array(money - spread, mask=missing),
        "uplift_money_high": pa.array(money + spread, mask=missing),
        "cost": pa.array(cost),
        "expected_profit": pa.array(profit),
        "may": pa.array(may),
        "reason": _why(model, action, effect, value, profit),
    }


def _why(model: Marketing, action: Action, effect: Effect, value: Floats, profit: Floats) -> pa.Array:
    """The kind of customer, and what it rests on."""
    arm = action["arm"]
    if arm not in model.arms_:
        lacking = model.lacking_.get(arm, "it was never tried")
        return pa.array([f"what it changes is not known: {lacking}"] * len(value), pa.string())
    found = model.arms_[arm]
    change = np.where(np.isnan(effect.visits), effect.orders, effect.visits)
    kinds = np.select(
        [change < 0, profit > 0, effect.anyway >= found.usual],
        ["it drives them away", "it moves them", "they come anyway"],
        "it hardly moves them",
    )
    basis = "each on average" if not found.line.slope else f"learner {found.name}"
    what = "a visit" if model.outcome_ == "visited" else "an order"
    percent = pa.array(np.round(100 * change, 1)).cast(pa.string())
    worth = pa.array(np.round(value, 0).astype(np.int64)).cast(pa.string())
    return pc.binary_join_element_wise(
        pa.array(kinds, pa.string()),
        pa.scalar(f": chance of {what} "),
        pc.if_else(pa.array(change >= 0), "+", ""),
        percent,
        pa.scalar(" %, an order of about "),
        worth,
        pa.scalar(f" ({basis})"),
        "",
    )


def _targets(model: Marketing, features: Rows, everyone: pa.Table, scored: pa.Table) -> Iterator[Columns]:
    given, rules = actions(features), budget(features)
    n = len(everyone)
    if not n or not given:
        return
    tables = _by_action(scored, everyone, given)
    known = np.array([action["arm"] in model.arms_ for action in given])
    profit = np.stack([_floats(each["expected_profit"]) for each in tables], axis=1)
    cost = np.stack([_floats(each["cost"]) for each in tables], axis=1)
    may = np.stack([each["may"].to_numpy(zero_copy_only=False).astype(bool) for each in tables], axis=1)
    most = np.array([np.inf if action["most"] is None else float(action["most"]) for action in given])
    money = np.inf if rules["budget"] is None else float(rules["budget"])
    # Of what was never tried nobody knows the profit: those worth most come first, for the least.
    by_value = 1e-6 * model.order_value(everyone)[:, None] * np.maximum(_floats(everyone["orders"]), 0)[:, None]
    wanted = np.where(may, np.where(known, profit, by_value), -np.inf)
    chosen = allocate(wanted, cost, money, most)
    control, chance = _lot(features, everyone, np.where(chosen >= 0, known[np.maximum(chosen, 0)], True), rules)
    yield _rows(everyone, given, tables, chosen, control, chance)


def _lot(
    features: Rows, everyone: pa.Table, known: npt.NDArray[np.bool_], rules: Mapping[str, Any]
) -> tuple[npt.NDArray[np.bool_], Floats]:
    """Whom the lot keeps as control, the same all month; and the chance of what it gave."""
    night = features.get("night")
    month = f"{night['night'][0].as_py():%Y-%m}" if night is not None and len(night) else ""
    keyed = pc.binary_join_element_wise(pa.scalar(month), everyone["customer_id"].combine_chunks(), ":")
    drawn = lots(keyed.to_pylist())
    share = np.where(known, float(rules["control_share"]), UNTRIED_CONTROL)
    control = drawn < share
    return control, np.where(control, share, 1 - share)


def _rows(
    everyone: pa.Table,
    given: list[Action],
    tables: list[pa.Table],
    chosen: npt.NDArray[np.int64],
    control: npt.NDArray[np.bool_],
    chance: Floats,
) -> Columns:
    n, some = len(chosen), chosen >= 0
    control = control & some
    at = np.maximum(chosen, 0) * n + np.arange(n)
    stacked = pa.concat_tables(tables).combine_chunks()
    best = stacked.take(pa.array(at))
    names = pa.array([*(str(action["action"]) for action in given), NOTHING])
    planned = names.take(pa.array(np.where(some, chosen, len(given))))
    done = names.take(pa.array(np.where(some & ~control, chosen, len(given))))
    coupons = pa.array([*(action["coupon"] for action in given), None], pa.string())
    shares = np.array([*(float(action["discount_share"]) for action in given), 0.0])
    sent = np.where(some & ~control, chosen, len(given))
    kept = pc.binary_join_element_wise(pa.scalar("kept as control by lot"), best["reason"], "; ")
    blocked = pc.binary_join_element_wise(pa.scalar("no consent, or a message lately"), best["reason"], "; ")
    reason = pc.if_else(pc.invert(best["may"]), blocked, pc.if_else(pa.array(control), kept, best["reason"]))
    return {
        "customer_id": everyone["customer_id"],
        "action": done,
        "planned": planned,
        "coupon": coupons.take(pa.array(sent)),
        "discount_share": pa.array(shares[sent]),
        **{
            name: best[name]
            for name in ("uplift_visits", "uplift_orders", "uplift_money", "uplift_money_low", "uplift_money_high")
        },
        "expected_profit": pa.array(np.where(some, _floats(best["expected_profit"]), 0.0)),
        "control": pa.array(control),
        "propensity": pa.array(np.where(some, chance, 1.0)),
        "reason": reason,
    }


def _by_action(scored: pa.Table, everyone: pa.Table, given: list[Action]) -> list[pa.Table]:
    """The rows of each action, in the order of ``everyone``."""
    found = []
    for action in given:
        rows = scored.filter(pc.equal(scored["action"], str(action["action"])))
        at = pc.index_in(everyone["customer_id"].combine_chunks(), rows["customer_id"].combine_chunks())
        found.append(rows.take(at))
    return found


def _floats(column: pa.ChunkedArray) -> Floats:
    return np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)

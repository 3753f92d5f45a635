"""What each arm of an experiment did: money and orders per customer since the start, beside the control."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import ibis
import numpy as np
import pyarrow as pa

from ml.adapters.books import experiments as books
from ml.core.asof import known
from ml.core.experiment import Arm, Experiment
from ml.core.figures import Alert
from ml.learn.experiments import UNBALANCED, Effect, Floats, balance, compare, detectable, foreseen
from ml.pipeline.context import Night
from ml.pipeline.experiment import Running, check, customers, running

BEFORE = timedelta(days=56)
"""How long before the start a customer's own money is looked at."""
OPEN_END = timedelta(days=56)
"""What an experiment without an end counts as, for its planned precision."""
EARLIER, LATER = ", earlier half before", ", later half before"
WINDOWS = (EARLIER, LATER)
METRICS = {"money per customer": "money", "orders per customer": "orders"}


def effects(night: Night) -> tuple[list[dict[str, Any]], list[Alert]]:
    """The rows of ``ml.experiment_effect`` tonight, and what people should know: faults, a broken draw, a canary that went back."""
    alerts = [
        Alert(
            "",
            "truth",
            f"experiment {name}",
            f"the experiment {name}: {'; '.join(words)}",
            "mend its rows in ml_config.experiment",
            slice="fault",
        )
        for name, words in check(night).items()
    ]
    found: list[dict[str, Any]] = []
    everyone: pa.Table | None = None
    for one in running(night):
        everyone = customers(night) if everyone is None else everyone
        rows, raised = _effects(night, one, everyone)
        found += rows
        alerts += raised
    books.write_effects(night.settings.database_url, night.night, found)
    return found, alerts


def _effects(night: Night, one: Running, everyone: pa.Table) -> tuple[list[dict[str, Any]], list[Alert]]:
    experiment = one.experiment
    start = night.settings.as_of(experiment.starts)
    drawn = one.assigned(night, everyone)
    ids, arms = drawn["customer_id"].to_pylist(), np.array(drawn["arm"].to_pylist(), object)
    control, shares = experiment.control, dict(one.shares)
    if not control:  # the customers in no arm
        rest = [i for i in everyone["customer_id"].to_pylist() if i not in set(ids)]
        ids, arms = ids + rest, np.r_[arms, np.array([""] * len(rest), object)]
        shares[""] = 1 - sum(shares.values())
    sums = _sums(night, start, ids)
    p = balance({name: int((arms == name).sum()) for name in shares}, shares)
    rows, alerts = [], []
    for arm in experiment.arms:
        if arm.name == control:
            continue
        for metric, column in METRICS.items():
            row = _row(night, experiment, arm, metric, arms, {n: sums[f"{column}{n}"] for n in ("", *WINDOWS)}, p)
            rows.append(row)
        alerts += _canary(night, experiment, arm, rows[-2])
    if p < UNBALANCED:
        words = f"the experiment {experiment.name}: its customers were not drawn as planned (p = {p:.1g}), no effect is believed"
        do = "see whether customers were deleted or added after the start, then begin another experiment"
        alerts.append(Alert("", "truth", f"experiment {experiment.name}", words, do, slice="draw", value=p))
    return rows, alerts


def _sums(night: Night, start: datetime, ids: list[str]) -> Mapping[str, Floats]:
    """Money and orders of each customer since the start and before it, in the order of ``ids``."""
    with night.backend() as backend:
        orders = night.lake.table(backend, night.path("snapshot", "clean", "order"))
        orders = known(orders, night.as_of, "ordered_at", "known_at")
        at = orders["ordered_at"].cast("timestamp('UTC', 6)").epoch_seconds()
        begin = int(start.timestamp())
        half, since = int(BEFORE.total_seconds()) // 2, at >= begin
        later, earlier = (at < begin) & (at >= begin - half), (at < begin - half) & (at >= begin - 2 * half)
        money = (orders["total"] if "total" in orders.columns else ibis.literal(0.0)).cast("float64").fill_null(0.0)
        totals = (
            orders.filter(orders["customer_id"].notnull())
            .group_by("customer_id")
            .aggregate(
                **{
                    f"{name}{window}": (money.sum(where=when) if name == "money" else when.cast("int64").sum())
                    for name in METRICS.values()
                    for window, when in (("", since), (LATER, later), (EARLIER, earlier))
                }
            )
            .to_pyarrow()
        )
    at_row = {customer: place for place, customer in enumerate(totals["customer_id"].to_pylist())}
    places = np.array([at_row.get(customer, -1) for customer in ids], np.int64)
    found = {}
    for name in totals.column_names[1:]:
        values = np.r_[np.nan_to_num(totals[name].cast(pa.float64()).to_numpy()), 0.0]
        found[name] = values[places]
    return found


def _row(
    night: Night, experiment: Experiment, arm: Arm, metric: str, arms: Any, sums: Mapping[str, Floats], p: float
) -> dict[str, Any]:
    a, b = arms == arm.name, arms == experiment.control
    y, x = sums[""], sums[EARLIER] + sums[LATER]
    planned, deviation = _planned(experiment, sums[EARLIER], sums[LATER], int(a.sum()), int(b.sum()))
    effect = compare(y[a], y[b], x[a], x[b], planned)
    return {
        "experiment": experiment.name,
        "night": night.night,
        "arm": arm.name,
        "control": experiment.control or "customers in no arm",
        "metric": metric,
        "customers": int(a.sum()),
        "control_customers": int(b.sum()),
        "value": effect.value,
        "control_value": effect.control,
        "effect": effect.effect,
        "low": effect.low,
        "high": effect.high,
        "detectable": detectable(deviation, int(a.sum()), int(b.sum())),
        "balance_p": p,
        "verdict": verdict(effect, metric, p),
    }


def _planned(
    experiment: Experiment, earlier: Floats, later: Floats, treated: int, control: int
) -> tuple[float | None, float]:
    """Variance of the difference at the planned end and the metric's deviation there, from what was before the start."""
    length = (experiment.ends - experiment.starts) if experiment.ends else OPEN_END
    spread = foreseen(earlier, later, 2 * length / BEFORE)
    if min(treated, control) < 2 or spread <= 0:
        return None, float("nan")
    return spread * (1 / treated + 1 / control), spread**0.5


def verdict(effect: Effect, metric: str, p: float) -> str:
    """What an effect says, in words.

    Examples
    --------
    >>> verdict(Effect(1.0, 0.5, 1.5, 0.2, 5.0, 4.0), "money per customer", 0.5)
    'more money per customer: +1 [+0.5, +1.5]'
    """
    if p < UNBALANCED:
        return "not to be believed: the customers were not drawn as planned"
    if not np.isfinite(effect.low):
        return "too few customers, or none did anything yet"
    span = f"{effect.effect:+.3g} [{effect.low:+.3g}, {effect.high:+.3g}]"
    if effect.low > 0:
        return f"more {metric}: {span}"
    if effect.high < 0:
        return f"less {metric}: {span}"
    return f"no difference shown yet: {span}"


def _canary(night: Night, experiment: Experiment, arm: Arm, row: Mapping[str, Any]) -> list[Alert]:
    """Let a canary's share grow while it does no harm, and take it back where it does; from the next night on."""
    url = night.settings.database_url
    kept = books.state(url).get((experiment.name, arm.name))
    if experiment.mode != "canary" or kept is None or kept["state"] in ("stopped", "ended"):
        return []
    if row["high"] < 0:
        why = f"{row['verdict']}"
        books.change(url, experiment.name, arm.name, night.night, share=0.0, state="stopped", why=why)
        words = f"the canary {arm.name} of {experiment.name} went back by itself: {why}"
        do = "see ml.experiment_effect; every customer sees the champion from the next night on"
        return [Alert("", "truth", f"experiment {experiment.name}", words, do, slice="canary", value=row["effect"])]
    share = min(arm.share, float(kept["share"]) * 2)
    books.change(
        url, experiment.name, arm.name, night.night, share=share, state="full" if share >= arm.share else "running"
    )
    return []

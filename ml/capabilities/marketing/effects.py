"""What each past campaign changed, by group, beside the customers who were kept without it by lot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.marketing.config import CONTROL
from ml.capabilities.marketing.spec import CAMPAIGN_EFFECT, Params
from ml.core.batches import Columns, schema

Floats = npt.NDArray[np.float64]
Z95 = 1.96
FEWEST = 20
"""Customers in an arm and in its control group below which no interval is trusted."""
RECENT_DAYS = 90.0
PLAN = "plan"
WANTED = 0.2
"""A change of this share of what happens anyway is to be seen by a planned control group, with a power of 80 %."""


def effects(mail: pa.Table, everyone: pa.Table, actions: Sequence[Mapping[str, Any]], params: Params) -> Columns:
    """Columns of ``campaign_effect``: a row per campaign, arm and group; and a plan for each action without a control group."""
    rows: list[dict[str, Any]] = []
    mail = mail.sort_by([("sent", "ascending"), ("campaign_id", "ascending"), ("customer_id", "ascending")])
    for campaign in pc.unique(mail["campaign_id"]).sort().to_pylist():
        sent = mail.filter(pc.equal(mail["campaign_id"], campaign))
        arms = sorted(set(pc.unique(sent["arm"]).to_pylist()) - {CONTROL})
        rows += [row for arm in arms for row in _rows(sent, campaign, arm, params)]
    tried = {row["arm"] for row in rows if row["segment"] == "all" and row["orders"] is not None}
    for arm in sorted({str(action["arm"]) for action in actions} - tried) if len(everyone) else ():
        rows.append(_plan(everyone, arm, params))
    table = pa.Table.from_pylist(rows, schema(CAMPAIGN_EFFECT))
    return {name: table[name] for name in table.column_names}


def _rows(sent: pa.Table, campaign: str, arm: str, params: Params) -> list[dict[str, Any]]:
    since = np.nan_to_num(_floats(sent, "days_since"), nan=np.inf)
    group = np.select([since < RECENT_DAYS, np.isfinite(since)], ["recent", "earlier"], "never")
    arms = sent["arm"].to_numpy(zero_copy_only=False)
    base = {"campaign_id": campaign, "arm": arm, "sent_at": pc.min(sent["sent_at"]).as_py()}
    found = []
    for name in ("all", *sorted(set(group.tolist()))):
        here = np.ones(len(sent), bool) if name == "all" else group == name
        treated, control = here & (arms == arm), here & (arms == CONTROL)
        if treated.any():
            found.append(base | {"segment": name} | _figures(sent, treated, control, params))
    return found


def _figures(
    sent: pa.Table, treated: npt.NDArray[np.bool_], control: npt.NDArray[np.bool_], params: Params
) -> dict[str, Any]:
    n, m = int(treated.sum()), int(control.sum())
    enough = min(n, m) >= FEWEST
    figures: dict[str, Any] = {"customers": n, "control": m}
    known_visits = bool(_floats(sent, "visited").any())
    for name, column in (("visits", "visited"), ("orders", "ordered"), ("money", "money")):
        values = _floats(sent, column)
        if not enough or (name == "visits" and not known_visits):
            figures |= {name: None, f"{name}_low": None, f"{name}_high": None}
            continue
        a, b = values[treated], values[control]
        change = float(a.mean() - b.mean())
        half = Z95 * float(np.sqrt(a.var(ddof=1) / n + b.var(ddof=1) / m))
        figures |= {name: n * change, f"{name}_low": n * (change - half), f"{name}_high": n * (change + half)}
    discount = float(_floats(sent, "discount")[treated].sum())
    ordered = _floats(sent, "ordered")
    share = min(1.0, float(ordered[control].mean() / max(ordered[treated].mean(), 1e-9))) if enough else None
    if enough and not ordered[treated].any():
        share = 0.0
    figures |= {"discount": discount, "discount_anyway": None if share is None else discount * share}
    return figures | {"reason": _words(figures, n, m, params)}


def _words(figures: Mapping[str, Any], n: int, m: int, params: Params) -> str:
    if figures["orders"] is None:
        lack = "no control group" if m == 0 else f"only {min(n, m)} customers in it or in its control group"
        return f"{lack}: what it changed is not known"
    name = "orders" if figures["visits"] is None else "visits"
    low, high = figures[f"{name}_low"], figures[f"{name}_high"]
    if low <= 0 <= high:
        return f"{name} within {params.effect_days} days do not clearly differ from those of the {m} who were kept without it"
    clear = "more" if low > 0 else "fewer"
    return f"{clear} {name} within {params.effect_days} days than the {m} who were kept without it had"


def _plan(everyone: pa.Table, arm: str, params: Params) -> dict[str, Any]:
    """How large a control group would show a change of ``WANTED`` (two shares, 5 % two-sided, power 80 %)."""
    n = len(everyone)
    chance = (
        min(0.9, max(0.005, float(np.nan_to_num(_floats(everyone, "orders_90")).mean()) * params.effect_days / 90))
        if n
        else 0.05
    )
    needed = int(np.ceil(2 * (1.96 + 0.84) ** 2 * chance * (1 - chance) / (WANTED * chance) ** 2))
    words = f"not known yet what it changes: keep {needed:,} customers without it by lot beside as many who get it"
    if 2 * needed > n:
        words += f" (over {int(np.ceil(2 * needed / max(n, 1)))} campaigns to all {n:,})"
    nothing = {f"{name}{end}": None for name in ("visits", "orders", "money") for end in ("", "_low", "_high")}
    return {
        "campaign_id": PLAN,
        "arm": arm,
        "segment": "all",
        "sent_at": None,
        "customers": 0,
        "control": needed,
        **nothing,
        "discount": 0.0,
        "discount_anyway": None,
        "reason": words,
    }


def _floats(rows: pa.Table, name: str) -> Floats:
    return np.asarray(rows[name].cast(pa.float64()).to_numpy(), np.float64)

"""What a change of the budget, of a limit or of the control share does to the allocation, before it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ml.core.console import Compared, Console, Estimate, Found

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

ALL = "all actions"
CUSTOMERS, CONTROL, COST, PROFIT = "customers", "of which control", "cost", "expected profit"
FIGURES = (CUSTOMERS, CONTROL, COST, PROFIT)
UNTRIED = (
    "An action that was never tried is left out: what it brings is not known, so a night chooses by other figures."
)
NEW = "An action that the last night did not see is left out: its figures come with the next night."
COUPON = (
    "A coupon that was not there before is counted with its message alone: what it costs comes with the next night."
)
SAMPLED = "Computed on every k-th customer of more than 5,000, and counted for all."

_SELECTS = {
    "actions": "SELECT action, message_cost, discount_share, most FROM ml_config.marketing_action WHERE active",
    "budget": "SELECT budget, margin_share, control_share FROM ml_config.marketing_budget",
    "uplifts": """
WITH size AS (SELECT greatest(1, ceil(count(*) / 5000.0))::integer AS every FROM ml.campaign_target),
sampled AS MATERIALIZED (
    SELECT customer_id, every FROM ml.campaign_target, size WHERE mod(abs(hashtext(customer_id)::bigint), every) = 0
)
SELECT array_agg(u.customer_id) AS customers, array_agg(u.action) AS actions, array_agg(u.uplift_money::float8) AS money,
    array_agg(u.cost::float8) AS costs, min(s.every) AS every,
    (SELECT to_char(b.night, 'YYYY-MM') FROM ml_ops.batch AS b WHERE b.batch_id = min(u.batch_id)) AS month
FROM sampled AS s JOIN ml.campaign_uplift AS u USING (customer_id) WHERE u.may HAVING count(*) > 0
""",
}
"""The uplifts are one row of lists, of customers that are found by their key: a page must answer at once."""


def compare(before: Found, after: Found) -> Compared:
    """The allocation of the last night's rows, by the settings before and after the change.

    Costs of the rows are of the settings before: what a change of message or coupon adds is put on top.
    """
    from ml.capabilities.marketing.score import DEFAULTS

    if not before["uplifts"]:
        return Compared({}, tuple(_notes(before, after, {"actions": [], "money": [], "every": 1})))
    (uplifts,) = before["uplifts"]
    every = uplifts["every"]
    usual = {row["action"]: row for row in before["actions"]}
    first, second = (_allocated(found, uplifts, usual, DEFAULTS) for found in (before, after))
    names = sorted({*first, *second} - {ALL})
    nothing = dict.fromkeys(FIGURES, 0.0)
    rows = {
        name: {f: (every * first.get(name, nothing)[f], every * second.get(name, nothing)[f]) for f in FIGURES}
        for name in [*names, ALL]
    }
    return Compared(rows, tuple(_notes(before, after, uplifts)))


def _notes(before: Found, after: Found, uplifts: Mapping[str, Any]) -> list[str]:
    given = {row["action"]: row for row in after["actions"]}
    usual = {row["action"]: row for row in before["actions"]}
    known = {name: money is not None for name, money in zip(uplifts["actions"], uplifts["money"], strict=True)}
    coupons = [n for n in given if n in usual and given[n]["discount_share"] and not usual[n]["discount_share"]]
    which = {
        UNTRIED: any(not known.get(name, True) for name in given),
        NEW: any(name not in known for name in given),
        COUPON: bool(coupons),
        SAMPLED: uplifts["every"] > 1,
    }
    return [note for note, holds in which.items() if holds]


def _allocated(
    found: Found, uplifts: Mapping[str, Any], usual: Mapping[str, Mapping[str, Any]], defaults: Mapping[str, Any]
) -> dict[str, dict[str, float]]:
    """Figures by action, of the customers that were looked at."""
    import numpy as np

    from ml.capabilities.marketing.allocation import allocate
    from ml.kernels.hashing import lots

    rules = {n: v if v is not None else defaults[n] for n, v in (*found["budget"], defaults)[0].items()}
    given = {row["action"]: row for row in found["actions"] if row["action"] in usual}
    names, who = sorted(given), sorted(set(uplifts["customers"]))
    if not names:
        return {ALL: dict.fromkeys(FIGURES, 0.0)}
    profit, cost = _tables(uplifts, usual, given, float(rules["margin_share"]), names, who)
    every = uplifts["every"]
    limits = (np.inf if given[name]["most"] is None else given[name]["most"] / every for name in names)
    money = np.inf if rules["budget"] is None else float(rules["budget"]) / every
    chosen = allocate(profit, cost, money, np.array(list(limits), np.float64))
    month = uplifts["month"] or ""
    control = np.array(lots([f"{month}:{customer}" for customer in who])) < float(rules["control_share"])
    some = np.flatnonzero(chosen >= 0)
    parts = {name: some[chosen[some] == place] for place, name in enumerate(names)} | {ALL: some}
    return {
        name: {
            CUSTOMERS: float(len(rows)),
            CONTROL: float(control[rows].sum()),
            COST: round(float(cost[rows, chosen[rows]].sum()), 2),
            PROFIT: round(float(profit[rows, chosen[rows]].sum()), 2),
        }
        for name, rows in parts.items()
    }


def _tables(
    uplifts: Mapping[str, Any],
    usual: Mapping[str, Mapping[str, Any]],
    given: Mapping[str, Mapping[str, Any]],
    margin: float,
    names: list[str],
    who: list[str],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Expected profit (``-inf``: not allowed, or not known) and cost, each of shape (n_customers, n_actions)."""
    import numpy as np

    profit = np.full((len(who), len(names)), -np.inf)
    cost = np.zeros_like(profit)
    customer, action = (np.array(uplifts[name]) for name in ("customers", "actions"))
    money, paid = (np.array(uplifts[name], np.float64) for name in ("money", "costs"))  # nan: it was never tried
    for place, name in enumerate(names):
        rows = np.flatnonzero((action == name) & ~np.isnan(money))
        at, old, new = np.searchsorted(who, customer[rows]), usual[name], given[name]
        share = new["discount_share"] / old["discount_share"] if old["discount_share"] else 1.0
        cost[at, place] = new["message_cost"] + np.maximum(paid[rows] - old["message_cost"], 0.0) * share
        profit[at, place] = margin * money[rows] - cost[at, place]
    return profit, cost


_ALLOCATION = Estimate("The allocation of the last night's customers", _SELECTS, compare, FIGURES, same=("uplifts",))
_NIGHT = "The next night allocates by it, with what it knows of the customers by then."
CONSOLE = Console(
    probes={"marketing_action": (_ALLOCATION,), "marketing_budget": (_ALLOCATION,)},
    later={
        "marketing_action": _NIGHT,
        "marketing_budget": f"{_NIGHT} How long nobody gets a second message is read by the night alone.",
        "marketing_protected": "The next night leaves it out of every offer.",
        "marketing_audience": "The next night makes this audience.",
    },
)

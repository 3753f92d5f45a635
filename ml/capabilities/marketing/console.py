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
SAMPLED = "Computed on every k-th customer of more than 20,000, and counted for all."

_SELECTS = {
    "actions": "SELECT action, message_cost, discount_share, most FROM ml_config.marketing_action WHERE active",
    "budget": "SELECT budget, margin_share, control_share FROM ml_config.marketing_budget",
    "uplifts": """
SELECT u.customer_id, u.action, u.uplift_money::float8 AS money, u.cost::float8 AS cost, s.every,
    (SELECT to_char(b.night, 'YYYY-MM') FROM ml_ops.batch AS b WHERE b.batch_id = u.batch_id) AS month
FROM ml.campaign_uplift AS u, (SELECT greatest(1, ceil(count(*) / 20000.0))::integer AS every FROM ml.campaign_target) AS s
WHERE u.may AND mod(abs(hashtext(u.customer_id)::bigint), s.every) = 0 ORDER BY u.customer_id, u.action
""",
}


def compare(before: Found, after: Found) -> Compared:
    """The allocation of the last night's rows, by the settings before and after the change.

    Costs of the rows are of the settings before: what a change of message or coupon adds is put on top.
    """
    from ml.capabilities.marketing.score import DEFAULTS

    usual = {row["action"]: row for row in before["actions"]}
    every = before["uplifts"][0]["every"] if before["uplifts"] else 1
    first, second = (_allocated(found, usual, DEFAULTS) for found in (before, after))
    names = sorted({*first, *second} - {ALL})
    nothing = dict.fromkeys(FIGURES, 0.0)
    rows = {
        name: {f: (every * first.get(name, nothing)[f], every * second.get(name, nothing)[f]) for f in FIGURES}
        for name in [*names, ALL]
    }
    return Compared(rows if before["uplifts"] else {}, tuple(_notes(before, after, every)))


def _notes(before: Found, after: Found, every: int) -> list[str]:
    given = {row["action"]: row for row in after["actions"]}
    usual = {row["action"]: row for row in before["actions"]}
    known = {row["action"]: row["money"] is not None for row in before["uplifts"]}
    coupons = [n for n in given if n in usual and given[n]["discount_share"] and not usual[n]["discount_share"]]
    which = {
        UNTRIED: any(not known.get(name, True) for name in given),
        NEW: any(name not in known for name in given),
        COUPON: bool(coupons),
        SAMPLED: every > 1,
    }
    return [note for note, holds in which.items() if holds]


def _allocated(
    found: Found, usual: Mapping[str, Mapping[str, Any]], defaults: Mapping[str, Any]
) -> dict[str, dict[str, float]]:
    """Figures by action, of the customers that were looked at."""
    import numpy as np

    from ml.capabilities.marketing.allocation import allocate
    from ml.kernels.hashing import lots

    rules = {n: v if v is not None else defaults[n] for n, v in (*found["budget"], defaults)[0].items()}
    given = {row["action"]: row for row in found["actions"] if row["action"] in usual}
    names, who = sorted(given), sorted({row["customer_id"] for row in found["uplifts"]})
    if not names or not who:
        return {ALL: dict.fromkeys(FIGURES, 0.0)}
    profit, cost = _tables(found, usual, given, float(rules["margin_share"]), names, who)
    every = found["uplifts"][0]["every"]
    limits = (np.inf if given[name]["most"] is None else given[name]["most"] / every for name in names)
    money = np.inf if rules["budget"] is None else float(rules["budget"]) / every
    chosen = allocate(profit, cost, money, np.array(list(limits), np.float64))
    month = found["uplifts"][0]["month"] or ""
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
    found: Found,
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
    row_of, place_of = ({value: i for i, value in enumerate(values)} for values in (who, names))
    for row in found["uplifts"]:
        name = row["action"]
        if name not in given or row["money"] is None:
            continue
        old, new = usual[name], given[name]
        coupon = max(row["cost"] - old["message_cost"], 0.0)
        share = new["discount_share"] / old["discount_share"] if old["discount_share"] else 1.0
        at = row_of[row["customer_id"]], place_of[name]
        cost[at] = new["message_cost"] + coupon * share
        profit[at] = margin * row["money"] - cost[at]
    return profit, cost


_ALLOCATION = Estimate("The allocation of the last night's customers", _SELECTS, compare, FIGURES)
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

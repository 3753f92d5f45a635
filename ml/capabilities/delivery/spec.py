"""What the promise of delivery needs, publishes and promises itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ml.core.spec import Capability, ConfigColumn, ConfigTable, Example, Gate, Live, Published, PublishedColumn

DEFAULTS = {"late_cost": 8.0, "upgrade_cost": 6.0, "tell_cost": 0.5, "split_cost": 5.0}


@dataclass(frozen=True)
class Params:
    """Parameters of delivery. Costs are those of a shop that has not filled in its own (table ``order_cost``)."""

    history_days: int = 400
    open_days: int = 60
    """An order older than this is not waited for any more."""
    settle_days: int = 14
    """Orders younger than this are not judged on: of these the quick ones are known first."""
    trees: int = 80
    late_cost: float = DEFAULTS["late_cost"]
    upgrade_cost: float = DEFAULTS["upgrade_cost"]
    tell_cost: float = DEFAULTS["tell_cost"]
    split_cost: float = DEFAULTS["split_cost"]
    upgrade_helps: float = 0.7
    """Share of late deliveries that quicker shipping avoids: assumed."""
    telling_helps: float = 0.5
    """Share of a late delivery's cost that a word beforehand saves: assumed."""


ORDER_PROMISE = Published(
    "order_promise",
    "Open orders: when each will be delivered, whether it will be late, and what is best done about it.",
    ("order_id",),
    (
        PublishedColumn("order_id", "text", "The order."),
        PublishedColumn("ordered_at", "timestamp", "When it was placed.", "UTC"),
        PublishedColumn("expected_at", "timestamp", "As likely before as after this it is delivered.", "UTC"),
        PublishedColumn("earliest_at", "timestamp", "One in ten is delivered before.", "UTC"),
        PublishedColumn("latest_at", "timestamp", "One in ten is delivered after.", "UTC"),
        PublishedColumn("promised_at", "timestamp", "What the customer was told; null: nothing.", "UTC", nullable=True),
        PublishedColumn(
            "late_chance", "number", "That it comes after the promise; null without one.", "0 to 1", nullable=True
        ),
        PublishedColumn("action", "text", "release, split, upgrade or tell: what costs least by ml_config.order_cost."),
        PublishedColumn("action_saves", "number", "What it saves against releasing it as it is.", "shop currency"),
        PublishedColumn("reason", "text", "What makes it early or late, and why the action, in words."),
    ),
    indexes=(("action",), ("late_chance",)),
)

COST = ConfigTable(
    "order_cost",
    "What late orders and the ways around them cost, and which decisions may be made; one row.",
    ("one",),
    (
        ConfigColumn("one", "boolean", "Always true: there is one row.", default="true"),
        ConfigColumn("late_cost", "number", "What a late delivery costs; null: the default.", "shop currency"),
        ConfigColumn("upgrade_cost", "number", "What quicker shipping costs; null: the default.", "shop currency"),
        ConfigColumn("tell_cost", "number", "What a word to the customer costs; null: the default.", "shop currency"),
        ConfigColumn("split_cost", "number", "What a second parcel costs; null: the default.", "shop currency"),
        ConfigColumn("may_hold", "boolean", "Whether an order may be held for its risk; null: yes."),
        ConfigColumn("may_split", "boolean", "Whether an order may be split; null: yes."),
        ConfigColumn("may_upgrade", "boolean", "Whether shipping may be upgraded; null: yes."),
        ConfigColumn("may_tell", "boolean", "Whether the customer may be told; null: yes."),
    ),
    checks={
        "there is one row": "one",
        "late_cost is between 0 and 1e9": "late_cost BETWEEN 0 AND 1e9",
        "upgrade_cost is between 0 and 1e9": "upgrade_cost BETWEEN 0 AND 1e9",
        "tell_cost is between 0 and 1e9": "tell_cost BETWEEN 0 AND 1e9",
        "split_cost is between 0 and 1e9": "split_cost BETWEEN 0 AND 1e9",
    },
    rows=({"one": True, **DEFAULTS},),
    examples={"Never upgrade shipping by itself.": "UPDATE ml_config.order_cost SET may_upgrade = false"},
)

SPEC = Capability(
    name="delivery",
    title="Delivery",
    question="When will each open order be delivered, and what should be done with it?",
    package="ml.capabilities.delivery",
    needs=("order", "shipment"),
    wants=("customer", "product", "order_item", "stock"),
    publishes=(ORDER_PROMISE,),
    params=Params(),
    gate=Gate(metric="closeness", baseline="median by route", horizon=timedelta(days=42), min_units=50),
    train_schedule="15 3 * * *",
    draws={"past": ("order_id",), "truth": ("order_id",)},
    config=(COST,),
    functions=("actions.sql",),
    live=Live({"order": ("order_id",)}, ("customer", "product", "order_item", "stock", "shipment"), "order_promise"),
    examples=(
        Example(
            "Orders that will be late",
            "SELECT order_id AS \"order\", to_char(promised_at, 'YYYY-MM-DD') AS promised, to_char(expected_at, 'YYYY-MM-DD') "
            "AS expected, round(100 * late_chance::numeric) || ' %' AS late, action, reason FROM ml.order_promise "
            "ORDER BY late_chance DESC NULLS LAST, order_id LIMIT 3",
        ),
    ),
    headlines={
        "open orders likely to be late": "SELECT count(*) FROM ml.order_promise WHERE late_chance >= 0.5",
        "customers to tell": "SELECT count(*) FROM ml.order_promise WHERE action = 'tell'",
    },
)

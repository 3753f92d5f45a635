"""A small capability with a lane between nights, for the tests and the benchmark: which orders to look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ml.core.spec import Capability, Gate, Live, Published, PublishedColumn


@dataclass(frozen=True)
class Params:
    """``hours`` is the window that orders of one customer are counted in."""

    hours: int = 24


ORDER_WATCH = Published(
    "order_watch",
    "Orders that are not cancelled, with how many their customer placed lately.",
    ("order_id",),
    (
        PublishedColumn("order_id", "text", "The order."),
        PublishedColumn("customer_id", "text", "Who; null for a guest.", nullable=True),
        PublishedColumn("ordered_at", "timestamp", "When.", "UTC"),
        PublishedColumn("orders", "integer", "Orders of the customer in the window, this one included."),
        PublishedColumn("items", "number", "Pieces in it."),
        PublishedColumn("paid", "number", "What was paid for it."),
        PublishedColumn("score", "number", "How unusual."),
        PublishedColumn("reason", "text", "Why, in words."),
    ),
    indexes=(("customer_id",),),
)

SPEC = Capability(
    name="watch",
    title="Order watch",
    question="Which orders come fast?",
    package="tests.live.watch",
    needs=("customer", "product", "order", "order_item"),
    wants=("payment", "order_outcome"),
    publishes=(ORDER_WATCH,),
    params=Params(),
    gate=Gate(metric="hit", baseline="nothing", horizon=timedelta(days=14), min_units=2),
    train_schedule="0 3 * * *",
    thorough={"hours": 48},
    live=Live(
        {"order": ("order_id",)}, ("customer", "product", "order_item", "payment", "order_outcome"), "order_watch"
    ),
)

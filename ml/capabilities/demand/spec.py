"""What the forecast of demand needs, publishes and promises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ml.core.spec import Capability, Example, Gate, Published, PublishedColumn

DAYS, WEEKS = 28, 13
QUANTILES = {"q05": 0.05, "q10": 0.1, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q90": 0.9, "q95": 0.95}


@dataclass(frozen=True)
class Params:
    """Parameters of the forecast of demand."""

    history_days: int = 560
    """So many days are looked at: a year, and enough before it to see what the year changed."""
    most_series: int = 20_000
    """At most so many products are learned from, drawn by lot; all are forecast."""
    rows: int = 40_000
    """Rows (a product, an origin, a span of days) that are learned from, at most."""
    trees: int = 80
    network_seconds: float = 40.0
    """A network is a further candidate: trained for so long at most, twice; 0: none is."""
    network_products: int = 1_000
    """A shop with fewer products trains none."""
    new_days: int = 28
    """A product younger than this is new: it is expected to sell as its likes."""
    alert_days: tuple[int, int] = (3, 7)
    """What was sold in so many last days is held against what was expected of them."""


_NUMBERS = (
    PublishedColumn(
        "mean",
        "number",
        "Expected; of the days of a week and of the products of a category they sum up. A week's lies from q05 to q95; a day's above q95 where hardly a day in twenty has a sale.",
        "pieces",
    ),
    *(
        PublishedColumn(name, "number", f"With {level:.0%} chance no more than this is sold.", "pieces")
        for name, level in QUANTILES.items()
    ),
)

DEMAND_FORECAST = Published(
    "demand_forecast",
    "What each product will sell: the next 28 days, and the next 13 weeks.",
    ("product_id", "period", "starts_on"),
    (
        PublishedColumn("product_id", "text", "The product."),
        PublishedColumn("period", "text", "day or week (seven days from starts_on on)."),
        PublishedColumn("starts_on", "timestamp", "When the day or week begins.", "UTC"),
        *_NUMBERS,
        PublishedColumn("reason", "text", "What the forecast comes from, in words."),
    ),
    indexes=(("period", "starts_on"),),
)

DEMAND_ALERT = Published(
    "demand_alert",
    "Products that sold far more or far less of late than was to be expected.",
    ("product_id",),
    (
        PublishedColumn("product_id", "text", "The product."),
        PublishedColumn("direction", "text", "above or below."),
        PublishedColumn("days", "integer", "So many last days are meant.", "days"),
        PublishedColumn("sold", "number", "Sold in them.", "pieces"),
        PublishedColumn("expected", "number", "Expected of them before they began.", "pieces"),
        PublishedColumn("low", "number", "With 5 % chance less than this was to be expected.", "pieces"),
        PublishedColumn("high", "number", "With 5 % chance more than this was to be expected.", "pieces"),
        PublishedColumn("reason", "text", "The same in words."),
    ),
)

DEMAND_TOTAL = Published(
    "demand_total",
    "The forecast by category and of the whole shop; means are the sums over its products.",
    ("name", "scope", "period", "starts_on"),
    (
        PublishedColumn("name", "text", "The category; empty: products without one. Of the shop: shop."),
        PublishedColumn("scope", "text", "category or shop."),
        PublishedColumn("period", "text", "day or week (seven days from starts_on on)."),
        PublishedColumn("starts_on", "timestamp", "When the day or week begins.", "UTC"),
        *_NUMBERS,
        PublishedColumn("products", "integer", "Products in it."),
    ),
    for_all=True,
)

SPEC = Capability(
    name="demand",
    title="Demand",
    question="How much of each product will be sold, by day and by week?",
    package="ml.capabilities.demand",
    needs=("product", "order", "order_item"),
    wants=("stock",),
    publishes=(DEMAND_FORECAST, DEMAND_ALERT, DEMAND_TOTAL),
    params=Params(),
    gate=Gate(metric="skill", baseline="56-day average by weekday", horizon=timedelta(days=DAYS), min_units=30),
    train_schedule="30 3 * * 0",
    examples=(
        Example(
            "What will sell most in the next week",
            "SELECT f.product_id AS product, p.title, round(f.mean::numeric, 1) AS expected, "
            "round(f.q10::numeric) || ' to ' || round(f.q90::numeric) AS \"4 in 5 times\", f.reason "
            "FROM ml.demand_forecast f LEFT JOIN shop.product p ON p.product_id::text = f.product_id "
            "WHERE f.period = 'week' AND f.starts_on = f.as_of ORDER BY f.mean DESC, f.product_id LIMIT 3",
        ),
    ),
    headlines={
        "pieces expected in the next week": "SELECT round(sum(mean)) FROM ml.demand_total WHERE scope = 'shop' "
        "AND period = 'week' AND starts_on = as_of",
        "products far off their forecast": "SELECT count(*) FROM ml.demand_alert",
    },
)

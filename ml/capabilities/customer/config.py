"""What the shop's staff tells: the segments, and whether a model may look at where customers come from."""

from __future__ import annotations

from ml.core.spec import ConfigColumn, ConfigTable

_BOUNDS = (
    ("orders", "Orders so far", ""),
    ("known_days", "Days since the first order", "days"),
    ("since_days", "Days since the last order", "days"),
    ("gaps", "Days since the last order over the days that usually lie between two of this customer's", ""),
    ("spend_rank", "Share of the customers who have spent less", "0 to 1"),
)


def _bounds(**given: float) -> dict[str, float | None]:
    return {f"{name}_{side}": given.get(f"{name}_{side}") for name, _, _ in _BOUNDS for side in ("from", "below")}


SEGMENT_RULE = ConfigTable(
    "customer_segment_rule",
    "Which segment a customer is in: the first rule, by its place, whose bounds all hold; null: no bound. Nobody's: regular.",
    ("place",),
    (
        ConfigColumn("place", "integer", "The rules are looked at in this order."),
        ConfigColumn("segment", "text", "Name, as ml.customer_value shall show it.", required=True),
        *(
            ConfigColumn(f"{name}_{side}", "number", f"{meaning}: {words}; null: no bound.", unit)
            for name, meaning, unit in _BOUNDS
            for side, words in (("from", "at least this"), ("below", "less than this"))
        ),
    ),
    checks={"segment has 1 to 40 letters": "length(trim(segment)) BETWEEN 1 AND 40"},
    rows=(
        {"place": 10, "segment": "new", **_bounds(known_days_below=60)},
        {"place": 20, "segment": "one-time", **_bounds(orders_below=2)},
        {"place": 30, "segment": "lapsed", **_bounds(since_days_from=90, gaps_from=4)},
        {"place": 40, "segment": "at risk", **_bounds(since_days_from=30, gaps_from=2)},
        {"place": 50, "segment": "champion", **_bounds(orders_from=5, spend_rank_from=0.8)},
    ),
    examples={
        "Who has not ordered for a year has lapsed, whatever was usual.": (
            "INSERT INTO ml_config.customer_segment_rule (place, segment, since_days_from) VALUES (5, 'lapsed', 365)"
        ),
        "A segment of our own: the ten in a thousand who spent most.": (
            "INSERT INTO ml_config.customer_segment_rule (place, segment, spend_rank_from) VALUES (1, 'key account', 0.99)"
        ),
    },
)

SETTING = ConfigTable(
    "customer_setting",
    "What the customer models may look at; one row.",
    ("one",),
    (
        ConfigColumn("one", "boolean", "Always true: there is one row.", default="true"),
        ConfigColumn(
            "use_origin",
            "boolean",
            "Whether the country of residence may be used. Age and sex never are. What it would change stands in the "
            "training's figures (gap_90@country).",
            default="false",
        ),
    ),
    checks={"there is one row": "one"},
    rows=({"one": True, "use_origin": False},),
    examples={"The country may be used.": "UPDATE ml_config.customer_setting SET use_origin = true"},
)

CONFIG = (SEGMENT_RULE, SETTING)

"""An arm of an experiment that is a set of rules, through a whole night: what the shop reads shows each customer their arm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ml import pipeline
from ml.adapters import postgres
from ml.capabilities.recommender.sample import AS_OF, sample
from ml.registry import CAPABILITIES
from ml.settings import Settings
from tests.small_shop import execute, fill

NIGHT = AS_OF.date()
PIN = "p021"
QUICK: dict[str, Any] = {"windows": 1, "trees": 10, "factors": 8, "topics": 4}


def ask(settings: Settings, sql: str) -> list[dict[str, Any]]:
    """Rows of a query on what the shop reads."""
    return postgres.query(settings.database_url, sql)


def test_an_arm_of_rules_is_shown_to_its_customers_alone(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The product that the set pins stands first for its arm and for nobody else; ml.recommend says the same."""
    spec = CAPABILITIES["recommender"]
    monkeypatch.setitem(CAPABILITIES, "recommender", replace(spec, params=replace(spec.params, **QUICK)))
    fill(settings.shop_url, {name: table.to_pylist() for name, table in sample(7).tables.items()})
    pipeline.migrate(settings.database_url)
    execute(
        settings.database_url,
        "INSERT INTO ml_config.rule (kind, product_id, rank, rule_set) VALUES"
        f" ('pin', '{PIN}', 1, 'autumn'), ('pin', 'p022', 1, 'spring')",
        "INSERT INTO ml_config.experiment (name, arm, capability, shows, rule_set, share, mode, starts_on) VALUES"
        f" ('pins', 'as ever', 'recommender', 'champion', NULL, 0.5, 'ab', '{NIGHT}'),"
        f" ('pins', 'pinned', 'recommender', 'rules', 'autumn', 0.5, 'ab', '{NIGHT}')",
    )
    pipeline.run_night(settings, NIGHT, capabilities=["recommender"])
    first = {
        row["customer_id"]: row["product_id"] for row in ask(settings, "SELECT * FROM ml.recommendation WHERE rank = 1")
    }
    arms = {
        row["customer_id"]: row for row in ask(settings, "SELECT * FROM ml.experiment_arm WHERE experiment = 'pins'")
    }
    pinned = {who for who, row in arms.items() if row["arm"] == "pinned"}
    assert 30 < len(pinned & set(first)) < 90, "some half of the customers are in each arm"
    assert set(first) <= set(arms)
    assert {first[who] for who in pinned & set(first)} == {PIN}
    assert not {first[who] for who in set(first) - pinned} & {PIN, "p022"}
    for customer in (min(pinned & set(first)), min(set(first) - pinned)):
        live = ask(settings, f"SELECT product_id FROM ml.recommend('{customer}', 1)")
        assert live == [{"product_id": first[customer]}]
    (batch,) = ask(settings, "SELECT count(DISTINCT batch_id) AS batches FROM ml.recommendation")
    assert batch == {"batches": 1}, "all arms are one whole batch"

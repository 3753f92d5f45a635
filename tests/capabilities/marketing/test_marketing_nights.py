"""A night of the sample's shop in a real Postgres: what is published, and what the shop's pages ask live."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from typing import Any

import pytest
from psycopg2.extras import RealDictCursor

from ml.adapters import postgres
from ml.capabilities.marketing.console import ALL, CONSOLE
from ml.capabilities.marketing.sample import sample
from ml.core.console import Estimate
from ml.pipeline import run_night
from ml.settings import Settings
from tests.small_shop import execute, fill

NIGHT = date(2025, 6, 1)


def _query(settings: Settings, query: str, *values: Any) -> list[dict[str, Any]]:
    with (
        closing(postgres.connect(settings.shop_url)) as connection,
        connection.cursor(cursor_factory=RealDictCursor) as cursor,
    ):
        cursor.execute(query, values)
        return [dict(row) for row in cursor.fetchall()]


def _the_preview_is_what_the_night_did(settings: Settings) -> None:
    """Computed from the published rows, with the settings as they were, it is the published allocation; and keeps new limits."""
    (estimate,) = CONSOLE.probes["marketing_budget"]
    assert isinstance(estimate, Estimate)

    def found() -> dict[str, list[dict[str, Any]]]:
        return {name: _query(settings, select) for name, select in estimate.selects.items()}

    before = found()
    (night,) = _query(
        settings,
        "SELECT count(*) AS customers, count(*) FILTER (WHERE control) AS control, sum(expected_profit) AS profit "
        "FROM ml.campaign_target WHERE planned <> 'nothing'",
    )
    every = estimate.compare(before, before).rows[ALL]
    assert (every["customers"][0], every["of which control"][0]) == (night["customers"], night["control"])
    assert every["expected profit"][0] == pytest.approx(night["profit"], abs=0.01)
    budget = every["cost"][0] / 2
    changes = (
        f"UPDATE ml_config.marketing_budget SET budget = {budget}, control_share = 0",
        "UPDATE ml_config.marketing_action SET most = 3",
    )
    execute(settings.shop_url, changes[0])
    after = estimate.compare(before, found()).rows["e-mail"]
    assert 0 < after["cost"][1] <= budget
    assert after["of which control"] == (night["control"], 0)
    execute(settings.shop_url, changes[1])
    assert estimate.compare(before, found()).rows["e-mail"]["customers"] == (night["customers"], 3)
    execute(settings.shop_url, "UPDATE ml_config.marketing_budget SET budget = NULL, control_share = 0.1")
    execute(settings.shop_url, "UPDATE ml_config.marketing_action SET most = NULL")


def test_offers_obey_the_moment_and_audiences_leave_no_address(settings: Settings) -> None:
    """One offer a customer; none once consent is withdrawn or the action is stopped; e-mails leave as their SHA-256 alone."""
    tables = {name: table.to_pylist() for name, table in sample(7).tables.items()}
    for row in tables["customer"]:
        row["email"] = f" {row['customer_id'].upper()}@Example.org "
    fill(settings.shop_url, tables)
    run_night(settings, NIGHT, capabilities=["marketing"])
    targets = _query(
        settings, "SELECT * FROM ml.campaign_target WHERE action <> 'nothing' ORDER BY expected_profit DESC"
    )
    assert targets
    _the_preview_is_what_the_night_did(settings)
    who = targets[0]["customer_id"]
    (offer,) = _query(settings, "SELECT * FROM ml.offer(%s)", who)
    assert (offer["action"], offer["batch_id"]) == ("e-mail", targets[0]["batch_id"])
    assert offer["reason"].startswith("it moves them")
    execute(settings.shop_url, f"UPDATE shop.customer SET accepts_marketing = false WHERE customer_id = '{who}'")
    (offer,) = _query(settings, "SELECT * FROM ml.offer(%s)", who)
    assert (offer["action"], offer["expected_profit"]) == ("nothing", 0)
    assert "consent" in offer["reason"]
    execute(settings.shop_url, "UPDATE ml_config.marketing_action SET active = false")
    (offer,) = _query(settings, "SELECT * FROM ml.offer(%s)", targets[1]["customer_id"])
    assert (offer["action"], offer["coupon"]) == ("nothing", None)
    assert _query(settings, "SELECT action FROM ml.offer('nobody')") == [{"action": "nothing"}]
    rows = _query(
        settings,
        "SELECT e.*, encode(sha256(convert_to(lower(e.customer_id) || '@example.org', 'UTF8')), 'hex') AS wanted "
        "FROM ml.audience_export('best customers') AS e",
    )
    assert rows
    assert all(row["email_sha256"] == row["wanted"] for row in rows)
    assert who not in {row["customer_id"] for row in rows}

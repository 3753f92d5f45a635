"""A night of the sample's shop in a real Postgres: what is published, and what the shop's pages ask live."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from typing import Any

from psycopg2.extras import RealDictCursor

from ml.adapters import postgres
from ml.capabilities.marketing.sample import sample
from ml.pipeline import run_night
from ml.settings import Settings
from tests.small_shop import execute, fill

NIGHT = date(2025, 6, 1)


def _asked(settings: Settings, query: str, *values: Any) -> list[dict[str, Any]]:
    with (
        closing(postgres.connect(settings.shop_url)) as connection,
        connection.cursor(cursor_factory=RealDictCursor) as cursor,
    ):
        cursor.execute(query, values)
        return [dict(row) for row in cursor.fetchall()]


def test_offers_obey_the_moment_and_audiences_leave_no_address(settings: Settings) -> None:
    """One offer a customer; none once consent is withdrawn or the action is stopped; e-mails leave as their SHA-256 alone."""
    tables = {name: table.to_pylist() for name, table in sample(7).tables.items()}
    for row in tables["customer"]:
        row["email"] = f" {row['customer_id'].upper()}@Example.org "
    fill(settings.shop_url, tables)
    run_night(settings, NIGHT, capabilities=["marketing"])
    targets = _asked(
        settings, "SELECT * FROM ml.campaign_target WHERE action <> 'nothing' ORDER BY expected_profit DESC"
    )
    assert targets
    who = targets[0]["customer_id"]
    (offer,) = _asked(settings, "SELECT * FROM ml.offer(%s)", who)
    assert (offer["action"], offer["batch_id"]) == ("e-mail", targets[0]["batch_id"])
    assert offer["reason"].startswith("it moves them")
    execute(settings.shop_url, f"UPDATE shop.customer SET accepts_marketing = false WHERE customer_id = '{who}'")
    (offer,) = _asked(settings, "SELECT * FROM ml.offer(%s)", who)
    assert (offer["action"], offer["expected_profit"]) == ("nothing", 0)
    assert "consent" in offer["reason"]
    execute(settings.shop_url, "UPDATE ml_config.marketing_action SET active = false")
    (offer,) = _asked(settings, "SELECT * FROM ml.offer(%s)", targets[1]["customer_id"])
    assert (offer["action"], offer["coupon"]) == ("nothing", None)
    assert _asked(settings, "SELECT action FROM ml.offer('nobody')") == [{"action": "nothing"}]
    rows = _asked(
        settings,
        "SELECT e.*, encode(sha256(convert_to(lower(e.customer_id) || '@example.org', 'UTF8')), 'hex') AS wanted "
        "FROM ml.audience_export('best customers') AS e",
    )
    assert rows
    assert all(row["email_sha256"] == row["wanted"] for row in rows)
    assert who not in {row["customer_id"] for row in rows}

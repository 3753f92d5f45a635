"""A night of the sample's shop in a real Postgres, with links; and an erasure that takes both sides of them."""

from __future__ import annotations

from contextlib import closing
from datetime import date

from ml import pipeline
from ml.adapters import postgres
from ml.capabilities.customer.sample import sample
from ml.pipeline import run_night
from ml.settings import Settings
from tests.small_shop import fill

NIGHT = date(2025, 6, 1)


def _count(settings: Settings, query: str) -> int:
    with closing(postgres.connect(settings.shop_url)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])


def test_an_erasure_takes_the_twins_and_links_that_name_a_customer(settings: Settings) -> None:
    """Published by a night, then asked to be forgotten: no row names the customer on either side, the others stay."""
    tables = {name: table.to_pylist() for name, table in sample(7).tables.items() if name != "event"}
    rename = {"c0001": "ZQ-Erika-7731"}
    for rows in tables.values():
        for row in rows:
            if row.get("customer_id") in rename:
                row["customer_id"] = rename[row["customer_id"]]
    tables["customer_link"] = [
        {"customer_id": "c0002", "other_customer_id": "ZQ-Erika-7731", "kind": "friend"},
        {"customer_id": "c0002", "other_customer_id": "c0003", "kind": "Haushalt"},
    ]
    fill(settings.shop_url, tables)
    run_night(settings, NIGHT, capabilities=["customer"])
    named = "SELECT count(*) FROM ml.customer_like WHERE 'ZQ-Erika-7731' IN (customer_id, other_customer_id)"
    assert _count(settings, "SELECT count(*) FROM ml.customer_value WHERE chance_90 BETWEEN 0 AND 1") > 300
    assert _count(settings, named) >= 5
    before = _count(settings, "SELECT count(*) FROM ml.customer_like")
    (receipt,) = pipeline.erase(settings, ["ZQ-Erika-7731"])
    assert receipt["status"] == "done"
    assert _count(settings, named) == 0
    assert before - 5 * 20 < _count(settings, "SELECT count(*) FROM ml.customer_like") < before
    assert pipeline.look_for(settings, "ZQ-Erika-7731")["hits"] == {}

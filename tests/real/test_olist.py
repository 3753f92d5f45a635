"""Whole nights of all capabilities on Olist's export."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ml.registry import CAPABILITIES
from tests.real.conftest import Shop

pytestmark = pytest.mark.real

NIGHT = "2018-06-01"
LEARNING = ("recommender", "risk", "sentiment", "delivery")
"""Of Olist's own rows; that no capability sees what comes later is a law of tests/contract too."""
LATER = f"SELECT order_id FROM shop.\"order\" WHERE ordered_at >= '{NIGHT}'"


@pytest.fixture(scope="module")
def olist(loaded: Callable[[str, str], Shop]) -> Shop:
    """After that night."""
    shop = loaded("olist", "olist/subset_8135_orders")
    shop.night(NIGHT)
    return shop


def _digest(shop: Shop) -> dict[str, tuple[int, str]]:
    """Rows and a hash of each table of ``LEARNING``, but for the number of its batch and of the model.

    A capability that waits for a table that Olist does not have has published nothing.
    """
    found = {}
    views = shop.rows("SELECT table_name AS name FROM information_schema.views WHERE table_schema = 'ml'")
    exist = {row["name"] for row in views}
    tables = (table for name in LEARNING for table in CAPABILITIES[name].publishes)
    for table in (table for table in tables if table.name in exist):
        columns = ", ".join(table.column_names)
        (row,) = shop.rows(
            f"SELECT count(*) AS n, coalesce(md5(string_agg(r::text, ',' ORDER BY r::text)), '') AS digest "
            f"FROM (SELECT {columns} FROM ml.{table.name}) AS r"
        )
        found[table.name] = (row["n"], row["digest"])
    return found


def test_olist_goes_through(olist: Shop) -> None:
    """Olist's export, where hardly anyone buys twice, ends in whole lists too."""
    customers = olist.value("SELECT count(DISTINCT customer_id) AS n FROM ml.recommendation")
    assert customers > 6500  # of the 6,676 that were known by then


def test_rows_after_the_night_change_nothing(olist: Shop) -> None:
    """A night of the past publishes the same tables when all that happened later is deleted."""
    seen = _digest(olist)
    assert all(seen[name][0] for name in ("recommendation", "order_risk", "review_sentiment"))
    for child in ("order_item", "payment", "order_outcome", "shipment"):
        olist.write(f"DELETE FROM shop.{child} WHERE order_id IN ({LATER})")
    olist.write(f"DELETE FROM shop.\"order\" WHERE ordered_at >= '{NIGHT}'")
    olist.write(f"DELETE FROM shop.order_outcome WHERE known_at >= '{NIGHT}'")
    for column in ("handed_over_at", "delivered_at"):
        olist.write(f"UPDATE shop.shipment SET {column} = NULL WHERE {column} >= '{NIGHT}'")
    olist.write(f"DELETE FROM shop.review WHERE written_at >= '{NIGHT}'")
    olist.night(NIGHT, *LEARNING, fresh=True, force_train=True)
    assert _digest(olist) == seen

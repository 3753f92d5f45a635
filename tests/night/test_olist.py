"""Whole nights in real Airflow on Olist's export."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ml.registry import CAPABILITIES
from tests.night.conftest import SHARED, Stack, need

pytestmark = [pytest.mark.night, pytest.mark.real]

OLIST = SHARED / "olist" / "subset_8135_orders"
NIGHT = "2018-06-01"
LEARNING = ("recommender", "risk", "sentiment", "delivery")
"""Of Olist's own rows; that no capability sees what comes later is a law of tests/contract too."""
LATER = f"SELECT order_id FROM shop.\"order\" WHERE ordered_at >= '{NIGHT}'"


@dataclass(frozen=True)
class Olist:
    """The stack after a night of the past, and how many customers had a list then."""

    stack: Stack
    customers: int


@pytest.fixture(scope="module")
def olist(stack: Stack) -> Olist:
    """After that night, as ``./nightshift demo`` runs it."""
    need(OLIST)
    shown = stack.run("demo", "--shop", "olist", "--data", str(OLIST), "--replace", "--date", NIGHT).stdout
    assert "ml.recommendation" in shown or "because" in shown or "popular" in shown
    return Olist(stack, stack.value("SELECT count(DISTINCT customer_id) AS n FROM ml.recommendation"))


def _digest(stack: Stack) -> dict[str, tuple[int, str]]:
    """Rows and a hash of each table of ``LEARNING``, but for the number of its batch and of the model.

    A capability that waits for a table that Olist does not have has published nothing.
    """
    found = {}
    views = stack.rows("SELECT table_name AS name FROM information_schema.views WHERE table_schema = 'ml'")
    there = {row["name"] for row in views}
    tables = (table for name in LEARNING for table in CAPABILITIES[name].publishes)
    for table in (table for table in tables if table.name in there):
        columns = ", ".join(table.column_names)
        (row,) = stack.rows(
            f"SELECT count(*) AS n, coalesce(md5(string_agg(r::text, ',' ORDER BY r::text)), '') AS digest "
            f"FROM (SELECT {columns} FROM ml.{table.name}) AS r"
        )
        found[table.name] = (row["n"], row["digest"])
    return found


def test_olist_goes_through(olist: Olist) -> None:
    """Olist's export, where hardly anyone buys twice, ends in whole lists too."""
    assert olist.customers > 6500  # of the 6,676 that were known by then


def test_rows_after_the_night_change_nothing(olist: Olist) -> None:
    """A night of the past publishes the same tables when all that happened later is deleted."""
    seen = _digest(olist.stack)
    assert all(seen[name][0] for name in ("recommendation", "order_risk", "review_sentiment"))
    for child in ("order_item", "payment", "order_outcome", "shipment"):
        olist.stack.write(f"DELETE FROM shop.{child} WHERE order_id IN ({LATER})")
    olist.stack.write(f"DELETE FROM shop.\"order\" WHERE ordered_at >= '{NIGHT}'")
    olist.stack.write(f"DELETE FROM shop.order_outcome WHERE known_at >= '{NIGHT}'")
    for column in ("handed_over_at", "delivered_at"):
        olist.stack.write(f"UPDATE shop.shipment SET {column} = NULL WHERE {column} >= '{NIGHT}'")
    olist.stack.write(f"DELETE FROM shop.review WHERE written_at >= '{NIGHT}'")
    only = [word for name in LEARNING for word in ("--capability", name)]
    olist.stack.run("night", "--date", NIGHT, "--fresh", "--force-train", *only)
    assert _digest(olist.stack) == seen

"""Whole nights of all capabilities on Olist's export."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date

import pytest

from ml import pipeline
from ml.adapters.lake import Lake
from tests.real.conftest import Shop

pytestmark = pytest.mark.real

NIGHT = "2018-06-01"
LATER = f"SELECT order_id FROM shop.\"order\" WHERE ordered_at >= '{NIGHT}'"


@pytest.fixture(scope="module")
def olist(loaded: Callable[[str, str], Shop]) -> Shop:
    """After that night."""
    shop = loaded("olist", "olist/subset_8135_orders")
    shop.night(NIGHT)
    return shop


def _clean(shop: Shop, ref: str) -> dict[str, tuple[int, str]]:
    """Rows and a hash of each table that capabilities may read in a night."""
    lake = Lake(shop.settings.lake_uri)
    found = {}
    for name in lake.names("snapshot", ref, "clean"):
        table = lake.read_parquet("snapshot", ref, "clean", name)
        rows = sorted(repr(row) for row in table.to_pylist())
        found[name] = (len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest())
    return found


def test_olist_goes_through(olist: Shop) -> None:
    """Olist's export, where hardly anyone buys twice, ends in whole lists too."""
    customers = olist.value("SELECT count(DISTINCT customer_id) AS n FROM ml.recommendation")
    assert customers > 6500  # of the 6,676 that were known by then


def test_rows_after_the_night_change_nothing(olist: Shop) -> None:
    """What a night of the past reads is the same when all that happened later is deleted; models and lists are made of nothing else."""
    seen = _clean(olist, f"{NIGHT}/001")
    assert seen["order"][0] < olist.value('SELECT count(*) AS n FROM shop."order"')
    for child in ("order_item", "payment", "order_outcome", "shipment"):
        olist.write(f"DELETE FROM shop.{child} WHERE order_id IN ({LATER})")
    olist.write(f"DELETE FROM shop.\"order\" WHERE ordered_at >= '{NIGHT}'")
    olist.write(f"DELETE FROM shop.order_outcome WHERE known_at >= '{NIGHT}'")
    for column in ("handed_over_at", "delivered_at"):
        olist.write(f"UPDATE shop.shipment SET {column} = NULL WHERE {column} >= '{NIGHT}'")
    olist.write(f"DELETE FROM shop.review WHERE written_at >= '{NIGHT}'")
    ref = pipeline.extract(olist.settings, date.fromisoformat(NIGHT), fresh=True)
    pipeline.validate(olist.settings, ref)
    assert ref == f"{NIGHT}/002"
    assert _clean(olist, ref) == seen

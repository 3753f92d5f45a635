"""The worked example of a shop that maps its own tables."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import psycopg2
import pytest

from ml.adapters import postgres
from ml.adapters.lake import Lake
from ml.adapters.shop import extract
from ml.settings import PROJECT, Settings

WEBSHOP = PROJECT / "examples" / "webshop"


@pytest.fixture
def webshop(settings: Settings) -> Settings:
    """A database with the example's tables and views."""
    for name in ("webshop.sql", "views.sql", "views.sql"):  # the views may be made again
        with postgres.transaction(settings.shop_url) as cursor:
            cursor.execute((WEBSHOP / name).read_text(encoding="utf-8"))
    return settings


def read(settings: Settings, folder: Path, night: datetime) -> dict[str, list[dict[str, object]]]:
    """What a night extracts, by table."""
    lake = Lake(str(folder))
    manifest = extract.extract(settings.shop_url, lake, "n/001", night, "key", timezone="Europe/Paris")
    return {name: lake.read_parquet("snapshot", "n/001", "raw", name).to_pylist() for name in manifest["tables"]}


def test_the_views_fit_the_contract(webshop: Settings) -> None:
    """The example has no fault, and its optional tables are there."""
    assert extract.faults(webshop.shop_url) == []


def test_the_views_give_the_contracts_values(webshop: Settings, tmp_path: Path) -> None:
    """Text ids, instants, amounts, words for codes, one kind of guest, numbered lines."""
    found = read(webshop, tmp_path, datetime(2026, 3, 1, tzinfo=UTC))
    orders = {order["order_id"]: order for order in found["order"]}
    assert orders["5001"]["ordered_at"] == datetime(2025, 6, 30, 23, 30, tzinfo=UTC)
    assert (orders["5001"]["total"], orders["5001"]["customer_id"]) == (106.4, "7")
    assert orders["5002"]["customer_id"] is None
    assert [orders[n]["status"] for n in ("5001", "5003", "5004")] == ["delivered", "paid", "cancelled"]
    assert [(i["order_id"], i["line_no"]) for i in found["order_item"]][:2] == [("5001", 1), ("5001", 2)]
    assert [p["active"] for p in found["product"]] == [True, True, False]
    assert [e["kind"] for e in found["event"]] == ["view", "cart", "view"]
    assert found["review"][0]["stars"] == 5
    assert sorted((o["order_id"], o["kind"], o["known_at"]) for o in found["order_outcome"]) == [
        ("5001", "ok", datetime(2025, 7, 4, 9, tzinfo=UTC)),
        ("5004", "cancelled", datetime(2026, 1, 12, 8, 15, tzinfo=UTC)),
    ]
    assert [e["customer_id"] for e in found["erasure"]] == ["9"]


def test_a_late_import_is_not_known_before_it_came(webshop: Settings, tmp_path: Path) -> None:
    """The till's sale of the 10th came on the 11th at 6: the night of the 11th does not see it, that of the 12th does."""
    seen = [
        {order["order_id"] for order in read(webshop, tmp_path, datetime(2026, 1, day, tzinfo=UTC))["order"]}
        for day in (11, 12)
    ]
    assert seen == [{"5001", "5002"}, {"5001", "5002", "5003"}]


def test_the_login_reads_schema_shop_and_nothing_else(webshop: Settings) -> None:
    """With the example's grants the views can be read, the tables below them cannot, and nothing can be written."""
    grants = (WEBSHOP / "grants.sql").read_text(encoding="utf-8").replace("nightshift_reader", "example_reader")
    with postgres.transaction(webshop.shop_url) as cursor:
        cursor.execute(grants)
        cursor.execute(grants)  # it may be run again
        try:
            cursor.execute('DROP VIEW shop."order" CASCADE')
            cursor.execute('CREATE VIEW shop."order" AS SELECT id AS order_id FROM webshop.purchase')
            cursor.execute("SET LOCAL ROLE example_reader")
            cursor.execute('SELECT count(*) AS n FROM shop."order"')
            assert cursor.fetchall() == [{"n": 4}]
            cursor.execute("SAVEPOINT before")
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute("SELECT 1 FROM webshop.account")
            cursor.execute("ROLLBACK TO SAVEPOINT before")
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute("CREATE TABLE shop.mine (a int)")
        finally:
            cursor.execute("ROLLBACK")  # the role belongs to the server, not to this database

"""The check of a shop: what is told before anything runs, and the words that it is told in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml.adapters import postgres
from ml.settings import Settings
from ml.shop.check import check
from ml.shop.load import load
from ml.shop.report import Report
from tests.shop.sources.test_tables import write

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def shop(customers: int = 40, **changes: str) -> dict[str, str]:
    """CSV files of a shop in which each customer placed one order of one product; ``changes`` replace files."""
    people, products, orders, items = ["customer_id"], ["product_id,title"], ["order_id,customer_id,ordered_at"], []
    items = ["order_id,line_no,product_id,quantity,unit_price"]
    for n in range(customers):
        people.append(f"c{n}")
        products.append(f"p{n},Product {n}")
        orders.append(f"o{n},c{n},{NOW - timedelta(hours=12 + n):%Y-%m-%d %H:%M:%S}")
        items.append(f"o{n},1,p{n},1,10")
    files = {"customer": people, "product": products, "order": orders, "order_item": items}
    return {name: "\n".join(lines) + "\n" for name, lines in files.items()} | changes


def checked(settings: Settings, folder: Path, files: dict[str, str]) -> Report:
    """Load the files and check the shop."""
    load(settings, "tables", write(folder / "files", files))
    return check(settings, now=NOW)


def execute(settings: Settings, *statements: str) -> None:
    """Run statements as the shop's owner would."""
    with postgres.transaction(settings.shop_url) as cursor:
        for statement in statements:
            cursor.execute(statement)


def test_a_whole_shop_is_ready(settings: Settings, tmp_path: Path) -> None:
    """Counts, shares, time span; the recommender is ready and says what would make it better; nothing stays behind."""
    report = checked(settings, tmp_path, shop())
    assert report.ok
    assert {fact.what: fact.share for fact in report.facts} == {
        "orders with a known customer": 1.0,
        "orders with items": 1.0,
        "orders that are purchases": 1.0,
        "products with a title": 1.0,
        "products for sale": 1.0,
        "products that were ordered": 1.0,
        "customers who ordered": 1.0,
    }
    order = next(table for table in report.tables if table.name == "order")
    assert (order.rows, order.last, order.refused) == (40, NOW - timedelta(hours=12), 0)
    (recommender,) = (c for c in report.capabilities if c.name == "recommender")
    assert (recommender.why, recommender.better_with) == ((), ("event", "stock", "product_image"))
    assert report.advice == ()
    assert [path.name for path in settings.home.iterdir() if path.name.startswith("check-")] == []
    assert "recommender: ready. What should we show this customer next?" in report.to_text()


def test_no_shop_at_all_names_the_four_tables(settings: Settings) -> None:
    """An empty database: four faults, nothing is read, every capability waits."""
    report = check(settings, now=NOW)
    assert report.faults == tuple(
        f"shop.{name}: required table is missing" for name in ("customer", "product", "order", "order_item")
    )
    assert not report.ok
    assert all(not capability.ready for capability in report.capabilities)
    assert "order_item  missing" in report.to_text()


def test_missing_columns_and_wrong_types_come_at_once_with_counts(settings: Settings, tmp_path: Path) -> None:
    """Faults of several tables in one report, beside the rows that are there."""
    load(settings, "tables", write(tmp_path / "files", shop()))
    execute(
        settings,
        "ALTER TABLE shop.order_item DROP COLUMN quantity",
        "ALTER TABLE shop.product ALTER COLUMN price TYPE text",
        'ALTER TABLE shop."order" DROP COLUMN status',
    )
    report = check(settings, now=NOW)
    assert [fault.split(":")[0] for fault in report.faults] == ["shop.product.price", "shop.order_item.quantity"]
    assert {table.name: table.rows for table in report.tables if table.rows is not None} == {
        "customer": 40,
        "product": 40,
        "order": 40,
        "order_item": 40,
    }
    assert report.capabilities[0].why == report.faults


def test_an_empty_required_table_makes_its_capability_wait(settings: Settings, tmp_path: Path) -> None:
    """An order_item without rows: the recommender waits for it by name."""
    checked(settings, tmp_path, shop())
    execute(settings, "DELETE FROM shop.order_item")
    report = check(settings)
    assert "shop.order_item is empty" in report.capabilities[0].why
    assert not report.ok


def test_rows_that_would_be_quarantined_are_told_by_rule(settings: Settings, tmp_path: Path) -> None:
    """One bad line of a hundred: the rule, the count and its key, and the shop is still ready."""
    files = shop(100)
    report = checked(
        settings, tmp_path, files | {"order_item": files["order_item"].replace("o7,1,p7,1,10", "o7,1,p7,1,1e9")}
    )
    item = next(table for table in report.tables if table.name == "order_item")
    assert (item.refused, item.stops) == (1, False)
    assert [(rule.column, rule.rows, rule.examples) for rule in item.rules] == [("unit_price", 1, ("o7/1",))]
    assert report.ok
    assert "1 row (1.00%), e.g. o7/1" in report.to_text()


def test_too_much_broken_says_that_a_night_would_stop(settings: Settings, tmp_path: Path) -> None:
    """All lines at an impossible price: the table would stop the night, in the rules, the capability and the advice."""
    report = checked(settings, tmp_path, shop(order_item=shop()["order_item"].replace(",1,10", ",1,1e9")))
    assert not report.ok
    assert any("shop.order_item would stop the night" in reason for reason in report.capabilities[0].why)
    assert any(line.startswith("shop.order_item would stop the night") for line in report.advice)
    assert "A NIGHT WOULD STOP." in report.to_text()


@pytest.mark.parametrize(
    ("files", "advice"),
    [
        ({"order": shop()["order"].replace(",c1", ",")}, "27.5% of the orders have no known customer."),
        (
            {"product": "product_id\n" + "".join(f"p{n}\n" for n in range(40))},
            "products have no title, so reasons would show",
        ),
        (
            {"order": shop()["order"].replace("2026-02", "2025-02")},
            "give the night the day after it: ./nightshift night --date 2025-03-01",
        ),
    ],
)
def test_advice_is_in_plain_words(settings: Settings, tmp_path: Path, files: dict[str, str], advice: str) -> None:
    """Many guests, untitled products, a shop of the past: what it means and what to do."""
    report = checked(settings, tmp_path, shop() | files)
    assert [line for line in report.advice if advice in line]


def test_future_rows_are_told_and_do_not_count_as_the_shops_time(settings: Settings, tmp_path: Path) -> None:
    """An order dated next year is a fault to be shown; the last order is that of yesterday."""
    files = shop(100)
    files["order"] = files["order"].rstrip("\n") + "\nlate,c1,2027-03-01\n"
    report = checked(settings, tmp_path, files)
    order = next(table for table in report.tables if table.name == "order")
    assert (order.ahead, order.last) == (1, NOW - timedelta(hours=12))
    assert "shop.order: 1 row dated in the future, which would be quarantined." in report.advice


@pytest.mark.real
def test_online_retail_is_told_as_it_is(settings: Settings, published: Path) -> None:
    """The published shop is ready; its guests, untitled products and broken lines have their counts."""
    load(settings, "online_retail", published / "uci_online_retail")
    report = check(settings)
    assert report.ok
    assert {fact.what: (fact.n, fact.of) for fact in report.facts}["orders with a known customer"] == (22_190, 25_900)
    refused = {table.name: table.refused for table in report.tables if table.rows}
    assert refused == {"customer": 0, "product": 0, "order": 0, "order_item": 0}
    left_out = {table.name: table.left_out for table in report.tables if table.left_out}
    assert left_out == {"order": 2, "order_item": 1338}
    free = [rule.rows for table in report.tables for rule in table.rules if rule.rule == "unit_price above 0"]
    assert free == [1179]
    assert any("--date 2011-12-10" in line for line in report.advice)

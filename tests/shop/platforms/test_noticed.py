"""A deleted product, a line that costs nothing and a second currency: told when a platform is connected, and no surprise later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ml.adapters import postgres
from ml.settings import Settings
from ml.shop.check import check
from ml.shop.connect import Connected, connect
from ml.shop.copy_platform import copied
from ml.shop.platforms._choices import Choices
from ml.shop.report import Report
from tests.shop.platforms.mysql_tables import Recorded
from tests.shop.platforms.test_laws import NOW

YEN = (
    (
        "UPDATE order_order SET currency = 'JPY', total_incl_tax = 160 * total_incl_tax, "
        "shipping_incl_tax = 160 * shipping_incl_tax WHERE id IN (2, 3)"
    ),
    "UPDATE order_line SET line_price_incl_tax = 160 * line_price_incl_tax WHERE order_id IN (2, 3)",
)


def connected(
    settings: Settings, database: str, name: str, *statements: str, **choices: object
) -> tuple[Connected, Report]:
    """Connect a platform's tables after some statements; what was noticed, and what a check says."""
    with postgres.transaction(database) as cursor:
        cursor.execute((Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8"))
        for statement in statements:
            cursor.execute(statement)
    found = connect(database, choices=Choices(**choices))  # type: ignore[arg-type]
    return found, check(replace(settings, shop_url=database), now=NOW)


def test_a_deleted_product_is_history(settings: Settings, database: str) -> None:
    """Saleor keeps the line of a deleted variant without it: told at once, left out and counted, and no night stops."""
    found, report = connected(settings, database, "saleor")
    assert any(text.startswith("1 of 8 order lines are of no product that is there") for text in found.noticed)
    (lines,) = [table for table in report.tables if table.name == "order_item"]
    assert (lines.refused, lines.left_out, lines.stops) == (0, 1, False)


def test_a_line_that_costs_nothing_stays(settings: Settings, database: str) -> None:
    """The child line at 0 of a configurable product, or a gift: told, kept in its order, and no fault."""
    found, report = connected(
        settings, database, "oscar", "INSERT INTO order_line SELECT 100 + id, 1, 0, id, 2 FROM order_order"
    )
    assert "6 of 15 order lines cost nothing" in " ".join(found.noticed)
    (lines,) = [table for table in report.tables if table.name == "order_item"]
    assert (lines.refused, lines.stops) == (0, False)


def test_the_child_lines_of_magento_are_their_parents() -> None:
    """A configurable product has a second line at price 0, the simple product's: one line of the contract, with its price."""
    _, found = copied(Recorded("magento"), None, None, Choices(), {})
    assert not [text for text in found.noticed if "cost nothing" in text]


def test_several_currencies_are_told_with_what_to_give(settings: Settings, database: str) -> None:
    """Which, in how many orders, and the option; with a rate nothing is left to say and the check adds up."""
    found, report = connected(settings, database, "oscar", *YEN)
    assert "(EUR in 4, JPY in 2)" in " ".join(found.noticed)
    assert "--rate JPY=…" in " ".join(found.noticed)
    assert "EUR in 4 orders, JPY in 2 orders" in report.to_text()
    again = connect(
        database, choices=Choices(rates={"JPY": 0.00625}, statuses={"On its way to space": "shipped"}), replace=True
    )
    assert not [text for text in again.noticed if "currencies" in text]
    report = check(replace(settings, shop_url=database), now=NOW)
    assert "several currencies" not in report.to_text()
    assert report.ok


@pytest.mark.parametrize("name", ["woocommerce", "prestashop", "shopware"])
def test_what_is_copied_from_mysql_is_noticed_too(name: str) -> None:
    """The same words from the other engine, of lines whose product is gone."""
    _, found = copied(Recorded(name), None, None, Choices(), {})
    assert all("order lines" in text for text in found.noticed)

"""A deleted product, a line that costs nothing and a second currency: told when a platform is connected, and no surprise later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ml.adapters import postgres
from ml.settings import Settings
from ml.shop.check import check
from ml.shop.connect import connect
from ml.shop.copy_platform import copied
from ml.shop.platforms._choices import Choices
from tests.shop.platforms.mysql_tables import Recorded
from tests.shop.platforms.test_laws import NOW

YEN = (
    (
        "UPDATE order_order SET currency = 'JPY', total_incl_tax = 160 * total_incl_tax, "
        "shipping_incl_tax = 160 * shipping_incl_tax WHERE id IN (2, 3)"
    ),
    "UPDATE order_line SET line_price_incl_tax = 160 * line_price_incl_tax WHERE order_id IN (2, 3)",
)


FREE = "INSERT INTO order_line SELECT 100 + id, 1, 0, id, 2 FROM order_order"


def filled(database: str, name: str, *statements: str) -> str:
    """A database with a platform's tables, after some statements."""
    with postgres.transaction(database) as cursor:
        cursor.execute((Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8"))
        for statement in statements:
            cursor.execute(statement)
    return database


def test_a_deleted_product_is_history(database: str) -> None:
    """Saleor keeps the line of a deleted variant without it: told at once; that the check passes is a law of the mapping."""
    found = connect(filled(database, "saleor"))
    assert found.noticed == (
        (
            "1 of 8 order lines are of no product that is there (deleted since, or a charge): "
            "they are history, left out and counted"
        ),
    )


def test_the_child_lines_of_magento_are_their_parents() -> None:
    """A configurable product has a second line at price 0, the simple product's: one line of the contract, with its price."""
    _, found = copied(Recorded("magento"), None, None, Choices(), {})
    assert not [text for text in found.noticed if "cost nothing" in text]


def test_free_lines_and_several_currencies_are_told_with_what_to_give(settings: Settings, database: str) -> None:
    """A gift at 0 stays and is no fault; which currencies, in how many orders, the option. With it nothing is left to say."""
    found = connect(filled(database, "oscar", *YEN, FREE))
    text = " ".join(found.noticed)
    assert "6 of 15 order lines cost nothing" in text
    assert "(EUR in 4, JPY in 2)" in text
    assert "--rate JPY=…" in text
    again = connect(database, choices=Choices(rates={"JPY": 0.00625}, statuses={"On its way to space": "shipped"}))
    assert not [text for text in again.noticed if "currencies" in text]
    report = check(replace(settings, shop_url=database), now=NOW)
    (lines,) = [table for table in report.tables if table.name == "order_item"]
    assert (report.ok, lines.refused, lines.stops) == (True, 0, False)


@pytest.mark.parametrize("name", ["woocommerce", "prestashop", "shopware"])
def test_what_is_copied_from_mysql_is_noticed_too(name: str) -> None:
    """The same words from the other engine, of lines whose product is gone."""
    _, found = copied(Recorded(name), None, None, Choices(), {})
    assert all("order lines" in text for text in found.noticed)

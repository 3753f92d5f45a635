"""What is sold, and what only stands on an order."""

from __future__ import annotations

import ibis
import pyarrow as pa
import pytest

from ml.contract.goods import goods


def _sold(title: str | None, product_id: str = "p", category: str | None = None, *, active: bool | None = None) -> bool:
    table = pa.table(
        {
            "product_id": [product_id],
            "title": pa.array([title], pa.string()),
            "category": pa.array([category], pa.string()),
            "active": pa.array([active], pa.bool_()),
        }
    )
    return len(goods(ibis.memtable(table)).execute()) == 1


@pytest.mark.parametrize(
    "title",
    [
        "POSTAGE",
        "DOTCOM POSTAGE",
        "Next Day Carriage",
        "Bank Charges",
        "AMAZON FEE",
        "Discount",
        "Adjust bad debt",
        "Gift Voucher £100.00",
        "Standard Shipping",
        "Frais de port",
        "Gastos de envío",
        "Express Versand",
        "送料",
        "Доставка",
    ],
)
def test_fees_are_no_goods(title: str) -> None:
    """In any language, in capitals, with a price or a speed beside the word."""
    assert not _sold(title)


@pytest.mark.parametrize(
    "title",
    [
        "Toy delivery van",
        "POST CARD SET",
        "Portable fan",
        "Port",
        "Deposit box",
        "Tax free handbag",
        "Voucher holder",
        "Discounts of 1929",
        "Manual grinder",
        "",
        None,
    ],
)
def test_products_named_after_fees_are_goods(title: str | None) -> None:
    """One other word makes a product; without a title the id decides."""
    assert _sold(title)


def test_a_service_that_is_not_for_sale_is_no_good() -> None:
    """A category of services alone hides nothing: a shop may sell them."""
    assert not _sold("Manual", category="Service", active=False)
    assert _sold("Bicycle check", category="Service")
    assert _sold("Old lamp", category="Lamps", active=False)
    assert not _sold(None, "POSTAGE")

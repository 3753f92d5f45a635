"""What a variant counts as: its product, or a product of its own, in orders, catalogue, stock and carts alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ml.adapters import postgres
from ml.core.errors import WrongUse
from ml.shop.connect import connect
from ml.shop.copy_platform import copied
from ml.shop.platforms import PLATFORMS, platform
from ml.shop.platforms._choices import Choices
from tests.shop.platforms.mysql_tables import Recorded
from tests.shop.platforms.test_laws import PLANTED, rows


@dataclass(frozen=True)
class Other:
    """The choice that is not the platform's own: rows to add first, and what the views hold then."""

    variants: str
    products: dict[str, tuple[str, float | None, bool]]
    sold: set[str | None]
    stock: dict[str, float]
    first: tuple[str, ...] = field(default=())


OTHERS = {
    "medusa": Other(
        "each",
        {
            "v_cup": ("Blue cup small", 12, True),
            "v_large": ("Blue cup large", 15, True),
            "v_tea": ("Green tea", None, True),
        },
        {"v_cup", "v_tea", "gone"},
        {"v_cup": 5},
        (
            "ALTER TABLE order_line_item ADD variant_id text; ALTER TABLE product_variant ADD title text",
            "UPDATE product_variant SET title = 'small'; INSERT INTO product_variant VALUES ('v_large', true, true, 'cup', null, 'large')",
            "INSERT INTO product_variant_price_set VALUES ('v_large', 'ps_large', null)",
            "INSERT INTO price (price_set_id, currency_code, rules_count, amount) VALUES ('ps_large', 'eur', 0, 15)",
            "UPDATE order_line_item SET variant_id = 'v_' || product_id WHERE product_id IN ('cup', 'tea')",
        ),
    ),
    "oscar": Other(
        "each",
        {
            "2": ("Green tea", 6, True),
            "4": ("Not yet", None, False),
            "11": ("Blue cup", 12, True),
            "12": ("Blue cup", 14, True),
        },
        {"11", "12", "2", None},
        {"11": 4, "12": 1, "2": 0},
    ),
    "vendure": Other(
        "each",
        {
            "11": ("Blue cup small", 12, True),
            "12": ("Blue cup", 15, True),
            "21": ("Green tea", None, True),
            "31": ("Red hat", None, False),
        },
        {"11", "12", "21", "31", None},
        {"11": 3, "12": 2},
        (
            'CREATE TABLE product_variant_translation ("baseId" integer, "languageCode" varchar, name varchar)',
            "INSERT INTO product_variant_translation VALUES (11, 'de', 'klein'), (11, 'en', 'Blue cup small')",
        ),
    ),
    "saleor": Other(
        "each",
        {"11": ("Blue cup S", 12, True), "12": ("Blue cup", 15, True), "21": ("Green tea", None, True)},
        {"11", "12", "21", None},
        {"11": 4, "12": 1},
        (
            "ALTER TABLE product_productvariant ADD name varchar",
            "UPDATE product_productvariant SET name = 'S' WHERE id = 11",
        ),
    ),
    "evershop": Other(
        "together",
        {"1": ("Blue cup", 6, True), "4": ("Not yet", 9, False)},
        {"1", "3"},
        {"1": 8},
        (
            "ALTER TABLE product ADD variant_group_id integer; UPDATE product SET variant_group_id = 7 WHERE product_id < 4",
            "UPDATE product_inventory SET manage_stock = true",
        ),
    ),
}


def test_every_platform_with_a_choice_is_here() -> None:
    """And its own choice is the one that the laws hold."""
    assert {name for name in PLATFORMS if platform(name).variants} == set(OTHERS)
    assert all(platform(name).variants != other.variants for name, other in OTHERS.items())


@pytest.mark.parametrize("name", OTHERS)
def test_the_other_choice_holds_everywhere(name: str, database: str) -> None:
    """Products, lines, stock and carts name the same things; what an order cost is as it was."""
    other = OTHERS[name]
    with postgres.transaction(database) as cursor:
        cursor.execute((Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8"))
        for statement in other.first:
            cursor.execute(statement)
    found = connect(database, choices=Choices(variants=other.variants))
    products = {str(row["product_id"]): row for row in rows(database, "product")}
    assert len(rows(database, "product")) == len(products)
    assert {key: (p["title"], p["price"], p["active"]) for key, p in products.items()} == other.products
    lines = rows(database, "order_item")
    assert {line["product_id"] for line in lines} == other.sold
    totals: dict[str, float] = dict.fromkeys(PLANTED[name].orders, 0.0)
    for line in lines:
        totals[str(line["order_id"])] += float(line["quantity"]) * float(line["unit_price"])  # type: ignore[arg-type]
    for order in rows(database, "order"):
        goods = PLANTED[name].orders[str(order["order_id"])][0] - float(order["shipping"] or 0)  # type: ignore[arg-type]
        assert totals[str(order["order_id"])] == pytest.approx(goods, abs=0.005)
    assert {str(row["product_id"]): float(row["quantity"]) for row in rows(database, "stock")} == other.stock  # type: ignore[arg-type]
    carts = rows(database, "cart") if "cart" in found.rows else []
    assert {row["product_id"] for row in carts} <= set(products) | {"cup"}


def test_what_is_no_choice_is_refused(database: str) -> None:
    """A word that is none, and a platform whose mapping has one way."""
    with pytest.raises(WrongUse, match=r"came: some(.|\n)*--variants together or --variants each"):
        connect(database, choices=Choices(variants="some"))
    with pytest.raises(WrongUse, match=r"WooCommerce has one way to read variants(.|\n)*docs/platforms/woocommerce.md"):
        copied(Recorded("woocommerce"), None, None, Choices(variants="each"), {})
    with postgres.transaction(database) as cursor:
        cursor.execute((Path(__file__).parent / "odoo.sql").read_text(encoding="utf-8"))
    with pytest.raises(WrongUse, match="Odoo has one way"):
        connect(database, choices=Choices(variants="each"))

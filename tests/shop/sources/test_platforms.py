"""Laws of every platform whose exports are read, on small exports with the columns that the platforms document."""

from __future__ import annotations

import importlib
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ml.contract.vocabulary import vocabulary
from ml.core.errors import ContractError
from ml.settings import Settings
from ml.shop.load import load
from tests.shop.conftest import rows

EXPORTS = Path(__file__).parent.parent / "exports"
CASES = sorted(folder.name for folder in EXPORTS.iterdir())
DELETED = {"title": "Old Lamp"}
"""A product of each example's orders that its catalogue has no more."""

Shop = dict[str, list[dict[str, Any]]]


def read(case: str, folder: Path | None = None, remarks: list[str] | None = None) -> Shop:
    """Read an example; its folder is named after its platform."""
    module = importlib.import_module(f"ml.shop.sources.{case.split('_', maxsplit=1)[0]}")
    return rows(module.tables(folder or EXPORTS / case, remarks=remarks))  # type: ignore[return-value]


def of(shop: Shop, table: str, key: str, column: str) -> dict[str, Any]:
    """Give a column by key."""
    return {row[key]: row[column] for row in shop[table]}


def bought(status: str) -> bool:
    """Whether an order of this status is a sale."""
    words = vocabulary("order.status")
    word = words.read(status)
    return word is not None and words.words[word].purchase


@pytest.mark.parametrize("case", CASES)
def test_laws(case: str) -> None:
    """An order counts once, its lines add up to what was paid for goods, and what they name is there."""
    shop = read(case)
    orders, customers, products = (
        of(shop, t, f"{t}_id", c) for t, c in (("order", "total"), ("customer", "email"), ("product", "active"))
    )
    assert len(orders) == len(shop["order"]) > 3
    assert len(customers) == len(shop["customer"])
    assert len(products) == len(shop["product"])
    assert {i["order_id"] for i in shop["order_item"]} <= set(orders)
    assert {i["product_id"] for i in shop["order_item"]} <= set(products)
    assert {o["customer_id"] for o in shop["order"]} - {None} <= set(customers)
    assert all(o["ordered_at"].tzinfo for o in shop["order"])
    assert all(i["quantity"] > 0 for i in shop["order_item"])
    paid = Counter[str]()
    for item in shop["order_item"]:
        paid[item["order_id"]] += item["quantity"] * item["unit_price"]
    for order in shop["order"]:
        fee = 2.0 if (case, order["order_id"]) == ("woocommerce_rest", "107") else 0.0
        if order["order_id"] in paid:
            assert paid[order["order_id"]] == pytest.approx(order["total"] - order["shipping"] - fee, abs=0.011)


@pytest.mark.parametrize("case", CASES)
def test_one_person_is_one_customer(case: str) -> None:
    """An e-mail address, however it is written, has one customer, whose orders as a guest are theirs."""
    shop = read(case)
    mails = [c["email"] for c in shop["customer"] if c["email"]]
    assert len(mails) == len(set(mails))
    whose = of(shop, "customer", "email", "customer_id")
    assert {o["customer_id"] == whose[o["email"]] for o in shop["order"] if o["email"]} == {True}
    assert [mail for mail in mails if mail != mail.lower().strip()] == []


@pytest.mark.parametrize("case", CASES)
def test_a_deleted_product_is_history(case: str) -> None:
    """It stands in its orders, is not for sale, and a remark names it."""
    remarks: list[str] = []
    shop = read(case, remarks=remarks)
    gone = [p for p in shop["product"] if p["title"] == "Old Lamp"]
    assert [p["active"] for p in gone] == [False]
    assert gone[0]["product_id"] in {i["product_id"] for i in shop["order_item"]}
    assert [r for r in remarks if "'Old Lamp'" in r]
    assert of(shop, "product", "title", "active")["Mug"] is True


@pytest.mark.parametrize("case", CASES)
def test_cancelled_is_no_sale(case: str) -> None:
    """At least one order of each example was cancelled or never became one, and one is a sale."""
    statuses = [o["status"] for o in read(case)["order"]]
    assert {bought(status) for status in statuses} == {True, False}
    assert [s for s in statuses if vocabulary("order.status").read(s) == "cancelled"]


@pytest.mark.parametrize("case", CASES)
def test_half_an_export_is_refused(case: str, tmp_path: Path) -> None:
    """Cut in the middle, each file of orders is refused in words."""
    for path in sorted((EXPORTS / case).iterdir()):
        if "order" not in path.name and "bulk" not in path.name:
            continue
        folder = tmp_path / path.name
        shutil.copytree(EXPORTS / case, folder)
        data = path.read_bytes()
        (folder / path.name).write_bytes(data[: int(len(data) * 0.6)])
        with pytest.raises(ContractError) as caught:
            read(case, folder)
        assert caught.value.do


@pytest.mark.parametrize("case", CASES)
def test_two_exports_of_different_days_are_refused(case: str, tmp_path: Path) -> None:
    """Orders that stand in two files count for none: the message names both files and an order."""
    folder = tmp_path / "shop"
    shutil.copytree(EXPORTS / case, folder)
    path = next(p for p in sorted(folder.iterdir()) if "order" in p.name or "bulk" in p.name)
    shutil.copy(path, path.with_name(f"later_{path.name}"))
    with pytest.raises(ContractError, match=f"later_{path.name}"):
        read(case, folder)


@pytest.mark.parametrize("case", [c for c in CASES if not list((EXPORTS / c).glob("*.json*"))])
def test_a_version_that_is_not_known_is_refused(case: str, tmp_path: Path) -> None:
    """A file of orders whose columns have other names is refused, and so is one of something else."""
    folder = tmp_path / "shop"
    shutil.copytree(EXPORTS / case, folder)
    path = next(p for p in sorted(folder.iterdir()) if "order" in p.name)
    header, rest = path.read_text(encoding="utf-8").split("\n", 1)
    words = [word.strip('"') for word in header.replace(";", ",").split(",")]
    renamed = header.replace(words[-1], "x")
    for word in words:
        renamed = renamed.replace(word, f"v9 {word}", 1)
    path.write_text(renamed + "\n" + rest, encoding="utf-8")
    with pytest.raises(ContractError, match="columns are missing"):
        read(case, folder)


def test_an_example_is_loaded_with_its_remarks(settings: Settings) -> None:
    """What the files leave open is told with the rows."""
    report = load(settings, "woocommerce", EXPORTS / "woocommerce_rest")
    assert report.rows["order"] == 9
    assert [note for note in report.notes if "Old Lamp" in note]


def test_shopify_in_full() -> None:
    """Variants are their parent, a tip and a gift card no goods, a test order no sale, stock that of all locations."""
    shop = read("shopify")
    assert (
        of(shop, "product", "title", "category")["Gift Card"]
        == of(shop, "product", "title", "category")["Tip"]
        == "service"
    )
    assert of(shop, "order", "order_id", "status")["#1009"] == "draft"
    assert of(shop, "stock", "product_id", "quantity") == {"mug": 7, "tee": 6}
    by_phone = of(shop, "order", "order_id", "customer_id")
    assert by_phone["#1007"] == by_phone["#1008"] == "7003"
    lines = [i["product_id"] for i in shop["order_item"] if i["order_id"] == "#1001"]
    assert lines == ["tee", "tee", "mug"]
    bulk = read("shopify_bulk")
    assert of(bulk, "order", "order_id", "status")["#2006"] == "draft"
    assert [o["kind"] for o in bulk["order_outcome"]] == ["returned", "cancelled"]


def test_woocommerce_in_full() -> None:
    """A rate of exchange, a partial refund, a review by a customer, spam, a status of the shop's own."""
    shop = read("woocommerce_rest")
    assert of(shop, "order", "order_id", "exchange_rate")["108"] == pytest.approx(0.8)
    statuses = of(shop, "order", "order_id", "status")
    assert (statuses["103"], statuses["109"], bought("in-production")) == ("partly_returned", "in-production", False)
    assert [(r["product_id"], r["customer_id"]) for r in shop["review"]] == [("22", "1")]
    assert of(shop, "stock", "product_id", "quantity") == {"21": 7, "22": 7}


def test_what_no_shop_can_be_made_of_is_named(tmp_path: Path) -> None:
    """The download of Analytics has no lines' prices: the message says what to export."""
    (tmp_path / "orders.csv").write_text(
        "Date,Order #,Status,Customer,Product(s),Items sold,Coupon(s),N. Revenue\nx,1,,,,,,\n"
    )
    with pytest.raises(ContractError, match="no price of a line; export the orders by the REST API"):
        read("woocommerce", tmp_path)


def test_what_lies_beside_an_export_does_no_harm(tmp_path: Path) -> None:
    """A note and a script are not read; a workbook may hold orders, so it is named."""
    folder = tmp_path / "shop"
    shutil.copytree(EXPORTS / "shopify", folder)
    for name in ("README.md", "notes.txt", "views.sql", ".DS_Store"):
        (folder / name).write_text("Not an export, but words.\n", encoding="utf-8")
    assert read("shopify", folder) == read("shopify")
    (folder / "orders.xlsx").write_bytes(b"PK")
    with pytest.raises(ContractError, match=r"orders.xlsx: a file of this ending is not read: save each sheet as CSV"):
        read("shopify", folder)

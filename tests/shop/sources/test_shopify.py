"""The source ``shopify`` on the example's export."""

from __future__ import annotations

import csv
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ml.core.errors import ContractError
from ml.settings import PROJECT, Settings
from ml.shop.check import check
from ml.shop.load import load
from ml.shop.sources import shopify, tables
from tests.shop.conftest import rows

EXPORT = PROJECT / "examples" / "shopify" / "orders_export_1.csv"


def lines() -> list[dict[str, str]]:
    """The export's lines as the standard library reads them."""
    with EXPORT.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_the_example_adds_up() -> None:
    """Every order and line is there, with the money, the moment and the buyer that the file names."""
    came = lines()
    found = rows(shopify.tables(EXPORT))
    first = {line["Name"]: line for line in reversed(came)}
    assert len(found["order"]) == len(first) == 40
    assert len(found["order_item"]) == len(came) == 119
    for order in found["order"]:
        line = first[str(order["order_id"])]
        mail = line["Email"].lower()
        assert order["customer_id"] == (hashlib.sha256(mail.encode()).hexdigest() if mail else None)
        assert order["ordered_at"] == datetime.strptime(line["Created at"], "%Y-%m-%d %H:%M:%S %z")
        assert order["total"] == float(line["Total"])
    goods = sum(float(line["Lineitem price"]) * float(line["Lineitem quantity"]) for line in came)
    assert sum(i["quantity"] * i["unit_price"] for i in found["order_item"]) == pytest.approx(goods)  # type: ignore[operator]
    assert {p["product_id"] for p in found["product"]} == {i["product_id"] for i in found["order_item"]}
    assert {p["title"]: p["active"] for p in found["product"] if not p["active"]} == {
        "Tip": False,
        "Gift card - 50": False,
    }
    assert {o["status"] for o in found["order"]} == {"shipped", "cancelled", "returned", "partly_returned"}
    assert found["order_outcome"][0] == {
        "order_id": "#1008",
        "kind": "cancelled",
        "known_at": datetime(2026, 5, 12, 2, tzinfo=UTC),
    }


def test_a_buyer_is_one_customer_however_the_mail_is_written(tmp_path: Path) -> None:
    """Buyer10@ and buyer10@ are one; an order without an e-mail is a guest's."""
    found = rows(shopify.tables(EXPORT))
    mails = {line["Email"].lower() for line in lines()} - {""}
    assert {c["email"] for c in found["customer"]} == mails
    assert len({c["customer_id"] for c in found["customer"]}) == len(mails)
    assert next(o for o in found["order"] if o["order_id"] == "#1001")["customer_id"] is None


def test_the_example_is_ready(settings: Settings) -> None:
    """Loaded into Postgres it fits: no row is refused and the recommender is ready."""
    load(settings, "shopify", EXPORT)
    report = check(settings, now=datetime(2026, 6, 1, tzinfo=UTC))
    assert {table.name: table.refused for table in report.tables if table.refused} == {}
    assert [c.why for c in report.capabilities if c.name == "recommender"] == [()]


def test_what_cannot_be_read_is_named_by_its_order(tmp_path: Path) -> None:
    """A price in words, another export, an order in two parts, no file: each in words."""
    text = EXPORT.read_text(encoding="utf-8")
    (tmp_path / "a.csv").write_text(text.replace("171.90", '"171,90"'), encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        rows(shopify.tables(tmp_path))
    assert caught.value.came.splitlines()[1:] == [
        "a.csv: column Total: 2 values, expected a number: order #1002 '171,90', order #1034 '171,90'",
    ]
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        rows(shopify.tables(tmp_path))
    assert caught.value.came.splitlines()[1:] == [
        "a.csv and b.csv: 40 rows, the order stands in several files; export without overlap: order '#1001', order '#1002', order '#1003' …",
    ]
    (tmp_path / "a.csv").write_text("Handle,Title\nx,y\n")
    with pytest.raises(
        ContractError, match=r"looks like the products export .*, but columns are missing: no Variant SKU"
    ):
        rows(shopify.tables(tmp_path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ContractError, match="holds no CSV file"):
        rows(shopify.tables(tmp_path / "empty"))


def test_the_source_tables_knows_such_an_export(tmp_path: Path) -> None:
    """Among contract tables it is named with the command that reads it."""
    (tmp_path / "order.csv").write_bytes(EXPORT.read_bytes())
    with pytest.raises(
        ContractError, match=r"order.csv: is an export of Shopify's orders: ./nightshift shop load shopify"
    ):
        rows(tables.tables(tmp_path))

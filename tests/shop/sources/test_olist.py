"""Olist: each trap of the published files, by hand, and the real subset."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ml.core.errors import ContractError
from ml.shop.sources import olist
from tests.shop.conftest import rows

Rows = list[list[str]]
ORDERS: Rows = [
    [
        "o1",
        "c1",
        "delivered",
        "2018-02-20 21:57:05",
        "2018-02-20 22:10:13",
        "2018-02-21 14:58:04",
        "2018-02-26 10:57:55",
        "2018-03-01 00:00:00",
    ],
    ["o2", "c2", "canceled", "2017-04-11 12:22:08", "", "", "", "2017-05-09 00:00:00"],
    ["o3", "c3", "unavailable", "2017-05-01 00:00:00", "2017-05-12 01:00:00", "", "", "2017-05-09 00:00:00"],
    ["o4", "c4", "invoiced", "2017-06-01 00:00:00", "", "", "", "2017-06-09 00:00:00"],
]
FILES: dict[str, Rows] = {
    "olist_orders_dataset": [list(olist.FILES["orders"][2]), *ORDERS],
    "olist_order_items_dataset": [
        ["order_id", "order_item_id", "product_id", "seller_id", "shipping_limit_date", "price", "freight_value"],
        ["o1", "1", "11111111aaaa", "s", "2018-02-21 00:00:00", "10.50", "2.00"],
        ["o1", "2", "11111111aaaa", "s", "2018-02-21 00:00:00", "10.50", "2.00"],
        ["o2", "1", "22222222bbbb", "s", "2017-04-12 00:00:00", "5", "1"],
        ["o2", "2", "33333333cccc", "s", "2017-04-12 00:00:00", "7", "1"],
    ],
    "olist_customers_dataset": [
        list(olist.FILES["customers"][2]),
        ["c1", "u1", "01310", "sao paulo", "SP"],
        ["c2", "u1", "20231", "rio de janeiro", "RJ"],
        ["c3", "u2", "04726", "sao paulo", "SP"],
        ["c4", "u3", "70740", "brasilia", "DF"],
    ],
    "olist_products_dataset": [
        ["product_id", "product_category_name", "product_name_lenght"],
        ["11111111aaaa", "beleza_saude", "49"],
        ["22222222bbbb", "pc_gamer", "1"],
        ["33333333cccc", "", ""],
    ],
    "olist_order_reviews_dataset": [
        list(olist.FILES["reviews"][2]),
        ["r1", "o1", "5", "", 'Otimo,\n"adorei"', "2018-02-27 00:00:00", "2018-02-28 10:00:00"],
        ["r1", "o2", "1", "Ruim", " ", "2017-05-10 00:00:00", "2017-05-11 04:10:37"],
    ],
    "olist_order_payments_dataset": [
        list(olist.FILES["payments"][2]),
        ["o1", "1", "credit_card", "3", "20.00"],
        ["o1", "2", "voucher", "1", "5.00"],
        ["o4", "1", "boleto", "1", "9.99"],
    ],
    "product_category_name_translation": [
        ["product_category_name", "product_category_name_english"],
        ["beleza_saude", "health_beauty"],
    ],
}


def write(
    folder: Path, *, quoting: int = csv.QUOTE_MINIMAL, bom: bool = False, packed: bool = False, leave: str = ""
) -> Path:
    """Write FILES into a folder, in one of the ways that they are published."""
    folder.mkdir(exist_ok=True)
    for name, lines in FILES.items():
        if name == leave:
            continue
        path = folder / (name + (".csv.gz" if packed else ".csv"))
        encoding = "utf-8-sig" if bom else "utf-8"
        with (
            gzip.open(path, "wt", encoding=encoding, newline="")
            if packed
            else path.open("w", encoding=encoding, newline="")
        ) as file:
            csv.writer(file, quoting=quoting, lineterminator="\n").writerows(lines)  # type: ignore[arg-type]
    return folder


@pytest.fixture
def shop(tmp_path: Path) -> dict[str, list[dict[str, object]]]:
    """The shop that FILES make."""
    return rows(olist.tables(write(tmp_path / "olist")))


@pytest.mark.parametrize(
    "variant",
    [
        {"quoting": csv.QUOTE_ALL},
        {"bom": True},
        {"packed": True},
        {"quoting": csv.QUOTE_ALL, "bom": True, "packed": True},
    ],
)
def test_every_variant_of_the_files_gives_the_same_shop(
    variant: dict[str, int], shop: dict[str, list[dict[str, object]]], tmp_path: Path
) -> None:
    """Quotes, a byte-order mark and compression change nothing."""
    assert rows(olist.tables(write(tmp_path / "other", **variant))) == shop  # type: ignore[arg-type]


def test_a_customer_is_the_person_and_not_the_order(shop: dict[str, list[dict[str, object]]]) -> None:
    """Two orders of one customer_unique_id are one customer, known from the first, of the latest state."""
    first = datetime(2017, 4, 11, 15, 22, 8, tzinfo=UTC)
    assert shop["customer"][0] == {"customer_id": "u1", "registered_at": first, "country": "BR", "segment": "SP"}
    assert [o["customer_id"] for o in shop["order"]] == ["u1", "u1", "u2", "u3"]


def test_times_are_those_of_sao_paulo(shop: dict[str, list[dict[str, object]]]) -> None:
    """Sao Paulo is three hours behind UTC, two in its summer until 2019."""
    assert shop["order"][1]["ordered_at"] == datetime(2017, 4, 11, 15, 22, 8, tzinfo=UTC)
    assert shop["order"][0]["ordered_at"] == datetime(2018, 2, 21, 0, 57, 5, tzinfo=UTC)


def test_status_amounts_and_address_follow_the_contract(shop: dict[str, list[dict[str, object]]]) -> None:
    """Each status is one of the contract's; totals hold the freight; the zip code keeps its zero."""
    assert [o["status"] for o in shop["order"]] == ["delivered", "cancelled", "cancelled", "paid"]
    assert [(o["total"], o["shipping"]) for o in shop["order"]] == [
        (25.0, 4.0),
        (14.0, 2.0),
        (None, None),
        (None, None),
    ]
    assert shop["order"][0]["shipping_address"] == "01310 sao paulo SP"


def test_items_are_lines_of_one_piece(shop: dict[str, list[dict[str, object]]]) -> None:
    """Two pieces of one product are two lines."""
    assert [(i["order_id"], i["line_no"], i["quantity"], i["unit_price"]) for i in shop["order_item"]] == [
        ("o1", 1, 1, 10.5),
        ("o1", 2, 1, 10.5),
        ("o2", 1, 1, 5.0),
        ("o2", 2, 1, 7.0),
    ]


def test_titles_are_made_from_the_category(shop: dict[str, list[dict[str, object]]]) -> None:
    """Translated where there is a translation, Portuguese where not, and "Product" without a category."""
    assert [(p["title"], p["category"]) for p in shop["product"]] == [
        ("Health beauty 11111111", "health_beauty"),
        ("Pc gamer 22222222", "pc_gamer"),
        ("Product 33333333", None),
    ]


def test_repeated_review_ids_become_unique_and_keep_their_text(shop: dict[str, list[dict[str, object]]]) -> None:
    """A review is its pair of ids, is about a product only where the order has one, and keeps its line breaks."""
    assert [(r["review_id"], r["product_id"], r["text"]) for r in shop["review"]] == [
        ("r1-o1", "11111111aaaa", 'Otimo,\n"adorei"'),
        ("r1-o2", None, None),
    ]
    assert shop["review"][1]["written_at"] == datetime(2017, 5, 11, 7, 10, 37, tzinfo=UTC)


def test_outcomes_are_known_no_earlier_than_the_order_says(shop: dict[str, list[dict[str, object]]]) -> None:
    """A delivery is known when it happened, a cancellation by the latest date of its order."""
    assert [(o["order_id"], o["kind"], o["known_at"]) for o in shop["order_outcome"]] == [
        ("o1", "ok", datetime(2018, 2, 26, 13, 57, 55, tzinfo=UTC)),
        ("o2", "cancelled", datetime(2017, 5, 9, 3, 0, tzinfo=UTC)),
        ("o3", "cancelled", datetime(2017, 5, 12, 4, 0, tzinfo=UTC)),
    ]


def test_payments_are_dated_by_their_approval(shop: dict[str, list[dict[str, object]]]) -> None:
    """A credit card is a card; a payment that was not approved has no date."""
    approved = datetime(2018, 2, 21, 1, 10, 13, tzinfo=UTC)
    assert [(p["payment_id"], p["method"], p["instalments"], p["paid_at"]) for p in shop["payment"]] == [
        ("o1-1", "card", 3, approved),
        ("o1-2", "voucher", 1, approved),
        ("o4-1", "boleto", 1, None),
    ]


@pytest.mark.parametrize(
    ("leave", "table"), [("olist_order_reviews_dataset", "review"), ("olist_order_payments_dataset", "payment")]
)
def test_without_an_optional_file_the_shop_lacks_that_table(leave: str, table: str, tmp_path: Path) -> None:
    """Reviews and payments may be missing: no table, rather than an empty one."""
    assert table not in rows(olist.tables(write(tmp_path / "olist", leave=leave)))


def test_without_the_translation_categories_stay_portuguese(tmp_path: Path) -> None:
    """The translation may be missing too."""
    found = rows(olist.tables(write(tmp_path / "olist", leave="product_category_name_translation")))
    assert found["product"][0]["title"] == "Beleza saude 11111111"


def test_missing_files_are_all_named_with_a_hint(tmp_path: Path) -> None:
    """The folder above the right one is told which folder to name."""
    write(tmp_path / "subset")
    with pytest.raises(ContractError, match=r"no olist_orders_dataset.csv, olist_order_items_dataset.csv(.|\n)*subset"):
        olist.find(tmp_path)


@pytest.mark.real
def test_the_real_subset_adds_up(published: Path) -> None:
    """Every order of the subset comes with its rows; ids are unique and point to something."""
    tables = {n: pa.Table.from_batches(b) for n, b in olist.tables(published / "olist" / "subset_8135_orders")}
    assert {name: table.num_rows for name, table in tables.items()} == {
        "customer": 8016,
        "product": 5460,
        "order": 8135,
        "order_item": 8365,
        "review": 8225,
        "order_outcome": 6406,
        "payment": 8924,
        "shipment": 6901,
    }
    for name, key in (
        ("customer", "customer_id"),
        ("product", "product_id"),
        ("order", "order_id"),
        ("review", "review_id"),
    ):
        assert pc.count_distinct(tables[name][key]).as_py() == tables[name].num_rows
    assert pc.all(
        pc.is_in(tables["order_item"]["product_id"], tables["product"]["product_id"].combine_chunks())
    ).as_py()
    assert pc.sum(pc.match_substring(tables["review"]["text"], "\n")).as_py() == 436
    assert tables["order"]["customer_id"].null_count == 0

"""Online Retail: each trap of the published file, by hand, and the whole file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import csv, parquet

from ml.core.errors import ContractError
from ml.shop.sources import online_retail
from tests.shop.conftest import rows

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
LINES = [
    "536365,85123A,WHITE HANGING HEART,6,2010-12-01 08:26:00,2.55,17850,United Kingdom",
    "536365,85123a,WHITE HANGING HEART,6,2010-12-01 08:27:00,2.55,17850,United Kingdom",
    "536365,85123a,WHITE HANGING HEART,6,2010-12-01 08:27:00,2.55,17850,United Kingdom",
    "536370,POST,POSTAGE,3,2010-12-01 08:45:00,18,12583,France",
    "536414,22139,,56,2010-12-01 11:52:00,0,,United Kingdom",
    "536589,21777,damaged,-10,2010-12-01 16:50:00,0,,United Kingdom",
    "536589,21777,RECIPE BOX,1,2010-12-01 16:50:00,7.95,,United Kingdom",
    "536590,21777,damaged,-10,2010-12-03 16:50:00,0,,United Kingdom",
    "C556379,85123A,WHITE HANGING HEART,-1,2011-06-01 09:41:00,2.55,17850,France",
    "A563185,B,Adjust bad debt,1,2011-08-15 14:50:00,-11062.06,,United Kingdom",
]


@pytest.fixture
def shop(tmp_path: Path) -> dict[str, list[dict[str, object]]]:
    """The shop that LINES make."""
    (tmp_path / "online_retail.csv").write_text("\n".join([HEADER, *LINES, ""]), encoding="utf-8")
    return rows(online_retail.tables(tmp_path))


def by(found: list[dict[str, object]], key: str) -> dict[object, dict[str, object]]:
    """Rows by a column."""
    return {row[key]: row for row in found}


def test_cancellation_is_a_cancelled_order_of_positive_pieces(shop: dict[str, list[dict[str, object]]]) -> None:
    """An invoice C… is a cancelled order whose pieces and total are positive."""
    assert by(shop["order"], "order_id")["C556379"]["status"] == "cancelled"
    assert by(shop["order"], "order_id")["C556379"]["total"] == 2.55
    assert by(shop["order_item"], "order_id")["C556379"]["quantity"] == 1


def test_codes_that_differ_by_case_are_one_product(shop: dict[str, list[dict[str, object]]]) -> None:
    """85123A and 85123a are one product with the published code in upper case."""
    assert sorted(str(p["product_id"]) for p in shop["product"]) == ["21777", "22139", "85123A", "B", "POST"]


def test_repeated_lines_stay_lines(shop: dict[str, list[dict[str, object]]]) -> None:
    """An exact duplicate of a line is a line of its own with the next number."""
    assert [i["line_no"] for i in shop["order_item"] if i["order_id"] == "536365"] == [1, 2, 3]


def test_missing_customer_is_a_guest_order(shop: dict[str, list[dict[str, object]]]) -> None:
    """A line without a customer makes an order without one, and no customer."""
    assert by(shop["order"], "order_id")["536414"]["customer_id"] is None
    assert [c["customer_id"] for c in shop["customer"]] == ["12583", "17850"]


def test_broken_lines_stay_for_the_validation(shop: dict[str, list[dict[str, object]]]) -> None:
    """Stock corrections, lines at no price and adjustments come through as they are."""
    items = by(shop["order_item"], "order_id")
    assert (items["536590"]["quantity"], items["536590"]["unit_price"]) == (-10, 0)
    assert items["A563185"]["unit_price"] == -11062.06
    assert len(shop["order_item"]) == len(LINES)


def test_services_are_not_active(shop: dict[str, list[dict[str, object]]]) -> None:
    """Postage and the like are products of category service that are never recommended; the rest says nothing."""
    products = by(shop["product"], "product_id")
    assert (products["POST"]["category"], products["POST"]["active"]) == ("service", False)
    assert (products["21777"]["category"], products["21777"]["active"]) == (None, None)
    assert by(shop["order"], "order_id")["536370"]["shipping"] == 54


def test_title_is_what_it_is_sold_as(shop: dict[str, list[dict[str, object]]]) -> None:
    """A note of the staff ("damaged", twice) does not name a product that was sold under a title."""
    assert by(shop["product"], "product_id")["21777"]["title"] == "RECIPE BOX"
    assert by(shop["product"], "product_id")["22139"]["title"] is None


def test_times_are_british(shop: dict[str, list[dict[str, object]]]) -> None:
    """British summer time is an hour ahead of UTC; an invoice of two minutes was placed at the first."""
    orders = by(shop["order"], "order_id")
    assert orders["C556379"]["ordered_at"] == datetime(2011, 6, 1, 8, 41, tzinfo=UTC)
    assert orders["536365"]["ordered_at"] == datetime(2010, 12, 1, 8, 26, tzinfo=UTC)


def test_customer_is_known_from_the_first_line_in_the_latest_country(shop: dict[str, list[dict[str, object]]]) -> None:
    """registered_at is the first invoice, country that of the last line."""
    customer = by(shop["customer"], "customer_id")["17850"]
    assert customer["registered_at"] == datetime(2010, 12, 1, 8, 26, tzinfo=UTC)
    assert customer["country"] == "France"


def _parquet(folder: Path) -> None:
    _csv(folder, "x.csv", "\n".join([HEADER, *LINES, ""]).encode())
    typed = csv.read_csv(folder / "x.csv", convert_options=csv.ConvertOptions(strings_can_be_null=True))
    (folder / "x.csv").unlink()
    stamps = typed["InvoiceDate"].cast(pa.timestamp("us"))
    parquet.write_table(typed.set_column(4, "InvoiceDate", stamps), folder / "online_retail.parquet")


def _xlsx(folder: Path) -> None:
    book = openpyxl.Workbook(write_only=True)
    for name, part in (("Year 2009-2010", LINES[:5]), ("Year 2010-2011", LINES[5:])):
        sheet = book.create_sheet(name)
        sheet.append(
            ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]
        )
        for line in part:
            invoice, code, text, n, at, price, customer, country = line.split(",")
            sheet.append(
                [
                    int(invoice) if invoice.isdigit() else invoice,
                    int(code) if code.isdigit() else code,
                    text or None,
                    int(n),
                    datetime.fromisoformat(at),
                    float(price),
                    float(customer) if customer else None,
                    country,
                ]
            )
    book.save(folder / "Online Retail II.xlsx")


def _csv(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)


def _kaggle(folder: Path) -> None:
    fixed = []
    for line in LINES:
        invoice, code, text, n, at, price, customer, country = line.split(",")
        american = f"{datetime.fromisoformat(at):%m/%d/%Y %H:%M}"
        fixed.append(
            f'{invoice},{code},"{text}",{n},{american},{price},{customer + ".0" if customer else ""},{country}'
        )
    _csv(folder, "data.csv", "\r\n".join([HEADER, *fixed, ""]).encode("latin-1"))


def _european(folder: Path) -> None:
    fixed = []
    for line in LINES:
        invoice, code, text, n, at, price, customer, country = line.split(",")
        local = f"{datetime.fromisoformat(at):%d/%m/%Y %H:%M}"
        fixed.append(";".join([invoice, code, text, n, local, price.replace(".", ","), customer, country]))
    _csv(folder, "retail.csv", "\n".join([HEADER.replace(",", ";"), *fixed, ""]).encode("utf-8-sig"))


@pytest.mark.parametrize("write", [_parquet, _xlsx, _kaggle, _european])
def test_every_format_gives_the_same_shop(
    write: object, shop: dict[str, list[dict[str, object]]], tmp_path: Path
) -> None:
    """Parquet, the workbook with a sheet a year, Kaggle's CSV and one with decimal commas are read alike."""
    folder = tmp_path / "other"
    folder.mkdir()
    write(folder)  # type: ignore[operator]
    assert rows(online_retail.tables(folder)) == shop


@pytest.mark.parametrize("form", ["%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M"])
def test_day_and_month_are_told_apart_by_the_order_of_the_file(form: str, tmp_path: Path) -> None:
    """Where no day is above 12, the reading in which the lines go on in time is the right one."""
    times = [datetime(2011, 1, 5, tzinfo=UTC), datetime(2011, 2, 1, tzinfo=UTC), datetime(2011, 3, 2, tzinfo=UTC)]
    lines = [f"{n},A,X,1,{at:{form}},1,,UK" for n, at in enumerate(times)]
    (tmp_path / "data.csv").write_text("\n".join([HEADER, *lines, ""]), encoding="utf-8")
    found = [order["ordered_at"] for order in rows(online_retail.tables(tmp_path))["order"]]
    assert found == times


def test_latin_1_pound_sign_is_read(tmp_path: Path) -> None:
    """A file that is not UTF-8 is Latin-1: £ stays £."""
    line = "1,GIFT_0001_20,Gift Voucher £20.00,1,2011-01-04 10:00:00,16.67,,United Kingdom"
    (tmp_path / "data.csv").write_bytes(f"{HEADER}\n{line}\n".encode("latin-1"))
    assert rows(online_retail.tables(tmp_path))["product"][0]["title"] == "Gift Voucher £20.00"


def test_a_folder_without_or_with_several_files_is_an_error(tmp_path: Path) -> None:
    """The message says what was found and what to name."""
    with pytest.raises(ContractError, match=r"not found.*\n.*holds none"):
        online_retail.find(tmp_path)
    for name in ("online_retail.csv", "online_retail.parquet"):
        (tmp_path / name).touch()
    with pytest.raises(ContractError, match=r"not clear which.*\n  came: online_retail.csv, online_retail.parquet"):
        online_retail.find(tmp_path)


def test_missing_columns_are_all_named(tmp_path: Path) -> None:
    """A file of something else is refused with every column that is missing."""
    (tmp_path / "data.csv").write_text("InvoiceNo,Price\n1,2\n", encoding="utf-8")
    with pytest.raises(
        ContractError, match="missing: stock_code, description, quantity, invoice_date, customer, country"
    ):
        rows(online_retail.tables(tmp_path))


def test_unreadable_dates_are_an_error(tmp_path: Path) -> None:
    """Dates in no known form are refused with an example."""
    (tmp_path / "data.csv").write_text(f"{HEADER}\n1,A,x,1,first of May,1,,UK\n", encoding="utf-8")
    with pytest.raises(ContractError, match="'first of May'"):
        rows(online_retail.tables(tmp_path))


@pytest.mark.real
def test_the_published_file_adds_up(published: Path) -> None:
    """All 541,909 lines come through, and the published sums of quantity and amount are kept."""
    folder = published / "uci_online_retail"
    raw = parquet.read_table(folder)
    tables = {name: pa.Table.from_batches(batches) for name, batches in online_retail.tables(folder)}
    items, orders = tables["order_item"], tables["order"]
    cancelled = orders.filter(pc.equal(orders["status"], "cancelled"))["order_id"].combine_chunks()
    sign = pc.if_else(pc.is_in(items["order_id"], cancelled), -1, 1)
    quantity = pc.multiply(items["quantity"], sign)
    assert pc.sum(quantity).as_py() == pc.sum(raw["Quantity"]).as_py() == 5_176_450
    assert pc.sum(pc.multiply(quantity.cast(pa.float64()), items["unit_price"])).as_py() == pytest.approx(9_747_747.934)
    assert {name: table.num_rows for name, table in tables.items()} == {
        "customer": 4372,
        "product": 3958,
        "order": 25_900,
        "order_item": 541_909,
    }
    assert (cancelled.null_count, len(cancelled)) == (0, 3836)
    assert pc.sum(pc.is_null(orders["customer_id"])).as_py() == 3710

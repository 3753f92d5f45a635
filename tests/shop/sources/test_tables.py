"""The source ``tables``: what it reads, and that it tells every fault at once."""

from __future__ import annotations

import gzip
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from ml.core.errors import ContractError, NightshiftError
from ml.shop.sources import tables
from ml.shop.template import template
from tests.shop.conftest import rows

FITTING = {
    "customer": "customer_id,registered_at,accepts_marketing\n007,2026-01-31 23:30:00,yes\nb,,\n",
    "product": 'product_id,title,price\np1,"two\nlines, ""quoted""",1.50\np2,🎁 é \'; DROP TABLE x,\n',
    "order": "order_id,customer_id,ordered_at\no1,007,2026-07-01T10:00:00+02:00\no2,,2026-07-02\n",
    "order_item": "order_id,line_no,product_id,quantity,unit_price\no1,1,p1,2,1.5\no1,2.0,p2,1e1,0.1\n",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write CSV files by table name."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def refusal(folder: Path) -> list[str]:
    """The lines of the message that the folder is refused with."""
    with pytest.raises(ContractError) as caught:
        rows(tables.tables(folder))
    return caught.value.came.splitlines()[1:]


def test_a_fitting_folder_is_read(tmp_path: Path) -> None:
    """Ids keep their zeros, text its line breaks, an empty field is null, times go to UTC."""
    found = rows(tables.tables(write(tmp_path, FITTING), timezone="Europe/Paris"))
    registered = datetime(2026, 1, 31, 22, 30, tzinfo=UTC)
    assert found["customer"] == [
        {"customer_id": "007", "registered_at": registered, "accepts_marketing": True},
        {"customer_id": "b", "registered_at": None, "accepts_marketing": None},
    ]
    assert [p["title"] for p in found["product"]] == ['two\nlines, "quoted"', "🎁 é '; DROP TABLE x"]
    assert [o["ordered_at"] for o in found["order"]] == [
        datetime(2026, 7, 1, 8, tzinfo=UTC),
        datetime(2026, 7, 1, 22, tzinfo=UTC),
    ]
    assert [(i["line_no"], i["quantity"]) for i in found["order_item"]] == [(1, 2.0), (2, 10.0)]


def test_gzip_semicolons_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    """What spreadsheets write is read like plain CSV."""
    plain = rows(tables.tables(write(tmp_path / "plain", FITTING)))
    odd = write(tmp_path / "odd", FITTING)
    (odd / "order.csv").unlink()
    (odd / "order.csv.gz").write_bytes(gzip.compress(("\ufeff" + FITTING["order"].replace(",", ";")).encode()))
    assert rows(tables.tables(odd)) == plain


def test_parquet_of_other_types_is_cast(tmp_path: Path) -> None:
    """Integer ids become text, decimals numbers, dates and naive times moments of the given zone."""
    folder = write(tmp_path, FITTING)
    for name in ("customer", "product"):
        (folder / f"{name}.csv").unlink()
    at = datetime(2026, 7, 1, 12)  # noqa: DTZ001 - naive on purpose
    parquet.write_table(pa.table({"customer_id": [7], "registered_at": [at]}), folder / "customer.parquet")
    products = pa.table({"product_id": [1], "price": [Decimal("1.50")], "listed_at": [date(2026, 7, 1)], "active": [0]})
    parquet.write_table(products, folder / "product.parquet")
    found = rows(tables.tables(folder, timezone="Europe/Paris"))
    assert found["customer"] == [{"customer_id": "7", "registered_at": datetime(2026, 7, 1, 10, tzinfo=UTC)}]
    assert found["product"] == [
        {"product_id": "1", "price": 1.5, "listed_at": datetime(2026, 6, 30, 22, tzinfo=UTC), "active": False}
    ]


def test_unknown_and_missing_names_are_told_together(tmp_path: Path) -> None:
    """Every unknown file, unknown column and missing required table or column, with the name that was meant."""
    write(tmp_path, {"customer": "custmer_id,age\n", "prodct": "a\n", "order": FITTING["order"]})
    assert refusal(tmp_path) == [
        "prodct.csv: the contract has no table prodct; do you mean product?",
        "no file for the required table product",
        "no file for the required table order_item",
        "customer.csv: the contract has no column 'custmer_id' in customer; do you mean customer_id?",
        "customer.csv: the contract has no column 'age' in customer",
        "customer.csv: no required column customer_id",
    ]


@pytest.mark.parametrize(("encoding", "title"), [("latin-1", "é"), ("gbk", "经典款"), ("utf-16", "é")])
def test_an_encoding_is_not_guessed(tmp_path: Path, encoding: str, title: str) -> None:
    """A file that is not UTF-8 is refused: read as another one, its words would be wrong and nobody would know."""
    folder = write(tmp_path, FITTING)
    text = FITTING["product"].replace("🎁 é", title)
    (folder / "product.csv").write_bytes(text.encode(encoding))
    (told,) = refusal(folder)
    assert told.startswith("product.csv: is ")
    assert "UTF-8" in told


def test_values_are_told_with_file_line_and_column(tmp_path: Path) -> None:
    """Every value that cannot be read, in every file, on the line where its row starts."""
    bad = {
        "product": 'product_id,title,price\np1,"two\nlines","1,5"\np2,x,nan\np3,y\n',
        "order": "order_id,ordered_at\no1,0000-00-00 00:00:00\no2,31/12/2026\n",
        "order_item": "order_id,line_no,product_id,quantity,unit_price\no1,1.5,p1,2,1\n",
    }
    assert refusal(write(tmp_path, FITTING | bad)) == [
        "product.csv: 1 row, not 3 fields as in the header: line 5 '2: p3,y'",
        "product.csv: column price: 2 values, expected a number with a decimal point, as 12.5: line 2 '1,5', line 4 'nan'",
        f"order.csv: column ordered_at: 2 values, expected {tables.EXPECTED['timestamp']}: line 2 '0000-00-00 00:00:00', line 3 '31/12/2026'",
        "order_item.csv: column line_no: 1 value, expected a whole number, as 12: line 2 '1.5'",
    ]


def test_faults_come_by_kind(tmp_path: Path) -> None:
    """Three values of a column are shown, the rest is a number."""
    prices = "product_id,price\n" + "".join(f"p{n},x\n" for n in range(1005))
    assert refusal(write(tmp_path, FITTING | {"product": prices})) == [
        "product.csv: column price: 1,005 values, expected a number with a decimal point, as 12.5: line 2 'x', line 3 'x', line 4 'x' …"
    ]


def test_the_template_fits_and_optional_files_may_stay_empty(tmp_path: Path) -> None:
    """What the template writes loads once the required files are filled; an empty optional table is not there."""
    template(tmp_path)
    assert sorted(rows(tables.tables(write(tmp_path, FITTING)))) == ["customer", "order", "order_item", "product"]


def test_the_template_never_overwrites(tmp_path: Path) -> None:
    """A folder that holds one of the files is left as it is."""
    write(tmp_path, {"order": "mine"})
    with pytest.raises(NightshiftError, match=r"already(.|\n)*order.csv"):
        template(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["order.csv"]
    assert (tmp_path / "order.csv").read_text() == "mine"


def test_an_unknown_time_zone_is_an_error(tmp_path: Path) -> None:
    """The option is checked before anything is read."""
    with pytest.raises(NightshiftError, match="time zone"):
        rows(tables.tables(tmp_path, timezone="Mars/Base'"))


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2026-11-01 09:00:00 +0000", datetime(2026, 11, 1, 9, tzinfo=UTC)),
        ("2026-11-01 09:00:00 -0500", datetime(2026, 11, 1, 14, tzinfo=UTC)),
        ("2026-11-01 09:00:00 -05:00", datetime(2026, 11, 1, 14, tzinfo=UTC)),
        ("2026-11-01T09:00:00.25-05", datetime(2026, 11, 1, 14, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-11-01 09:00:00+0530", datetime(2026, 11, 1, 3, 30, tzinfo=UTC)),
        ("2026-11-01T09:00:00+14:00", datetime(2026, 10, 31, 19, tzinfo=UTC)),
        ("2026-11-01 09:00:00 UTC", datetime(2026, 11, 1, 9, tzinfo=UTC)),
        ("2026-11-01T09:00Z", datetime(2026, 11, 1, 9, tzinfo=UTC)),
        (" 2026-11-01 09:00 ", datetime(2026, 11, 1, 8, tzinfo=UTC)),
        ("2026-11-01", datetime(2026, 10, 31, 23, tzinfo=UTC)),
        ("  ", None),
    ],
)
def test_an_offset_is_read_however_it_is_written(tmp_path: Path, written: str, instant: datetime | None) -> None:
    """After a blank, with or without a colon or minutes; without one the shop's zone holds; a blank text is no time."""
    files = FITTING | {"customer": f"customer_id,registered_at\n007,{written}\n"}
    (found, *_) = rows(tables.tables(write(tmp_path, files), timezone="Europe/Paris"))["customer"]
    assert found["registered_at"] == instant


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-01 09:00:00 BST",
        "2026-11-01 09:00:00 EST",
        "2026-11-01 09:00:00 Europe/London",
        "2026-11-01T09:00:00[Europe/Paris]",
        "2026-11-01 24:00:00",
        "2026-11-01 09:60",
        "2026-11-01 09:00:60",
        "2026-11-01 09:00:00+99:00",
        "2026-11-01 09:00:00 +14:30",
        "9999-12-31 23:59:59-05:00",
        "0001-01-01 00:00:00+01",
        "2026-02-30",
        "2026-02-29 10:00",
        "infinity",
        "today",
        "01/11/2026",
        "20261101",
    ],
)
def test_a_time_that_is_no_instant_is_refused(tmp_path: Path, written: str) -> None:
    """The name of a zone, an hour of 24, an impossible day, offset or year: the file, line, column and value."""
    files = FITTING | {"customer": f"customer_id,registered_at\n007,2026-01-31\nb,{written}\n"}
    (line,) = refusal(write(tmp_path, files))
    assert line.startswith("customer.csv: column registered_at: 1 value, expected an ISO 8601 time")
    assert line.endswith(f": line 3 {written!r}")


def test_times_and_blanks_of_parquet(tmp_path: Path) -> None:
    """A text without letters in an optional column is null; a year that Postgres and Python cannot hold is refused."""
    folder = write(tmp_path, FITTING)
    (folder / "customer.csv").unlink()
    people = {"customer_id": ["007", "b"], "registered_at": ["", " "], "accepts_marketing": ["", "true"]}
    parquet.write_table(pa.table(people), folder / "customer.parquet")
    assert [row["registered_at"] for row in rows(tables.tables(folder))["customer"]] == [None, None]
    late = pa.array([0, 400_000_000_000], pa.timestamp("s", "UTC"))
    parquet.write_table(pa.table({"customer_id": ["007", "b"], "registered_at": late}), folder / "customer.parquet")
    (line,) = refusal(folder)
    assert ": row 2 '14645-" in line


@pytest.mark.parametrize(
    ("written", "read"), [("Ja", True), ("SÍ", True), ("published", True), ("NEIN", False), ("draft", False)]
)
def test_words_for_a_boolean(tmp_path: Path, written: str, read: bool) -> None:
    """A spreadsheet's own words for true and false are read."""
    files = {
        "customer": "customer_id,accepts_marketing\nc1," + written + "\n",
        "product": "product_id\np1\n",
        "order": "order_id,ordered_at\no1,2026-01-01\n",
        "order_item": "order_id,line_no,product_id,quantity,unit_price\no1,1,p1,1,2\n",
    }
    made = rows(tables.tables(write(tmp_path / "files", files)))
    assert [row["accepts_marketing"] for row in made["customer"]] == [read]

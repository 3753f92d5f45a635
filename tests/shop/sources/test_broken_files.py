"""The source ``tables`` on files as life writes them: read as they were meant, or named with their line and what to do."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from ml.core.errors import ContractError
from ml.shop.sources import tables
from tests.shop.conftest import rows
from tests.shop.sources.test_tables import FITTING, refusal, write

STRAY_QUOTES = """product_id,title,category,price
S11,Thing 0,cups,4.50
S12,"Thing 1 12 inch,lamps,5.50
S13,Thing 2,cups,6.50
S14,Thing 3,lamps,7.50
S15,Thing "4,cups,8.50
S16,Thing 5,lamps,9.50
"""


def product(folder: Path, text: str | bytes, name: str = "product.csv") -> Path:
    """A fitting shop with this as its products."""
    write(folder, FITTING)
    (folder / "product.csv").unlink()
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def titles(folder: Path) -> list[object]:
    """The products' titles as read."""
    return [row["title"] for row in rows(tables.tables(folder))["product"]]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (STRAY_QUOTES, "1 row, text after a closing quote(.*): line 3 'up to line 6: S15,Thing \"4,cups,8.50'"),
        ('product_id,title\np1,a\np2,"b\np3,c\np4,d\n', "1 row, a quoted field that is never closed(.*): line 3"),
        (
            'product_id,title\np1,"a\np2,b\np3,c"\np4,d\n',
            "2 rows, a quoted field holds a line that looks(.*): line 3 'p2,b', line 4",
        ),
        ('product_id,title,price\np1,"a,1.5\np2,b",2.5\n', "a quoted field holds a line that looks(.*): line 3 'p2,b'"),
        ('product_id\n"p1\np2"\n', "looks like a row(.*): line 3"),
        ('product_id,title\np1, "a"\n', "a blank before an opening quote(.*): line 2"),
        ("product_id,title\np1,a\rp2,b\np3,c\n", "a carriage return in the middle of a line(.*): line 2"),
        ("product_id,title\np1,a\n\ufeffproduct_id,title\np2,b\n", "the header stands there again(.*): line 3"),
        ("product_id,title\np1,a,b\np2\n", "2 rows, not 2 fields as in the header: line 2 '3: p1,a,b', line 3 '1: p2'"),
        ('product_id,"ti"tle\np1,a\n', "its header line has text after a closing quote"),
        ("product_id,title,\np1,a,\n", "column 3 has no name"),
        ("", "is empty"),
        ("\n \n", "is empty"),
        (b"product_id,title\np1,a\np2,\xe9\n", "is not in UTF-8 .line 3 holds the byte 0xE9."),
        ("product_id,title\np1,a\n".encode("utf-16-le"), "is text in UTF-16"),
        (gzip.compress(b"product_id\np1\n", mtime=0), "is gzip, not text in UTF-8; rename it product.csv.gz"),
        (b"PK\x03\x04....", "is a zip archive or an Excel workbook"),
        ('[{"product_id": 1}]', "the contract has no column '.{\"product_id\": 1}.'"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path: Path, text: str | bytes, told: str) -> None:
    """Whatever is not as it should be is told in words; no row is swallowed by a stray quote."""
    lines = refusal(product(tmp_path, text))
    assert lines[0].startswith("product.csv: ")
    assert re.search(told, lines[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('product_id, title\np1, a\np2, "b, c"\n', ["a", "b, c"]),
        (" product_id ,\ttitle \np1,a\np2, b\n", ["a", " b"]),
        ("product_id\rtitle\r".replace("\rt", ",t") + "p1,a\rp2,b\r", ["a", "b"]),
        ('product_id,title\r\np1,"a\r\nb"\r\n\r\np2,c', ["a\r\nb", "c"]),
        ("sep=;\nproduct_id;title\np1;a,b\n", ["a,b"]),
        ("\ufeffsep=\t\r\nproduct_id\ttitle\r\np1\ta\r\n", ["a"]),
        ("product_id|title|price\np1|a;b|1\n", ["a;b"]),
        ("\n\nproduct_id,title\np1,a\n", ["a"]),
        ('product_id,title\np1,12" pipe\np2,"a ""b"""\np3,""\n', ['12" pipe', 'a "b"', None]),
        ('product_id,title\np1,"good, but\nlate, and 12"\np2,x\n', ["good, but\nlate, and 12", "x"]),
        ('product_id,title,price\np1,"v2,black,new\n",1\n', ["v2,black,new\n"]),
        (f"product_id,title\np1,{'x' * 300_000}\n", ["x" * 300_000]),
    ],
)
def test_what_is_unambiguous_is_read(tmp_path: Path, text: str, expected: list[str | None]) -> None:
    """Blanks in the header, line ends of three kinds, marks of the delimiter, long fields, inches and texts of lines."""
    assert titles(product(tmp_path, text)) == expected


def test_a_bad_value_beside_a_long_field_has_its_line(tmp_path: Path) -> None:
    """A description above 128 KiB is no reason not to find the bad price two lines on."""
    text = f"product_id,title,price\np1,{'<p>word' * 30_000},1\np2,x,2\np3,y,12 EUR\n"
    (line,) = refusal(product(tmp_path, text))
    assert line.endswith("line 4 '12 EUR'")


def test_damaged_gzip_is_told(tmp_path: Path) -> None:
    """Cut off anywhere, one bit flipped anywhere, or no gzip at all: told, or read as it was; never misread."""
    plain = b"product_id,title\n" + b"".join(b"p%d,Thing number %d\n" % (n, n * n) for n in range(300))
    whole = gzip.compress(plain, mtime=0)
    expected = titles(product(tmp_path / "whole", whole, "product.csv.gz"))
    for cut in range(1, len(whole), 197):
        (line,) = refusal(product(tmp_path / f"cut{cut}", whole[:cut], "product.csv.gz"))
        assert "damaged or cut off" in line or "no gzip" in line
    for place in range(0, len(whole), 97):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        folder = product(tmp_path / f"flip{place}", bytes(flipped), "product.csv.gz")
        try:
            found = titles(folder)
        except ContractError:
            continue
        assert found == expected, place
    (line,) = refusal(product(tmp_path / "plain", plain, "product.csv.gz"))
    assert "is named .gz but is no gzip; rename it" in line


def test_damaged_parquet_is_told(tmp_path: Path) -> None:
    """With the pages' checksums no flipped bit of the data is read in silence; cut off anywhere it is told."""
    path = tmp_path / "made.parquet"
    table = pa.table({"product_id": [f"p{n}" for n in range(300)], "title": [f"Thing {n * n} é" for n in range(300)]})
    parquet.write_table(table, path, write_page_checksum=True, use_dictionary=False)
    whole = path.read_bytes()
    expected = table.column("title").to_pylist()
    for cut in range(1, len(whole), len(whole) // 9):
        (line,) = refusal(product(tmp_path / f"cut{cut}", whole[:cut], "product.parquet"))
        assert "damaged or cut off" in line or "is named .parquet but is" in line
    for place in range(4, len(whole) - 8, len(whole) // 25):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        try:
            found = titles(product(tmp_path / f"flip{place}", bytes(flipped), "product.parquet"))
        except ContractError:
            continue
        assert found == expected, place


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is named .parquet but is empty; export it again"),
        (b"product_id,title\np1,a\n", "is named .parquet but is text; rename it product.csv"),
        (gzip.compress(b"x", mtime=0), "is named .parquet but is gzip"),
        (b"PAR1PAR1", "damaged or cut off"),
    ],
)
def test_what_is_no_parquet_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    """An empty or other file under the name of Parquet is named with what it is."""
    (line,) = refusal(product(tmp_path, content, "product.parquet"))
    assert told in line


def test_columns_of_parquet_that_mean_something_else_are_refused(tmp_path: Path) -> None:
    """Lists, structs, decimals as ids, durations, whole numbers as times: each column with its type."""
    folder = product(tmp_path, b"")
    (folder / "product.csv").unlink()
    table = pa.table(
        {"product_id": [202.0], "title": [["a"]], "price": [True], "active": [1.0], "listed_at": [1_700_000_000]}
    )
    parquet.write_table(table, folder / "product.parquet")
    assert [line.split(", expected")[0] for line in refusal(folder)] == [
        "product.parquet: column product_id is of type double",
        "product.parquet: column title is of type list<element: string>",
        "product.parquet: column price is of type bool",
        "product.parquet: column active is of type double",
        "product.parquet: column listed_at is of type int64",
    ]


def test_bytes_and_dictionaries_of_parquet_are_text(tmp_path: Path) -> None:
    """As old writers make them; bytes that are no UTF-8 are told."""
    folder = product(tmp_path, b"")
    (folder / "product.csv").unlink()
    titled = pa.array(["é", None]).dictionary_encode()
    table = pa.table({"product_id": pa.array([b"p\xc3\xa9", b"p2"]), "title": titled, " price ": [None, 1]})
    parquet.write_table(table, folder / "product.parquet")
    found = rows(tables.tables(folder))["product"]
    assert [(r["product_id"], r["title"], r["price"]) for r in found] == [("pé", "é", None), ("p2", None, 1.0)]
    parquet.write_table(pa.table({"product_id": pa.array([b"p\xe9"])}), folder / "product.parquet")
    (line,) = refusal(folder)
    assert "column product_id holds a value in rows 1 to 1 that is none (Invalid UTF8" in line
    far = pa.table({"product_id": ["p"], "listed_at": pa.array([9 * 10**18], pa.timestamp("ms"))})
    parquet.write_table(far, folder / "product.parquet")
    (line,) = refusal(folder)
    assert "column listed_at holds a value in rows 1 to 1 that is none" in line


def test_no_file_is_passed_over_unnamed(tmp_path: Path) -> None:
    """Another format or a name that no table has is a fault with what to do; pages and hidden files are a note."""
    folder = write(tmp_path, FITTING)
    (folder / "order.csv").rename(folder / "order.json")
    (folder / "product.csv").rename(folder / "product.tsv")
    for name in ("README.md", ".DS_Store", "notes.txt", "stock.xlsx", "export.zip", "order.old.csv", "review"):
        (folder / name).write_text("x")
    (folder / "payment.parquet").mkdir()
    (folder / "archive").mkdir()
    assert refusal(folder) == [
        "export.zip: a file of this ending is not read: unpack it here (only gzip is read as it is)",
        "order.json: a file of this ending is not read: save it as CSV in UTF-8 with a header line, or as Parquet",
        "order.old.csv: the contract has no table order.old; do you mean order?",
        "payment.parquet: is a folder; one file per table is read: payment.csv, payment.csv.gz or payment.parquet",
        "review: a file of this ending is not read: save it as CSV in UTF-8 with a header line, or as Parquet",
        "stock.xlsx: a file of this ending is not read: save each sheet as CSV in UTF-8, named after its table",
        "no file for the required table order",
    ]
    assert tables.notes(folder) == ["not read: .DS_Store, README.md, archive/, notes.txt"]


def test_other_endings_and_a_mark_of_the_delimiter_are_read(tmp_path: Path) -> None:
    """product.tsv with commas, order.txt with tabs, ORDER_ITEM.CSV with Excel's first line: as their contents say."""
    plain = rows(tables.tables(write(tmp_path / "plain", FITTING)))
    folder = write(tmp_path / "odd", {"customer": FITTING["customer"]})
    (folder / "product.tsv").write_text(FITTING["product"])
    (folder / "order.txt").write_text(FITTING["order"].replace(",", "\t"))
    (folder / "ORDER_ITEM.CSV").write_text("sep=;\n" + FITTING["order_item"].replace(",", ";"))
    assert rows(tables.tables(folder)) == plain


def test_a_required_table_without_a_row_is_refused(tmp_path: Path) -> None:
    """A template that nobody filled is no shop."""
    empty = {name: text.split("\n")[0] + "\n" for name, text in FITTING.items()}
    assert refusal(write(tmp_path, empty)) == [
        f"{name}.csv: holds no row, and a shop cannot be without them" for name in FITTING
    ]

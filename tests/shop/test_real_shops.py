"""Shops as other platforms keep them: what a check says of each, and that none of it stops a night that should run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml.settings import Settings
from ml.shop.check import check
from ml.shop.load import load
from ml.shop.report import Report, TableCheck
from tests.shop.sources.test_tables import write
from tests.shop.test_check import execute

NOW = datetime(2026, 11, 27, tzinfo=UTC)
Files = dict[str, list[str]]


def shop() -> Files:
    """24 orders of 20 with two lines each, of 6 customers and 8 products; rows of CSV by table."""
    at = [datetime(2026, 11, 1, 9, tzinfo=UTC) + timedelta(hours=19 * i) for i in range(24)]
    pick = [(i, n, 1 + (i + n) % 8) for i in range(24) for n in (1, 2)]
    return {
        "customer": ["customer_id", *(f"{201 + i}" for i in range(6))],
        "product": ["product_id,title,price,description", *(f"S{i},Thing {i},{3 + i}.50," for i in range(1, 9))],
        "order": [
            "order_id,customer_id,ordered_at,status,total",
            *(f"N{i:02},{201 + i % 6},{at[i]},delivered,20" for i in range(24)),
        ],
        "order_item": [
            "order_id,line_no,product_id,quantity,unit_price",
            *(f"N{i:02},{n},S{p},1,10" for i, n, p in pick),
        ],
    }


def checked(settings: Settings, folder: Path, files: Files) -> Report:
    """Load the files and check the shop."""
    load(settings, "tables", write(folder, {name: "\n".join(lines) + "\n" for name, lines in files.items()}))
    return check(settings, now=NOW)


def table(report: Report, name: str) -> TableCheck:
    """What the report says of a table."""
    return next(table for table in report.tables if table.name == name)


def facts(report: Report) -> dict[str, tuple[int, int]]:
    """What the tables hold."""
    return {fact.what: (fact.n, fact.of) for fact in report.facts}


def test_canceled_with_one_l_is_no_purchase(settings: Settings, tmp_path: Path) -> None:
    """Medusa, Saleor and Magento write it so; the check shows the word, its share and what it is taken for."""
    files = shop()
    files["order"] = [
        line.replace("delivered", "canceled") if n % 4 == 1 else line for n, line in enumerate(files["order"])
    ]
    report = checked(settings, tmp_path / "files", files)
    assert report.ok
    assert facts(report)["orders that are purchases"] == (18, 24)
    (word,) = [w for w in report.words if w.word == "canceled"]
    assert (word.rows, word.share, word.money, word.means) == (6, 0.25, 0.25, "cancelled: no sale, no purchase")


def test_a_word_that_nobody_knows_is_named_and_stops_the_night(settings: Settings, tmp_path: Path) -> None:
    """Its count, its share of the money, what was probably meant, and what to do; never a purchase."""
    files = shop()
    files["order"] = [
        line.replace("delivered", "cancelld") if n in (1, 2) else line for n, line in enumerate(files["order"])
    ]
    report = checked(settings, tmp_path / "files", files)
    assert not report.ok
    assert facts(report)["orders that are purchases"] == (22, 24)
    text = report.to_text()
    assert "order.status  cancelld" in text
    assert "NOT KNOWN; do you mean cancelled?" in text
    assert "'cancelld' (2 rows, 8.3%, 8.3% of the money)" in text
    assert "CASE … WHEN 'cancelld' THEN '…'" in text


def _deleted_product(files: Files) -> None:
    files["product"] = [line for line in files["product"] if not line.startswith("S1,")]


def _child_lines(files: Files) -> None:
    files["order_item"] += [f"N{i:02},3,S{1 + i % 8},1,0" for i in range(8)]


def _section_lines(files: Files) -> None:
    files["order_item"] += [f"N{i:02},0,,0,0" for i in range(0, 24, 4)]


def _picture(files: Files) -> None:
    picture = '"<img src=""data:image/png;base64,' + "QUJD" * 30_000 + '"">"'
    files["product"] = [line + picture if line.startswith(("S1,", "S2,")) else line for line in files["product"]]


def _deleted_account(files: Files) -> None:
    files["customer"] = files["customer"][:-2]


def _credit_notes(files: Files) -> None:
    files["order"] += [f"K{i},201,2026-11-20 09:00:00+00:00,delivered,-20" for i in range(6)]
    files["order_item"] += [f"K{i},1,S1,-1,20" for i in range(6)]


@pytest.mark.parametrize(
    ("change", "name", "left_out", "rule"),
    [
        (_deleted_product, "order_item", 6, "product_id is still in product"),
        (_child_lines, "order_item", 0, "unit_price above 0"),
        (_section_lines, "order_item", 6, "line of a product"),
        (_picture, "product", 0, "texts without pictures and of at most 100,000 bytes"),
        (_deleted_account, "order", 0, "customer_id is still in customer"),
        (_credit_notes, "order", 6, "total at least 0"),
    ],
)
def test_normal_business_is_told_and_no_fault(
    settings: Settings, tmp_path: Path, change: Callable[[Files], None], name: str, left_out: int, rule: str
) -> None:
    """Nothing is refused, the shop is ready, and the rule stands under normal business with its count."""
    files = shop()
    change(files)
    report = checked(settings, tmp_path / "files", files)
    assert report.ok
    assert {t.name: t.refused for t in report.tables if t.refused} == {}
    assert table(report, name).left_out == left_out
    _, _, normal = report.to_text().partition("Normal business: left out or counted, no fault")
    assert f"{name}: {rule}: " in normal


def test_two_currencies_are_refused_in_words(settings: Settings, tmp_path: Path) -> None:
    """Euro and yen side by side: which, how many, what to do; with a rate for one of them the shop is ready."""
    files = shop()
    files["order"] = [
        f"{line},{'currency' if not n else 'JPY' if n % 2 else 'EUR'}" for n, line in enumerate(files["order"])
    ]
    report = checked(settings, tmp_path / "files", files)
    assert not report.ok
    assert "EUR in 12 orders, JPY in 12 orders" in report.to_text()
    assert "Give order.exchange_rate" in report.to_text()
    execute(settings, "UPDATE shop.\"order\" SET exchange_rate = 0.00625 WHERE currency = 'JPY'")
    assert check(settings, now=NOW).ok


@pytest.mark.parametrize("total", ["total", "NULL"])
def test_an_edited_orders_versions_are_told(settings: Settings, tmp_path: Path, total: str) -> None:
    """Medusa keeps an edited order's lines once per version: told with counts, whether or not there is a total."""
    load(settings, "tables", write(tmp_path / "files", {n: "\n".join(lines) + "\n" for n, lines in shop().items()}))
    execute(
        settings,
        "INSERT INTO shop.order_item SELECT order_id, line_no + 2, product_id, quantity, unit_price FROM shop.order_item "
        "WHERE order_id IN ('N03', 'N07', 'N11', 'N15', 'N19', 'N23')",
        f'UPDATE shop."order" SET total = {total}',
    )
    report = check(settings, now=NOW)
    assert facts(report)["orders whose lines are there twice"] == (6, 24)
    assert "The lines of 6 of 24 orders add up to twice their total or more" in report.to_text()


def test_cells_of_the_wrong_kind_are_named_and_do_not_stop_the_reading(settings: Settings, tmp_path: Path) -> None:
    """NaN in a numeric total, 1e30 as a line's number: the row, the column and the value; the rest is read."""
    load(settings, "tables", write(tmp_path / "files", {n: "\n".join(lines) + "\n" for n, lines in shop().items()}))
    execute(
        settings,
        'ALTER TABLE shop."order" ALTER COLUMN total TYPE numeric',
        "ALTER TABLE shop.order_item ALTER COLUMN line_no TYPE numeric",
        "UPDATE shop.\"order\" SET total = 'NaN' WHERE order_id = 'N00'",
        "UPDATE shop.order_item SET line_no = 1e30 WHERE order_id = 'N01' AND line_no = 2",
    )
    text = check(settings, now=NOW).to_text()
    assert "order: cells that hold a value of their kind: 1 row (4.17%), e.g. N00 (total is nan)" in text
    assert "N01/null (line_no is 1000000000000000000000000000000)" in text

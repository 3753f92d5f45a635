"""What is normal in a shop is left out or counted, never a fault; what nobody understands is named; money is not mixed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ml.adapters import quality
from ml.adapters.lake import Lake
from tests.adapters.test_quality import AS_OF, REF, Rows, quarantine, small, snapshot, validate


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(str(tmp_path / "lake"))


def clean(lake: Lake, table: str) -> Rows:
    """The clean rows of a table."""
    return list(lake.read_parquet("snapshot", REF, "clean", table).to_pylist())


def left_out(lake: Lake, table: str) -> set[tuple[str, str]]:
    """Key and rule of the rows of a table that are left out as normal."""
    return {(line["row_key"], line["rule"]) for line in quarantine(lake, table) if line["severity"] == "left out"}


def test_lines_that_are_no_goods_never_stop_a_night(lake: Lake) -> None:
    """Half of the lines sections, of deleted products, returned, discounts: all told with their rule, none a fault."""
    tables = small(40)
    note = {"line_no": 2, "product_id": None, "quantity": 0.0, "unit_price": 0.0}
    tables["order_item"] += [
        {"order_id": "o0"} | note,
        {"order_id": "o1"} | note | {"quantity": None, "unit_price": None},
        {"order_id": "o2", "line_no": 2, "product_id": "deleted", "quantity": 1.0, "unit_price": 3.0},
        {"order_id": "o3", "line_no": 2, "product_id": "p1", "quantity": -1.0, "unit_price": 3.0},
        {"order_id": "o4", "line_no": 2, "product_id": "p1", "quantity": 0.0, "unit_price": 3.0},
        *(
            {"order_id": f"o{i}", "line_no": 3, "product_id": "p1", "quantity": 1.0, "unit_price": -5.0}
            for i in range(35)
        ),
    ]
    snapshot(lake, tables)

    verdict = validate(lake)["order_item"]

    assert (verdict.rows, verdict.failed, verdict.left_out, verdict.refused) == (80, 0, 40, False)
    assert {line for line in left_out(lake, "order_item") if not line[0].endswith("/3")} == {
        ("o0/2", "line of a product"),
        ("o0/2", "quantity above 0"),
        ("o1/2", "line of a product"),
        ("o2/2", "product_id is still in product"),
        ("o3/2", "quantity above 0"),
        ("o4/2", "quantity above 0"),
    }
    assert [row["line_no"] for row in clean(lake, "order_item")] == [1] * 40
    assert "35 of 80 rows (43.8 %) are left out: not unit_price at least 0" in "\n".join(quality.notes([verdict]))


def test_free_lines_stay_and_are_counted(lake: Lake) -> None:
    """A gift or the child of a configurable product stays beside its order."""
    tables = small(10)
    tables["order_item"] += [row | {"line_no": 2, "unit_price": 0.0} for row in tables["order_item"]]
    snapshot(lake, tables)

    verdict = validate(lake)["order_item"]

    assert (verdict.failed, verdict.left_out, len(clean(lake, "order_item"))) == (0, 0, 20)
    (note,) = quality.notes([verdict])
    assert note.startswith(
        "order_item: 10 of 20 rows (50.0 %) stay, but are counted: not unit_price above 0, e.g. o0/2"
    )


def test_a_credit_note_takes_what_belongs_to_it_along(lake: Lake) -> None:
    """An order of a negative total is left out with its lines and payments, whatever these hold; no fault anywhere."""
    tables = small(20)
    tables["order"] += [
        {"order_id": f"k{i}", "customer_id": "c1", "ordered_at": AS_OF - timedelta(1), "total": -9.0} for i in range(10)
    ]
    tables["order_item"] += [
        {"order_id": f"k{i}", "line_no": 1, "product_id": "p1", "quantity": -1.0 if i % 2 else 1.0, "unit_price": 9.0}
        for i in range(10)
    ]
    tables["payment"] = [{"payment_id": "r", "order_id": "o1", "method": "card", "amount": -3.0}]
    tables["payment"] += [
        {"payment_id": f"b{i}", "order_id": f"k{i}", "method": "card", "amount": 9.0} for i in range(5)
    ]
    snapshot(lake, tables)

    verdicts = validate(lake)

    assert [(v.table, v.failed, v.left_out) for v in verdicts.values() if v.left_out] == [
        ("order", 0, 10),
        ("order_item", 0, 10),
        ("payment", 0, 6),
    ]
    assert not quality.refusal(verdicts.values())
    assert len(clean(lake, "order")) == len(clean(lake, "order_item")) == 20


def test_orders_of_deleted_accounts_become_guests(lake: Lake) -> None:
    """An order, review or ticket of an account that is not there stays without a customer."""
    tables = small(40)
    for row in tables["order"][:20]:
        row["customer_id"] = "deleted"
    tables["review"] = [
        {"review_id": "r", "customer_id": "deleted", "product_id": "p1", "written_at": AS_OF - timedelta(1)}
    ]
    snapshot(lake, tables)

    verdicts = validate(lake)

    assert (verdicts["order"].failed, verdicts["order"].left_out, verdicts["review"].failed) == (0, 0, 0)
    assert [row["customer_id"] for row in clean(lake, "order")[:21]] == [None] * 20 + ["c0"]
    assert clean(lake, "review")[0]["customer_id"] is None
    assert "20 of 40 rows (50.0 %) stay, but are counted: not customer_id is still in customer" in "\n".join(
        quality.notes(verdicts.values())
    )


def test_ids_of_another_table_are_no_normal_business(lake: Lake) -> None:
    """Where no reference at all is found the columns hold other ids: that stops the night."""
    tables = small(40)
    for row in tables["order"]:
        row["customer_id"] = "account " + row["customer_id"]
    for row in tables["order_item"]:
        row["product_id"] = "sku " + row["product_id"]
    snapshot(lake, tables)

    refusal = quality.refusal(validate(lake).values())

    assert "found_customer_id at least 0.01: it is 0" in refusal
    assert "used_share at least 0.01: it is 0" in refusal


@pytest.mark.parametrize("text", ["x" * 200_000, '<img src="data:image/png;base64,' + "QUJD" * 40_000 + '"> A cup.'])
def test_overlong_texts_are_cut_and_the_product_stays(lake: Lake, text: str) -> None:
    """A picture inside a description goes, a text that is still too long is cut; counted, nothing refused."""
    tables = small(20)
    for row in tables["product"][:5]:
        row["description"] = text
    snapshot(lake, tables)

    verdicts = validate(lake)

    assert (verdicts["product"].failed, verdicts["order_item"].failed) == (0, 0)
    (description,) = {row["description"] for row in clean(lake, "product")[:5]}
    assert description == ("x" * 100_000 if text.startswith("x") else '<img src=""> A cup.')
    assert (
        "5 of 20 rows (25.0 %) stay, but are counted: not texts without pictures" in quality.notes(verdicts.values())[0]
    )


def test_words_become_the_contracts_once(lake: Lake) -> None:
    """Behind the validation every spelling is the contract's word; what was written is kept in the tally."""
    tables = small(4)
    for row, status in zip(tables["order"], ("Canceled", "wc-processing", None, " "), strict=True):
        row["status"] = status
    tables["event"] = [
        {"event_id": str(i), "kind": kind, "occurred_at": AS_OF - timedelta(1)}
        for i, kind in enumerate(["Product Viewed", "add_to_cart", "page_view", "zapped"])
    ]
    tables["payment"] = [{"payment_id": "1", "order_id": "o1", "method": "Credit Card", "amount": 1.0}]
    snapshot(lake, tables)

    verdicts = validate(lake)

    assert [row["status"] for row in clean(lake, "order")] == ["cancelled", "paid", None, None]
    assert [row["kind"] for row in clean(lake, "event")] == ["view", "cart"]
    assert [(line["rule"], line["severity"]) for line in quarantine(lake, "event")] == [
        ("kind is a word of the contract", "fault"),
        ("kind that is used", "left out"),
    ]
    assert clean(lake, "payment")[0]["method"] == "card"
    assert {(w.word, w.taken_for, w.rows) for w in verdicts["order"].words} == {
        ("Canceled", "cancelled", 1),
        ("wc-processing", "paid", 1),
    }


@pytest.mark.parametrize(
    ("rows", "total", "refused"), [(2, 10.0, False), (3, 10.0, True), (1, 10_000.0, True)], ids=str
)
def test_unknown_status_words_stop_the_night_above_one_percent(
    lake: Lake, rows: int, total: float, refused: bool
) -> None:
    """Up to 1 % of orders and money it is told; above, of either, the night stops and names the word with its shares."""
    tables = small(200)
    for row in tables["order"]:
        row |= {"status": "paid", "total": 10.0}
    for row in tables["order"][:rows]:
        row |= {"status": "frobnicated", "total": total}
    snapshot(lake, tables)

    verdict = validate(lake)["order"]

    assert verdict.refused is refused
    assert [row["status"] for row in clean(lake, "order")[: rows + 1]] == ["unknown"] * rows + ["paid"]
    message = quality.refusal([verdict]) if refused else "\n".join(quality.notes([verdict]))
    assert f"'frobnicated' {rows}" in message
    assert "of the money)" in message


def order(number: int, **more: Any) -> dict[str, Any]:
    """An order of 100 with its customer."""
    return {
        "order_id": f"o{number}",
        "customer_id": "c1",
        "ordered_at": AS_OF - timedelta(number + 1),
        "total": 100.0,
    } | more


def test_several_currencies_without_a_rate_are_refused_in_words(lake: Lake) -> None:
    """Euro and yen are never added up: the night stops and says which, how often, and what to do."""
    tables = small(4) | {"order": [order(i, currency=("EUR", "jpy", "€", None)[i]) for i in range(4)]}
    snapshot(lake, tables)

    refusal = quality.refusal(validate(lake).values())

    assert "orders without exchange_rate are of one currency: it is 2, EUR in 2 orders, JPY in 1 orders" in refusal
    assert "order.exchange_rate" in refusal


def test_a_rate_converts_the_order_and_what_belongs_to_it(lake: Lake) -> None:
    """Totals, lines, payments and coupons of an order in yen are in the shop's currency behind the validation."""
    tables = small(2) | {
        "order": [
            order(0, currency="EUR"),
            order(1, currency="JPY", exchange_rate=0.00625, total=1600.0, shipping=160.0),
        ],
        "payment": [{"payment_id": str(i), "order_id": f"o{i}", "method": "card", "amount": 1600.0} for i in range(2)],
        "coupon": [{"coupon_id": "1", "order_id": "o1", "code": "X", "discount": 160.0}],
    }
    tables["order_item"][1]["unit_price"] = 800.0
    snapshot(lake, tables)

    verdicts = validate(lake, currency="EUR")

    assert not quality.refusal(verdicts.values())
    assert [(row["total"], row["shipping"]) for row in clean(lake, "order")] == [(100.0, None), (10.0, 1.0)]
    assert [row["unit_price"] for row in clean(lake, "order_item")] == [2.0, 5.0]
    assert [row["amount"] for row in clean(lake, "payment")] == [1600.0, 10.0]
    assert clean(lake, "coupon")[0]["discount"] == 1.0


def test_another_currency_than_the_shops_needs_a_rate(lake: Lake) -> None:
    """Orders all in dollars, in a shop of euro, are refused; of the shop's own currency they pass."""
    snapshot(lake, small(2) | {"order": [order(i, currency="USD") for i in range(2)]})

    assert "USD in 2 orders" in quality.refusal(validate(lake, currency="EUR").values())
    assert not quality.refusal(validate(lake, currency="USD").values())


def test_a_code_that_is_no_currency_is_a_fault(lake: Lake) -> None:
    """Nobody can say what its amounts are worth."""
    snapshot(lake, small(2) | {"order": [order(0, currency="EUR"), order(1, currency="taler")]})

    validate(lake)

    assert [(line["row_key"], line["rule"]) for line in quarantine(lake, "order")] == [
        ("o1", "currency is a code of ISO 4217")
    ]

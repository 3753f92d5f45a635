"""What order risk sees of a shop: worked by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from operator import itemgetter

import ibis
import pyarrow as pa
import pytest

from ml.capabilities.risk import features, rules
from ml.capabilities.risk.spec import Params
from tests.contract.cases import whole

AS_OF = datetime(2025, 6, 1, tzinfo=UTC)
PARAMS = Params(settle_days=45, mature_days=120, open_days=30)
MOMENT = pa.timestamp("us", "UTC")
TEXT = pa.string()


def _ago(*days: float | None) -> pa.Array:
    """Moments so many days before the night."""
    return pa.array([None if d is None else AS_OF - timedelta(days=d) for d in days], MOMENT)


def _shop() -> dict[str, pa.Table]:
    """Orders 1, 2 and 3 share a device; 4 is a guest's, young and unfinished; 5 became known late, 6 is of tomorrow."""
    tables = {
        "customer": pa.table(
            {
                "customer_id": ["ann", "bob"],
                "registered_at": _ago(200, 40),
                "country": ["DE", "AT"],
            }
        ),
        "product": pa.table(
            {
                "product_id": ["cup", "mug"],
                "title": ["Cup", None],
                "category": ["kitchen", None],
                "brand": [None, "Mug Co"],
                "listed_at": _ago(None, None),
            }
        ),
        "order": pa.table(
            {
                "order_id": ["1", "2", "3", "4", "5", "6"],
                "customer_id": pa.array(["ann", "ann", "bob", None, "bob", "ann"], TEXT),
                "ordered_at": _ago(160, 60, 59.99, 2, 70, -1),
                "status": pa.array(["delivered", "delivered", "shipped", "paid", None, "paid"], TEXT),
                "total": pa.array([20.0, 0.0, 1e12, None, 20, 1], pa.float64()),
                "shipping": pa.array([5.0, 0, 0, None, 5, 0], pa.float64()),
                "shipping_country": ["DE", "DE", "DE", None, "AT", "DE"],
                "billing_country": ["DE", "AT", "DE", "DE", "AT", "DE"],
                "device_id": pa.array(["x", "x", "x", "", "y", "x"], TEXT),
                "shipping_address": pa.array(["a", "a", "b", None, "a", "a"], TEXT),
                "known_at": _ago(None, None, None, None, 50, None),
            }
        ),
        "order_item": pa.table(
            {
                "order_id": ["1", "1", "2", "4", "4", "5", "6"],
                "line_no": [2, 1, 1, 1, 2, 1, 1],
                "product_id": ["mug", "cup", "cup", "mug", "cup", "cup", "cup"],
                "quantity": [1.0, 2, 1, 2, 0.5, 1, 1],
                "unit_price": [5.0, 5, 9, 8, 3, 20, 1],
            }
        ),
        "payment": pa.table(
            {
                "payment_id": ["p1", "p2", "p3", "p4"],
                "order_id": ["1", "1", "2", "4"],
                "method": ["voucher", "card", "transfer", "card"],
                "amount": [5.0, 15, 0, 17.5],
                "instalments": [1, 3, 1, None],
                "card": pa.array([None, "c", None, "c"], TEXT),
                "paid_at": _ago(None, 160, 58, None),
            }
        ),
        "order_outcome": pa.table(
            {
                "order_id": ["1", "1", "2", "3", "5"],
                "kind": ["ok", "chargeback", "returned", "fraud", "fraud"],
                "known_at": _ago(125, 59.995, 30, -2, 49),
            }
        ),
    }
    return {name: whole(name, table) for name, table in tables.items()}


def _rows(tables: Mapping[str, pa.Table], params: Params = PARAMS, as_of: datetime = AS_OF) -> dict[str, list[dict]]:
    built = features.build({name: ibis.memtable(table) for name, table in tables.items()}, as_of, params)
    backend = ibis.duckdb.connect()
    return {name: backend.to_pyarrow(table).to_pylist() for name, table in built.items()}


def _orders(tables: Mapping[str, pa.Table], as_of: datetime = AS_OF) -> dict[str, dict]:
    return {row["order_id"]: row for row in _rows(tables, as_of=as_of)["order"]}


@cache
def _feature_rows() -> dict[str, list[dict]]:
    """What is made of :func:`_shop`, made once: read it only."""
    return _rows(_shop())


def _known() -> dict[str, dict]:
    return {row["order_id"]: row for row in _feature_rows()["order"]}


def test_orders_are_numbered_in_the_order_of_time() -> None:
    """Those known before the night, from 0."""
    rows = sorted(_feature_rows()["order"], key=itemgetter("order_no"))
    assert [(row["order_no"], row["order_id"]) for row in rows] == [(0, "1"), (1, "5"), (2, "2"), (3, "3"), (4, "4")]


def test_what_the_order_says() -> None:
    """Of two lines at one price the first is the dearest; a missing total is that of the lines."""
    orders = _known()
    names = ("total", "pieces", "lines", "dearest", "category", "brand", "item")
    assert [tuple(orders[i][name] for name in names) for i in "14"] == [
        (20, 3, 2, 5, "kitchen", "", "Cup"),
        (17.5, 2.5, 2, 8, "", "Mug Co", ""),
    ]
    assert [orders[i]["countries_differ"] for i in "1245"] == [0, 1, None, 0]
    assert [orders[i]["abroad"] for i in "1345"] == [0, 1, None, 0]
    assert [orders[i]["guest"] for i in "14"] == [0, 1]
    assert (orders["1"]["hour"], orders["1"]["weekday"], orders["3"]["weekday"]) == (0, 0, 2)  # a Monday, a Wednesday
    assert orders["3"]["hour"] == pytest.approx(0.24)
    assert orders["3"]["total"] == pytest.approx(1e12)


def test_a_later_payment_was_not_known_at_the_order() -> None:
    """A transfer that came two days later has no method yet; two payments at the order are both named."""
    orders = _known()
    names = ("payment", "payments", "instalments", "card_orders")
    assert [tuple(orders[i][name] for name in names) for i in "124"] == [
        ("card+voucher", 2, 3, 0),
        ("", None, None, None),
        ("card", 1, None, 1),
    ]


def test_a_payment_belongs_to_its_order_until_that_is_decided_about() -> None:
    """Three seconds or an hour after it: method, card and counts are those of a payment with the order; later: unknown.

    The shop's lists and what is shared know the card whenever it paid.
    """
    names = ("payment", "payments", "card_orders", "component_orders")
    for days, expected in (
        (3 / 86_400, ("card", 1, 1, 4)),
        (1 / 24, ("card", 1, 1, 4)),
        (1.1 / 24, ("", None, None, None)),
    ):
        shop = _shop()
        paid = [*shop["payment"]["paid_at"].to_pylist()[:3], AS_OF - timedelta(days=2) + timedelta(days=days)]
        shop["payment"] = shop["payment"].set_column(6, "paid_at", pa.array(paid, pa.timestamp("us", "UTC")))
        tables = _rows(shop)
        (order,) = (row for row in tables["order"] if row["order_id"] == "4")
        assert tuple(order[name] for name in names) == expected
        assert [row["card"] for row in tables["open"]] == ["c"]
        assert {(row["kind"], row["entity"], row["orders"]) for row in tables["entity"] if row["kind"] == "card"} == {
            ("card", "c", 2)
        }
        before = AS_OF - timedelta(days=2) + timedelta(seconds=1)  # placed, and not paid yet
        assert [row["card"] for row in _rows(shop, as_of=before)["open"]] == [None]


def test_each_card_of_an_order_is_held_against_the_lists() -> None:
    """Of two cards that paid an order the denied one blocks it, whichever comes first."""
    shop = _shop()
    more = shop["payment"].slice(3).set_column(0, "payment_id", pa.array(["p5"]))
    shop["payment"] = pa.concat_tables([shop["payment"], more.set_column(5, "card", pa.array(["z"]))])
    (order,) = _rows(shop)["open"]
    held = pa.Table.from_pylist([{name: order[name] for name in ("card", "last_card")}])
    for card in "cz":
        rule = pa.table({"kind": ["deny"], "entity": ["card"], "value": [card], "note": pa.array([None], pa.string())})
        assert rules.decisions(held, rule)[1].to_pylist() == [f"deny card {card}"]


def test_a_dispute_that_was_won_takes_the_label_back_from_then_on() -> None:
    """An ok after the chargeback: the label, the customer's and the device's frauds, and what later orders see of it."""
    shop = _shop()
    times = [AS_OF - timedelta(days=days) for days in (59.9905, 59.995, 30, -2, 49)]  # between orders 2 and 3
    shop["order_outcome"] = shop["order_outcome"].set_column(2, "known_at", pa.array(times, pa.timestamp("us", "UTC")))
    tables = _rows(shop)
    order = {row["order_id"]: row for row in tables["order"]}
    assert (order["1"]["label"], order["3"]["device_frauds"], order["4"]["component_frauds"]) == (0, 0, 1)
    assert {row["customer_id"]: row["frauds"] for row in tables["customer"]} == {"ann": 0, "bob": 1}
    assert {(row["kind"], row["entity"]): row["frauds"] for row in tables["entity"]}["address", "a"] == 1
    between = AS_OF - timedelta(days=59.9925)  # the chargeback was known, the dispute not yet won
    assert _orders(shop, between)["1"]["label"] == 1
    assert _known()["3"]["device_frauds"] == 1, "an ok before the chargeback takes nothing back"


def test_what_most_customers_share_is_nobodys_trace() -> None:
    """The one device of a proxy is no entity; a device of half of the customers is."""
    names = [f"c{n}" for n in range(10)]
    times = [AS_OF - timedelta(days=100 - n) for n in range(10)]
    for shared, entities in ((6, set()), (5, {("device", "x")})):
        shop = _shop()
        for name in ("order", "order_item", "payment", "order_outcome"):
            shop[name] = shop[name].slice(0, 0)
        shop["order"] = whole(
            "order",
            pa.table(
                {
                    "order_id": names,
                    "customer_id": names,
                    "ordered_at": pa.array(times, pa.timestamp("us", "UTC")),
                    "device_id": ["x"] * shared + names[shared:],
                }
            ),
        )
        tables = _rows(shop)
        assert {(row["kind"], row["entity"]) for row in tables["entity"]} == entities
        assert max(row["device_orders"] or 0 for row in tables["order"]) == (4 if entities else 0)


def test_an_account_is_unknown_until_it_is_opened() -> None:
    """Bob's account is younger than his orders."""
    orders = _known()
    assert [orders[i]["account_days"] for i in "1235"] == [40, 140, None, None]


def test_velocity_by_hand() -> None:
    """Order 3 follows 2 on device x by a quarter of an hour; order 5, written ten days after 2, is not known to it."""
    orders = _known()
    names = ("device_orders_1h", "device_orders_90d", "device_orders", "device_customers_90d", "device_frauds")
    assert [tuple(orders[i][name] for name in names) for i in "1234"] == [
        (0, 0, 0, 0, 0),
        (0, 0, 1, 0, 0),
        (1, 1, 2, 1, 1),
        (None,) * 5,
    ]
    assert [orders[i]["address_orders"] for i in "125"] == [0, 1, 1]
    assert orders["3"]["device_hours"] == pytest.approx(0.24)
    assert orders["2"]["customer_value"] == pytest.approx(-3.0445, abs=1e-4)  # log(1 + 0) - log(1 + 20)


def test_the_component_grows_over_device_card_and_address() -> None:
    """Order 4 is linked by its card to order 1, and so to 2, 3 and 5; the chargeback and one fraud are known by then."""
    orders = _known()
    names = ("component_orders", "component_entities", "component_frauds")
    assert [tuple(orders[i][name] for name in names) for i in "134"] == [(0, 0, 0), (2, 3, 1), (4, 5, 2)]


def test_labels_are_what_was_known() -> None:
    """A fraud that is found tomorrow is unknown today, and a chargeback counts although the order once was ok."""
    orders = _known()
    assert [(i, orders[i]["label"], orders[i]["settled"]) for i in "12345"] == [
        ("1", 1, True),
        ("2", 0, True),
        ("3", None, True),
        ("4", None, False),
        ("5", 1, True),
    ]
    assert _orders(_shop(), AS_OF - timedelta(days=100))["1"]["label"] == 0


def test_silence_is_good_only_when_old_and_after_the_first_outcome() -> None:
    """An order without an outcome counts as good after 120 days, if the shop wrote outcomes down by then."""
    shop = _shop()
    later = AS_OF + timedelta(days=100)
    assert _orders(shop, later)["4"]["label"] is None
    shop["order_outcome"] = shop["order_outcome"].filter(pa.array([True, True, True, False, True]))
    assert _orders(shop, later)["3"]["label"] == 0
    shop["order_outcome"] = shop["order_outcome"].slice(3)
    assert _orders(shop, later)["1"]["label"] is None


def test_an_open_order_is_young_and_without_an_end() -> None:
    """Shipped or old orders are not held any more."""
    assert [row["order_id"] for row in _feature_rows()["open"]] == ["4"]
    assert [row["order_id"] for row in _rows(_shop(), Params(open_days=100))["open"]] == ["4"]
    shop = _shop()
    shop["order_outcome"] = shop["order_outcome"].slice(0, 0)
    assert sorted(row["order_id"] for row in _rows(shop, Params(open_days=100))["open"]) == ["4", "5"]


def test_silence_about_what_was_no_sale_is_no_good_end() -> None:
    """An old order without an outcome went well if it was a sale; a draft or a word nobody knows stays unknown, and open."""
    shop = _shop()
    shop["order_outcome"] = shop["order_outcome"].slice(3)
    for status, label in (("delivered", 0), ("cancelled", 0), ("draft", None), ("pending", None), ("unknown", None)):
        words = pa.array([status] * 6, TEXT)
        changed = shop | {
            "order": shop["order"].set_column(shop["order"].schema.get_field_index("status"), "status", words)
        }
        begun = pa.table({"order_id": ["6"], "kind": ["ok"], "known_at": _ago(190)})
        changed["order_outcome"] = whole("order_outcome", begun)
        assert _orders(changed)["1"]["label"] == label
        assert ("4" in [row["order_id"] for row in _rows(changed)["open"]]) is (status in ("pending", "unknown"))


def test_a_free_line_still_shows_what_an_order_holds() -> None:
    """An order of gifts only has its product; nothing of it is lost to who looks for fraud."""
    shop = _shop()
    item = shop["order_item"]
    free = item.set_column(item.schema.get_field_index("unit_price"), "unit_price", pa.array([0.0] * len(item)))
    orders = _orders(shop | {"order_item": free})
    assert orders["4"]["lines"] == 2
    assert orders["4"]["product"] == "mug"


def test_the_orders_asked_for_are_as_they_would_be_among_all() -> None:
    """``only`` leaves others out, in ``order`` and ``open``, and changes nothing of those that stay."""
    tables = {name: ibis.memtable(table) for name, table in _shop().items()}
    built = features.build(tables, AS_OF, PARAMS, only=ibis.memtable(pa.table({"order_id": ["3", "4", "none"]})))
    backend = ibis.duckdb.connect()
    requested = {row["order_id"]: row for row in backend.to_pyarrow(built["order"]).to_pylist()}
    assert requested == {i: row for i, row in _known().items() if i in "34"}
    assert backend.to_pyarrow(built["open"])["order_id"].to_pylist() == ["4"]


def test_customers_and_what_they_share() -> None:
    """Known frauds only; a device of one customer without a fraud is not listed, guests are no customer."""
    tables = _feature_rows()
    people = sorted((r["customer_id"], r["orders"], r["frauds"]) for r in tables["customer"])
    assert people == [("ann", 2, 1), ("bob", 2, 1)]
    shared = sorted((r["kind"], r["entity"], r["orders"], r["customers"], r["frauds"]) for r in tables["entity"])
    assert shared == [
        ("address", "a", 3, 2, 2),
        ("card", "c", 2, 1, 1),
        ("device", "x", 3, 2, 1),
        ("device", "y", 1, 1, 1),
    ]


def test_truth_is_settled_and_known() -> None:
    """Orders of the window, but for the youngest and those whose outcome nobody knows."""
    tables = {name: ibis.memtable(table) for name, table in _shop().items()}

    def ids(start_days: float, end_days: float) -> list[str]:
        start, end = (AS_OF - timedelta(days=days) for days in (start_days, end_days))
        rows = ibis.duckdb.connect().to_pyarrow(features.truth(tables, start, end, PARAMS)).to_pylist()
        return sorted(row["order_id"] for row in rows)

    assert ids(90, 0) == ["2", "5"]
    assert ids(60, 0) == ["2"]
    assert ids(90, 20) == ["5"]
    assert ids(70, -3) == ["2", "3", "5"]


def test_staff_tells_costs_and_lists() -> None:
    """What the shop's staff filled in comes through; an entry that has ended on the shop's clock does not."""
    shop = {name: ibis.memtable(table) for name, table in _shop().items()}
    shop["risk_cost"] = ibis.memtable(
        pa.table(
            {
                "loss_share": [0.5],
                "loss_fixed": [1.0],
                "review_cost": [2],
                "margin_share": [0.1],
                "reviews_per_day": [7],
                "currency": ["EUR"],
            }
        )
    )
    shop["risk_list"] = ibis.memtable(
        pa.table(
            {
                "kind": ["deny", "allow"],
                "entity": ["email", "customer"],
                "value": ["x", "ann"],
                "note": ["why", None],
                "ends_on": pa.array([AS_OF.date(), AS_OF.date() - timedelta(days=1)]),
            }
        )
    )
    backend = ibis.duckdb.connect()
    built = features.build(shop, AS_OF, PARAMS)
    assert backend.to_pyarrow(built["cost"]).to_pylist()[0]["reviews_per_day"] == 7
    assert backend.to_pyarrow(built["rule"]).to_pylist() == [
        {"kind": "deny", "entity": "email", "value": "x", "note": "why"}
    ]
    shop["night"] = ibis.memtable(pa.table({"night": pa.array([AS_OF.date() + timedelta(days=1)])}))
    assert backend.to_pyarrow(features.build(shop, AS_OF, PARAMS)["rule"]).to_pylist() == []


def _key(row: Mapping) -> tuple[str, ...]:
    return tuple(str(row.get(name)) for name in ("order_id", "customer_id", "kind", "entity"))

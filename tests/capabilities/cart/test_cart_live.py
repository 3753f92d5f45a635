"""``ml.cart`` after a night: lines, add-ons and notices, as the shop's page asks for them."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg2
import pytest

from ml.adapters import postgres
from ml.pipeline import run_night
from ml.settings import Settings
from tests.small_shop import execute, fill, shop

NIGHT = date(2025, 3, 1)
MANY = 5_000
"""Lines of the largest cart."""


@pytest.fixture
def night(settings: Settings) -> Settings:
    """A shop in which neighbours are bought together, with one cart bought and two left; its night has run."""
    tables = shop()
    tables["cart"] = [
        {"cart_id": "k1", "product_id": product, "customer_id": "c1", "quantity": 2, "added_at": "2025-02-27 12:00Z"}
        for product in ("p1", "p2", "p3")
    ] + [
        {"cart_id": "k2", "product_id": "p5", "customer_id": None, "quantity": 1, "added_at": "2025-02-28 09:00Z"},
        {"cart_id": "k3", "product_id": "p7", "customer_id": "c3", "quantity": 1, "added_at": "2025-02-28 09:00Z"},
    ]
    tables["product"] += [{"product_id": f"x{i}", "title": f"Screw No. {i}"} for i in range(MANY)]
    tables["cart"] += [
        {"cart_id": "k9", "product_id": f"x{i}", "customer_id": None, "quantity": 1, "added_at": "2025-02-28 10:00Z"}
        for i in range(MANY)
    ]
    for row in tables["product"]:
        row["price"] = 1.0 if row["product_id"] == "p3" else 2.5
    tables["stock"] = [
        {"product_id": f"p{i}", "counted_at": "2025-02-28 03:00Z", "quantity": {1: 0, 2: 2}.get(i, 50)}
        for i in range(12)
    ]
    tables["event"] = _events(tables["order"])
    fill(settings.shop_url, tables)
    run_night(settings, NIGHT, capabilities=["cart"])
    return settings


def _events(orders: Any) -> list[dict[str, Any]]:
    """Before each order a visit with two looks and a cart; at night one with two looks alone, and one of strange words."""
    rows = []
    for i, order in enumerate(orders):
        day = order["ordered_at"][:10]
        for kind, at in (("view", "11:50"), ("view", "11:52"), ("cart", "11:55"), ("view", "02:00"), ("view", "02:05")):
            rows.append(
                {
                    "event_id": f"e{len(rows)}",
                    "customer_id": order["customer_id"],
                    "product_id": f"p{i % 12}",
                    "session_id": f"{'b' if at > '10' else 'l'}{i}",
                    "kind": kind,
                    "occurred_at": f"{day} {at}Z",
                }
            )
    return rows


def ask(settings: Settings, call: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of ml.cart as the shop's reader gets them."""
    with postgres.transaction(settings.database_url, role="shop_reader", readonly=True) as cursor:
        cursor.execute(f"SELECT * FROM {call}", values)
        return [dict(row) for row in cursor.fetchall()]


def test_a_cart_is_answered(night: Settings) -> None:
    """One night; then what the shop's page asks, from the usual cart to a schema that changed."""
    _lines_addons_and_notices(night)
    _reminders(night)
    _visits(night)
    _wrong_calls(night)
    _odd_carts(night)


def _lines_addons_and_notices(night: Settings) -> None:
    """Every line has a chance, what is sold out or scarce or cheaper is said, add-ons are on sale and not in the cart."""
    execute(
        night.database_url,
        "UPDATE ml_config.cart_setting SET free_shipping_from = 100",
        "INSERT INTO ml_config.cart_coupon (code, words, least_total) VALUES ('FIVE', '5 % off', 1), ('BIG', 'a gift', 9000)",
    )
    rows = ask(night, "ml.cart(cart_id => 'k1')")
    lines = [row for row in rows if row["kind"] == "line"]
    assert {row["product_id"] for row in lines} == {"p1", "p2", "p3"}
    assert all(0 <= row["score"] <= 1 and "in the cart for" in row["reason"] for row in lines)
    addons = [row for row in rows if row["kind"] == "add-on"]
    assert addons
    assert not {row["product_id"] for row in addons} & {"p1", "p2", "p3"}
    assert [row["rank"] for row in addons] == list(range(1, len(addons) + 1))
    notices = {(row["product_id"], row["reason"]) for row in rows if row["kind"] == "notice"}
    assert {("p1", "sold out"), ("p2", "only 2 left"), ("p3", "the price fell from 2.50 to 1.00")} <= notices
    assert (None, "5 % off with code FIVE") in notices
    assert not any("a gift" in words for _, words in notices)
    (bar,) = [words for _, words in notices if "free shipping" in words]
    assert bar == "93.00 more for free shipping"  # 2 x 2.50 and 2 x 1.00; what is sold out does not count


def _reminders(night: Settings) -> None:
    """The guest's cart has none; without reminders by lot what they change is not claimed."""
    rows = postgres.query(night.database_url, "SELECT * FROM ml.cart_reminder ORDER BY cart_id")
    assert [row["cart_id"] for row in rows] == ["k1", "k3"]
    assert all(row["chance_with"] is None and "not known" in row["reason"] for row in rows)
    assert rows[0]["product_id"] in {"p2", "p3"}
    assert rows[0]["value"] == pytest.approx(7.0)


def _visits(night: Settings) -> None:
    """The visit with a cart is likelier to end in an order; one that nobody knows, or of strange words, gets no answer."""
    execute(
        night.shop_url,
        "INSERT INTO shop.event (event_id, session_id, kind, occurred_at) VALUES ('x', 'odd', 'ansehen', now())",
    )
    chance = {visit: ask(night, "ml.visit(%s)", visit) for visit in ("b3", "l3", "odd", "nobody")}
    assert chance["b3"][0]["chance"] > 0.8
    assert chance["l3"][0]["chance"] < 0.6
    assert chance["b3"][0]["reason"] == "1 looked at, 1 put in the cart, 5 minutes"
    assert chance["odd"] == chance["nobody"] == []


def _wrong_calls(night: Settings) -> None:
    """A wrong call is an error in words."""
    for call, words in {
        "ml.cart()": "give a cart_id",
        "ml.cart(cart_id => 'k1', n => 1000)": "between 0 and 100",
        "ml.cart(products => array_fill('p1'::text, ARRAY[5000]))": "5000 products",
    }.items():
        with pytest.raises(psycopg2.Error, match=words):
            ask(night, call)


def _odd_carts(night: Settings) -> None:
    """Products that are gone are named, an unknown cart is empty, a hostile id is only a text."""
    rows = ask(night, "ml.cart(products => ARRAY['p1', 'gone', NULL, '; DROP TABLE ml.cart_line'])")
    assert ("gone", "no longer on sale") in {(row["product_id"], row["reason"]) for row in rows}
    assert ask(night, "ml.cart(cart_id => 'nobody')") == []
    assert (
        postgres.query(night.database_url, "SELECT count(*) AS n FROM ml.cart_line WHERE cart_id = 'k9'")[0]["n"]
        == MANY
    )
    large = ask(night, "ml.cart(cart_id => 'k9')")
    assert sum(row["kind"] == "line" for row in large) == 500
    assert [row["reason"] for row in large if row["kind"] == "notice" and "500" in row["reason"]] == [
        "a cart of more than 500 products: only the newest 500 are looked at"
    ]
    assert {row["kind"] for row in ask(night, "ml.cart(customer_id => 'c3')")} >= {"line"}
    execute(night.shop_url, "DROP TABLE shop.cart")  # the shop's schema changed: the night's cart holds
    assert [row["product_id"] for row in ask(night, "ml.cart(cart_id => 'k3', n => 0)") if row["kind"] == "line"] == [
        "p7"
    ]

"""The laws of every mapping of a platform, on small tables of its own names and types that were made for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ml.adapters import postgres
from ml.adapters.shop import extract
from ml.contract.vocabulary import vocabulary
from ml.settings import PROJECT, Settings
from ml.shop.check import check
from ml.shop.connect import Connected, connect
from ml.shop.copy_platform import copied
from ml.shop.load import load
from ml.shop.platforms import PLATFORMS, platform
from ml.shop.platforms._choices import Choices
from tests.shop.platforms.mysql_tables import Recorded

NOW = datetime(2026, 11, 28, tzinfo=UTC)


@dataclass(frozen=True)
class Planted:
    """What stands in a platform's tables. ``orders``: each with its total and the word of the contract for its status.

    ``same``: orders of one person, who bought as a guest and with an account; ``customers``: how many people there are;
    ``gone``: the products that were deleted and still have a row; ``products``: what the mapping says of some.
    """

    orders: dict[str, tuple[float, str | None]]
    same: tuple[str, str]
    customers: int
    lines: int
    gone: frozenset[str] = frozenset()
    products: dict[str, dict[str, object]] = field(default_factory=dict)
    stock: dict[str, float] = field(default_factory=dict)
    custom: tuple[str, ...] = ()


PLANTED = {
    "medusa": Planted(
        {
            "a": (28.8, "placed"),
            "b": (44.4, "delivered"),
            "c": (6, "cancelled"),
            "d": (32, "partly_returned"),
            "e": (6, "draft"),
        },
        ("a", "b"),
        2,
        8,
        frozenset({"gone"}),
        {"cup": {"title": "Blue cup", "price": 12.0, "category": "Cups", "active": True}, "new": {"active": False}},
        {"cup": 5},
        ("loyalty",),
    ),
    "oscar": Planted(
        {
            "1": (28.8, "placed"),
            "2": (18, "delivered"),
            "3": (6, "cancelled"),
            "4": (26, None),
            "5": (6, "placed"),
            "6": (12, "paid"),
        },
        ("1", "2"),
        3,
        9,
        frozenset(),
        {"1": {"title": "Blue cup", "price": 12.0, "category": "Cups", "active": True}, "4": {"active": False}},
        {"1": 5, "2": 0},
        ("colour",),
    ),
    "vendure": Planted(
        {
            "1": (28.8, "paid"),
            "2": (44.5, "delivered"),
            "3": (0, "cancelled"),
            "4": (26, "shipped"),
            "7": (6, None),
            "8": (6, "paid"),
            "9": (6, "partly_returned"),
            "10": (6, "refunded"),
        },
        ("1", "2"),
        2,
        11,
        frozenset({"3"}),
        {"1": {"title": "Blue cup", "price": 12.0, "category": "Cups", "active": True}, "4": {"active": False}},
        {"1": 5},
    ),
    "evershop": Planted(
        {
            "1": (28.8, "placed"),
            "2": (42, "delivered"),
            "3": (6, "cancelled"),
            "4": (26, "shipped"),
            "5": (6, "pending"),
            "6": (6, None),
            "7": (6, "paid"),
            "8": (6, "refunded"),
            "9": (6, "partly_returned"),
            "10": (6, "pending"),
            "11": (6, "placed"),
        },
        ("1", "2"),
        3,
        14,
        frozenset(),
        {
            "1": {
                "title": "Blue cup",
                "description": 'Of "clay".',
                "price": 12.0,
                "category": "Cups",
                "active": True,
            },
            "2": {"description": None},
            "4": {"active": False},
        },
        {"1": 5},
        ("colour",),
    ),
    "saleor": Planted(
        {
            f"00000000-0000-0000-0000-00000000000{order}": what
            for order, what in {
                "a": (28.8, "placed"),
                "b": (42.0, "delivered"),
                "c": (6.0, "cancelled"),
                "d": (26.0, "partly_returned"),
                "e": (6.0, "draft"),
            }.items()
        },
        ("00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"),
        2,
        8,
        frozenset(),
        {
            "1": {"title": "Blue cup", "description": "A cup of clay.", "price": 12.0, "active": True},
            "4": {"active": False},
        },
        {"1": 5},
        ("erp",),
    ),
    "odoo": Planted(
        {"1": (28.8, "placed"), "2": (40, "delivered"), "3": (6, "cancelled"), "4": (26, "placed"), "5": (6, "draft")},
        ("1", "2"),
        2,
        8,
        frozenset({"3"}),
        {
            "1": {"title": "Blue cup", "price": 12.0, "category": "Cups", "active": True},
            "3": {"title": "Chapeau"},
            "4": {"active": False},
            "9": {"active": False},
        },
        {"1": 5},
        ("x_studio_season",),
    ),
    "spree": Planted(
        {"1": (28.8, "paid"), "2": (40, "shipped"), "3": (6, "cancelled"), "4": (26, "placed"), "6": (6, None)},
        ("1", "2"),
        3,
        8,
        frozenset({"3"}),
        {
            "1": {"title": "Blue cup", "price": 12.0, "category": "Cups", "active": True},
            "2": {"title": "Green tea"},
            "4": {"active": False},
        },
        {"1": 5},
    ),
    "woocommerce": Planted(
        {
            "101": (28.8, "paid"),
            "102": (44, "delivered"),
            "103": (6, "cancelled"),
            "104": (26, "partly_returned"),
            "105": (6, None),
        },
        ("101", "102"),
        3,
        9,
        frozenset({"3"}),
        {
            "1": {"title": "Blue cup", "price": 12.0, "category": "Cups", "active": True},
            "4": {"active": False, "listed_at": None},
        },
        {"1": 5},
    ),
    "magento": Planted(
        {
            "1": (28.8, "paid"),
            "2": (42, "delivered"),
            "3": (6, "cancelled"),
            "4": (26, "partly_returned"),
            "5": (6, "refunded"),
            "6": (6, None),
        },
        ("1", "2"),
        3,
        9,
        frozenset(),
        {"1": {"title": "Blue cup", "price": 12.0, "category": "Cups", "active": True}, "4": {"active": False}},
        {"1": 5},
    ),
    "prestashop": Planted(
        {
            "1": (28.8, "paid"),
            "2": (40, "delivered"),
            "3": (6, "cancelled"),
            "4": (26, "shipped"),
            "5": (6, "pending"),
            "6": (6, None),
            "7": (6, "paid"),
        },
        ("1", "2"),
        2,
        10,
        frozenset(),
        {
            "1": {"title": "Blue cup", "price": 12.0, "category": "Cups", "brand": "Potter", "active": True},
            "4": {"active": False},
        },
        {"1": 5},
    ),
    "shopware": Planted(
        {
            "01": (28.8, "paid"),
            "02": (40, "delivered"),
            "03": (6, "cancelled"),
            "04": (26, "partly_returned"),
            "05": (6, None),
        },
        ("01", "02"),
        3,
        8,
        frozenset(),
        {"a1": {"title": "Blue cup", "price": 12.0, "category": "Cups", "active": True}, "a4": {"active": False}},
        {"a1": 5},
    ),
}
"""By platform."""

CHECKED = ("odoo", "saleor", "spree", "woocommerce")
"""Whose whole check is run here, which takes seconds: those that `./nightshift bench shops` does not install, by their kind."""


@pytest.fixture(scope="module", params=PLATFORMS)
def connected(request: pytest.FixtureRequest, postgres: str) -> tuple[str, str, Connected]:
    """A platform's name, the URL of a database of its tables, and what connecting it found; read by every law."""
    name = request.param
    url = make(postgres, name)
    if not platform(name).mysql:
        return name, url, connect(url)
    source, found = copied(Recorded(name), None, None, Choices(), {})
    load(shop_of(url), source)
    return name, url, found


def shop_of(url: str) -> Settings:
    """Settings whose shop is there; nothing else of theirs is used."""
    nowhere = "postgresql://nowhere/none"
    return Settings(
        home=Path("nowhere"),
        database_url=nowhere,
        shop_url=url,
        lake_uri="",
        mlflow_uri="",
        timezone="UTC",
        hash_key="",
        threads=1,
        memory_gb=1,
    )


def make(server: str, name: str) -> str:
    """Make a database of a platform's tables and rows; returns its URL."""
    from tests.conftest import _execute, _named

    database = f"platform_{name}"
    _execute(server, f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
    _execute(server, f"CREATE DATABASE {database} TEMPLATE template0")
    url = _named(server, database)
    if platform(name).mysql:
        return url
    with postgres.transaction(url) as cursor:
        cursor.execute((Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8"))
    return url


def rows(url: str, table: str) -> list[dict[str, object]]:
    """The rows of a view, ids as text."""
    found = postgres.query(url, f'SELECT * FROM shop."{table}"')
    return [{k: str(v) if k.endswith("_id") and v is not None else v for k, v in row.items()} for row in found]


def test_every_platform_has_its_tables_here() -> None:
    """A mapping without rows to hold it against would not be tested."""
    assert set(PLANTED) == set(PLATFORMS)


def test_every_platform_has_its_page() -> None:
    """The page names the versions that are known, the contract's tables that are filled, and what is worth knowing."""
    for name in PLATFORMS:
        mapped, page = platform(name), (PROJECT / "docs" / "platforms" / f"{name}.md").read_text(encoding="utf-8")
        assert f"Known: {mapped.title} {mapped.known()}." in page
        assert [remark for remark in mapped.remarks if remark not in page] == []
        assert mapped.checked
        assert mapped.checked in page
        assert [v.name for v in mapped.versions if v.name not in page] == []


def test_it_is_recognised_and_fits_the_contract(connected: tuple[str, str, Connected]) -> None:
    """By its tables alone, and each view has the contract's columns and types."""
    name, url, found = connected
    assert (found.platform.name, found.notes) == (name, ())
    assert extract.faults(url) == []
    assert {"customer", "product", "order", "order_item"} <= set(found.rows)


def test_an_order_is_counted_once(connected: tuple[str, str, Connected]) -> None:
    """Each planted order is one row, each of its lines one of its number."""
    name, url, _ = connected
    orders, lines = rows(url, "order"), rows(url, "order_item")
    assert sorted(str(row["order_id"]) for row in orders) == sorted(PLANTED[name].orders)
    assert len({(row["order_id"], row["line_no"]) for row in lines}) == len(lines) == PLANTED[name].lines


def test_lines_and_shipping_add_up_to_the_total(connected: tuple[str, str, Connected]) -> None:
    """To the cent: discounts are taken off, taxes are in, and an amount is in major units."""
    name, url, _ = connected
    lines = rows(url, "order_item")
    for order in rows(url, "order"):
        goods = sum(float(x["quantity"]) * float(x["unit_price"]) for x in lines if x["order_id"] == order["order_id"])
        total = PLANTED[name].orders[str(order["order_id"])][0]
        assert float(order["total"]) == pytest.approx(total, abs=0.005)
        assert goods + float(order["shipping"] or 0) == pytest.approx(total, abs=0.005)


def test_no_line_is_below_zero(connected: tuple[str, str, Connected]) -> None:
    """A discount that is a line of its own lies on the others; a line has a quantity."""
    _, url, _ = connected
    assert [row for row in rows(url, "order_item") if float(row["unit_price"]) < 0 or float(row["quantity"]) <= 0] == []  # type: ignore[arg-type]


def test_a_status_means_what_the_platform_means(connected: tuple[str, str, Connected]) -> None:
    """Cancelled and drafts are no sale, a sold order is one, and a word that the mapping does not know stays unknown."""
    name, url, found = connected
    known = vocabulary("order.status")
    assert {str(row["order_id"]): known.read(str(row["status"])) for row in rows(url, "order")} == {
        order: status for order, (_, status) in PLANTED[name].orders.items()
    }
    assert {word.means for word in found.words} == {status for _, status in PLANTED[name].orders.values()}


def test_one_person_is_one_customer(connected: tuple[str, str, Connected]) -> None:
    """The guest's order and the account's are of one customer, who is there once."""
    name, url, _ = connected
    planted = PLANTED[name]
    ids = [str(row["customer_id"]) for row in rows(url, "customer")]
    assert len(ids) == len(set(ids)) == planted.customers
    of = {str(row["order_id"]): row["customer_id"] for row in rows(url, "order")}
    assert of[planted.same[0]] == of[planted.same[1]]
    assert set(of.values()) <= set(ids)


def test_a_deleted_product_is_history(connected: tuple[str, str, Connected]) -> None:
    """It is not for sale, and what is said of the others is what stands in their tables."""
    name, url, _ = connected
    planted = PLANTED[name]
    products = {str(row["product_id"]): row for row in rows(url, "product")}
    assert {product for product in planted.gone if products[product]["active"]} == set()
    for product, facts in planted.products.items():
        assert {key: products[product][key] for key in facts} == facts
    if planted.stock:
        assert {str(row["product_id"]): float(row["quantity"]) for row in rows(url, "stock")} == planted.stock


def test_fields_of_the_shop_are_shown(connected: tuple[str, str, Connected]) -> None:
    """What the mapping does not read is named."""
    name, _, found = connected
    assert tuple(field for _, field, _ in found.custom) == PLANTED[name].custom


@pytest.mark.parametrize("connected", CHECKED, indirect=True)
def test_the_check_passes(connected: tuple[str, str, Connected], settings: Settings) -> None:
    """Nothing would stop a night but the words that the shop itself has to say."""
    name, url, _ = connected
    shop = Settings(**{**settings.__dict__, "shop_url": url})
    report = check(shop, now=NOW)
    assert report.faults == ()
    broken = [(t.name, rule.rule) for t in report.tables for rule in t.rules if rule.severity == "fault"]
    unknown = [status for _, status in PLANTED[name].orders.values() if status is None]
    assert [rule for rule in broken if "status" not in rule[1]] == []
    assert bool(broken) == bool(unknown)
    assert report.names == ()

"""From an empty folder to published lists by two commands and no SQL: an export of Shopify, and the database of a Medusa."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import stack
from cli.home import Home
from cli.main import app
from ml.adapters import postgres
from ml.settings import Settings
from tests.conftest import _execute, _named

NIGHT = date(2026, 11, 1)
ORDERS, PEOPLE, GOODS = 120, 16, 24
MEDUSA = Path(__file__).parent / "platforms" / "medusa.sql"

Do = Callable[[Settings, str], str]


@pytest.fixture
def postgres_server(request: pytest.FixtureRequest) -> str:
    """The embedded server's URL; its fixture has the name of the adapter."""
    url: str = request.getfixturevalue("postgres")
    return url


@pytest.fixture
def do(monkeypatch: pytest.MonkeyPatch) -> Do:
    """Run a line after ``./nightshift`` on the test's own database; an error is the test's."""

    def run(settings: Settings, line: str) -> str:
        monkeypatch.setattr(stack, "start_database", lambda *_, **__: (Home(settings.home), settings))
        done = CliRunner().invoke(app, line.split(), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    return run


def orders() -> list[tuple[int, int, datetime, list[int]]]:
    """Number, buyer, moment and products of each order: who is of an even number buys from the first half."""
    chance = random.Random(7)
    drawn = []
    for n in range(ORDERS):
        who = chance.randrange(PEOPLE)
        half = range(GOODS // 2) if who % 2 == 0 else range(GOODS // 2, GOODS)
        when = datetime(2026, 10, 30, 12, tzinfo=UTC) - timedelta(hours=17 * (ORDERS - n))
        drawn.append((n + 1, who, when, chance.sample(half, 2)))
    return drawn


def export(folder: Path) -> Path:
    """Write Shopify's export of the orders: their fields on the first line only."""
    names = (
        "Name",
        "Email",
        "Financial Status",
        "Fulfillment Status",
        "Currency",
        "Subtotal",
        "Shipping",
        "Taxes",
        "Total",
        "Discount Code",
        "Discount Amount",
        "Created at",
        "Lineitem quantity",
        "Lineitem name",
        "Lineitem price",
        "Lineitem sku",
        "Cancelled at",
        "Refunded Amount",
        "Id",
    )
    folder.mkdir()
    with (folder / "orders_export_1.csv").open("w", encoding="utf-8", newline="") as file:
        lines = csv.DictWriter(file, names)
        lines.writeheader()
        for number, who, when, goods in orders():
            total = sum(10.0 + product for product in goods)
            first = {
                "Email": f"p{who}@mail.example",
                "Financial Status": "paid",
                "Fulfillment Status": "fulfilled",
                "Currency": "EUR",
                "Subtotal": total,
                "Shipping": 0,
                "Taxes": 0,
                "Total": total,
                "Discount Amount": 0,
                "Created at": f"{when:%Y-%m-%d %H:%M:%S} +0000",
                "Refunded Amount": 0,
                "Id": 10_000 + number,
            }
            for place, product in enumerate(goods):
                lines.writerow(
                    {
                        "Name": f"#{number}",
                        "Lineitem quantity": 1,
                        "Lineitem name": f"Thing {product}",
                        "Lineitem price": 10 + product,
                        "Lineitem sku": f"s{product}",
                    }
                    | (first if place == 0 else {})
                )
    return folder


def medusa(server: str) -> str:
    """Make the database of a Medusa with the same orders; returns its URL."""
    _execute(server, "DROP DATABASE IF EXISTS end_to_end WITH (FORCE)")
    _execute(server, "CREATE DATABASE end_to_end TEMPLATE template0")
    url = _named(server, "end_to_end")
    tables = MEDUSA.read_text(encoding="utf-8").partition("INSERT INTO")[0]
    with postgres.transaction(url) as cursor:
        cursor.execute(tables)
        cursor.execute("INSERT INTO store_currency VALUES ('eur', true)")
        for who in range(PEOPLE):
            cursor.execute(
                "INSERT INTO customer (id, email, has_account, created_at) VALUES (%s, %s, true, '2026-01-01Z')",
                (f"cus_{who}", f"p{who}@mail.example"),
            )
        for product in range(GOODS):
            cursor.execute(
                "INSERT INTO product (id, title, is_giftcard, status, created_at) VALUES (%s, %s, false, 'published', '2026-01-01Z')",
                (f"prod_{product}", f"Thing {product}"),
            )
            cursor.execute(
                "INSERT INTO product_variant VALUES (%s, false, false, %s, null)", (f"v{product}", f"prod_{product}")
            )
            cursor.execute(
                "INSERT INTO product_variant_price_set VALUES (%s, %s, null)", (f"v{product}", f"set{product}")
            )
            cursor.execute(
                "INSERT INTO price (price_set_id, currency_code, rules_count, amount) VALUES (%s, 'eur', 0, %s)",
                (f"set{product}", 10 + product),
            )
            cursor.execute(
                "INSERT INTO order_line_item (id, product_id, is_tax_inclusive, unit_price) VALUES (%s, %s, true, %s)",
                (f"line_{product}", f"prod_{product}", 10 + product),
            )
        for number, who, when, goods in orders():
            cursor.execute(
                'INSERT INTO "order" (id, customer_id, version, status, is_draft_order, email, currency_code, created_at) '
                "VALUES (%s, %s, 1, 'completed', false, %s, 'eur', %s)",
                (f"o{number}", f"cus_{who}", f"p{who}@mail.example", when),
            )
            for product in goods:
                cursor.execute(
                    "INSERT INTO order_item (id, order_id, version, item_id, quantity) VALUES (%s, %s, 1, %s, 1)",
                    (f"i{number}_{product}", f"o{number}", f"line_{product}"),
                )
    return url


def lists(settings: Settings) -> dict[str, list[str]]:
    """The products that ``ml.recommend`` gives each customer of the shop."""
    sql = "SELECT r.product_id FROM ml.recommend(%s, 5) AS r ORDER BY rank"
    people = postgres.query(settings.shop_url, "SELECT customer_id::text AS id FROM shop.customer")
    return {
        row["id"]: [r["product_id"] for r in postgres.query(settings.database_url, sql, (row["id"],))] for row in people
    }


def test_files_and_then_a_database_become_published_lists(
    settings: Settings, postgres_server: str, do: Do, tmp_path: Path
) -> None:
    """Load and night; connect and night: each customer has five products that the shop sells."""
    do(settings, f"shop load shopify --data {export(tmp_path / 'export')}")
    night = f"night --local --capability recommender --publish-past --date {NIGHT}"
    do(settings, night)
    held(settings)
    url = medusa(postgres_server)
    printed = do(settings, f"shop connect --url {url}")
    assert "Medusa 2" in printed
    assert "export NIGHTSHIFT_SHOP_URL='postgresql://nightshift_reader:" in printed
    # What the command prints, as the reader's own login, which sees schema shop alone.
    connected = replace(settings, shop_url=url.replace("postgres:@", "nightshift_reader@"))
    do(connected, night.replace(str(NIGHT), str(NIGHT + timedelta(days=1))) + " --accept-growth")
    held(connected)


def held(settings: Settings) -> None:
    """Each customer's list is full, of this shop's products, and most of it of the half that they buy from."""
    found = lists(settings)
    titles = {
        str(r["id"]): r["title"]
        for r in postgres.query(settings.shop_url, "SELECT product_id AS id, title FROM shop.product")
    }
    emails = {
        str(r["id"]): r["email"]
        for r in postgres.query(settings.shop_url, "SELECT customer_id AS id, email FROM shop.customer")
    }
    assert len(found) >= PEOPLE - 2
    assert all(len(set(ids)) == 5 and set(ids) <= set(titles) for ids in found.values())
    own = [
        (int(titles[product].split()[1]) < GOODS // 2) == (int(emails[who].split("@")[0][1:]) % 2 == 0)
        for who, ids in found.items()
        for product in ids
    ]
    assert sum(own) / len(own) > 0.8

"""Known platforms, really installed and filled by their own API: what ``shop connect`` reads of what was done.

django-oscar from PyPI, Vendure, Medusa and EverShop from npm (where there is Node), in a folder that goes away; ``--shop``
chooses one. Each order is held against the answer of the platform's own checkout: lines, total, shipping, status, buyer; then
what a night published against what was done. In Vendure and Medusa the plugin of ``examples/`` shows the lists, and posts
events, through the shop's own API.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bench import Options, Row
from bench._as_read import database
from bench._served import free_port
from bench._shop_back import back_in_the_shop
from bench._shop_night import night_of_the_shop
from cli import real_shops
from ml.adapters import postgres
from ml.contract.vocabulary import vocabulary
from ml.settings import PROJECT, Settings
from ml.shop.check import check
from ml.shop.connect import connect

SCRIPTS = Path(__file__).parent / "_shops"
CENT = 0.011
PLUGINS = {"vendure": ("typescript@5", "@types/node@20"), "medusa": ("typescript@5", "@types/node@20")}
"""Whose plugin of the examples is tried, and what compiles it."""
OSCAR_BACKDATE = """UPDATE order_order SET date_placed = date_placed - (id % 120 + 1) * interval '1 day';
UPDATE order_orderstatuschange SET date_created = o.date_placed FROM order_order AS o WHERE o.id = order_id;
UPDATE auth_user SET date_joined = date_joined - interval '200 days';
UPDATE catalogue_product SET date_created = date_created - interval '200 days'"""


def run(options: Options) -> Iterator[Row]:
    """Install, fill and connect each platform; the share of rows that say what was done must be 1."""
    count = 40 if options.quick else 200
    for name in [options.shop] if options.shop else ["oscar", *real_shops.REAL_SHOPS]:
        with database() as settings:
            folder = settings.home / name
            folder.mkdir()
            _sql(settings.database_url, f"CREATE DATABASE {name}")
            shop = replace(settings, shop_url=settings.database_url.replace("/postgres?", f"/{name}?"))
            did = (
                _oscar(folder, shop.shop_url, count)
                if name == "oscar"
                else _from_npm(name, folder, shop.shop_url, count)
            )
            found = connect(shop.shop_url)
            title = f"{found.platform.title} {found.version.name}"
            yield from _compared(shop, name, title, did)
            backdate = OSCAR_BACKDATE if name == "oscar" else real_shops.REAL_SHOPS[name].backdate
            yield from night_of_the_shop(shop, title, backdate, did)
            if name in PLUGINS:
                yield from back_in_the_shop(shop, title, partial(_plugin, name, folder, shop.shop_url))


def _compared(shop: Settings, name: str, title: str, did: Mapping[str, Any]) -> Iterator[Row]:
    def row(what: str, ours: float, of: float) -> Row:
        return Row(f"{title}: {what}", "rows", ours, f"done in {name}", of, ours / of, 1.0)

    orders = {str(o["order_id"]): o for o in postgres.query(shop.shop_url, 'SELECT * FROM shop."order"')}
    lines: dict[str, list[tuple[str, float, float]]] = {}
    for line in postgres.query(shop.shop_url, "SELECT order_id, product_id, quantity, unit_price FROM shop.order_item"):
        amount = float(line["quantity"]) * float(line["unit_price"])
        lines.setdefault(str(line["order_id"]), []).append((str(line["product_id"]), float(line["quantity"]), amount))
    right = sum(_same(orders.get(order), lines.get(order, []), done) for order, done in did["orders"].items())
    yield row("orders as they were placed", right if len(orders) == len(did["orders"]) else 0, len(did["orders"]))
    people: dict[str, set[str]] = {}
    for order, done in did["orders"].items():
        people.setdefault(done["email"], set()).add(str(orders.get(order, {}).get("customer_id")))
    yield row("buyers who are one customer", sum(len(ids) == 1 for ids in people.values()), len(people))
    products = {str(p["product_id"]): p for p in postgres.query(shop.shop_url, "SELECT * FROM shop.product")}
    told = [
        all(products.get(p, {}).get(key) == value for key, value in said.items()) for p, said in did["products"].items()
    ]
    yield row("products as they are", sum(told), len(told))
    report = check(shop)
    stops = [table.name for table in report.tables if table.stops] + list(report.faults)
    yield row("tables that a night would take", len(report.tables) - len(stops), len(report.tables))


def _same(order: Mapping[str, Any] | None, lines: list[tuple[str, float, float]], done: Mapping[str, Any]) -> bool:
    if order is None or len(lines) != len(done["lines"]):
        return False
    wanted = sorted((str(product), float(n), float(amount)) for product, n, amount in done["lines"])
    pairs = zip(sorted(lines), wanted, strict=True)
    return (
        all(a[:2] == b[:2] and abs(a[2] - b[2]) <= CENT for a, b in pairs)
        and abs(float(order["total"]) - done["total"]) <= CENT
        and abs(float(order["shipping"]) - done["shipping"]) <= CENT
        and vocabulary("order.status").read(order["status"]) == done["status"]
        and order["email"] == done["email"]
    )


def _oscar(folder: Path, url: str, count: int) -> Mapping[str, Any]:
    """Install django-oscar beside, migrate and fill it."""
    host = parse_qs(urlsplit(url).query)["host"][0]
    python = str(folder / "venv" / "bin" / "python")
    real_shops.run([sys.executable, "-m", "venv", str(folder / "venv")], folder)
    real_shops.run([python, "-m", "pip", "install", "--quiet", "django-oscar", "psycopg2-binary"], folder)
    file = folder / "did.json"
    real_shops.run(
        [python, "-W", "ignore", str(SCRIPTS / "oscar_shop.py"), host, "oscar", str(count), str(file)], folder
    )
    did: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return did


def _from_npm(name: str, folder: Path, url: str, count: int) -> Mapping[str, Any]:
    real_shops.install(name, folder, PLUGINS.get(name, ()))
    did = real_shops.fill(name, folder, url, "public", count)
    (folder / "filled.json").write_text(json.dumps(did), encoding="utf-8")
    return did


def _plugin(name: str, folder: Path, url: str, environ: Mapping[str, str]) -> Mapping[str, Any]:
    """Compile the example's plugin where the shop is installed, and ask it as the shop's pages do."""
    for file in (PROJECT / "examples" / f"{name}-plugin").iterdir():
        shutil.copy(file, folder) if file.is_file() else shutil.copytree(file, folder / file.name, dirs_exist_ok=True)
    shutil.copy(SCRIPTS / f"{name}_plugin.js", folder)
    real_shops.run(["npx", "tsc", "-p", "."], folder)
    return real_shops.script(
        folder, f"{name}_plugin.js", [real_shops.for_node(url), "public", str(free_port(8_860))], environ
    )


def _sql(url: str, statement: str) -> None:
    with closing(postgres.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)

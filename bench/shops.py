"""Known platforms, really installed and filled by their own API: what ``shop connect`` reads of what was done.

django-oscar from PyPI and Vendure from npm (where there is Node), in a folder that goes away; ``--shop oscar`` or ``--shop
vendure`` for one. Each order is held against the answer of the platform's own checkout: lines, total, shipping, status, buyer.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bench import Options, Row
from bench._as_read import database
from ml.adapters import postgres
from ml.contract.vocabulary import vocabulary
from ml.core.errors import NightshiftError
from ml.settings import Settings
from ml.shop.check import check
from ml.shop.connect import connect

SCRIPTS = Path(__file__).parent / "_shops"
CENT = 0.011


def run(options: Options) -> Iterator[Row]:
    """Install, fill and connect each platform; the share of rows that say what was done must be 1."""
    count = 12 if options.quick else 200
    for name in [options.shop] if options.shop else ["oscar", "vendure"]:
        with database() as settings:
            folder = settings.home / name
            folder.mkdir()
            postgres_host = parse_qs(urlsplit(settings.database_url).query)["host"][0]
            _sql(settings.database_url, f"CREATE DATABASE {name}")
            did = {"oscar": _oscar, "vendure": _vendure}[name](folder, postgres_host, count)
            shop = replace(settings, shop_url=settings.database_url.replace("/postgres?", f"/{name}?"))
            found = connect(shop.shop_url)
            yield from _compared(shop, name, f"{found.platform.title} {found.version.name}", did)


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


def _oscar(folder: Path, host: str, count: int) -> Mapping[str, Any]:
    """Install django-oscar beside, migrate and fill it."""
    python = folder / "venv" / "bin" / "python"
    _run([sys.executable, "-m", "venv", str(folder / "venv")], folder)
    _run([str(python), "-m", "pip", "install", "--quiet", "django-oscar", "psycopg2-binary"], folder)
    script = SCRIPTS / "oscar_shop.py"
    _run([str(python), "-W", "ignore", str(script), host, "oscar", str(count), str(folder / "did.json")], folder)
    return _read(folder)


def _vendure(folder: Path, host: str, count: int) -> Mapping[str, Any]:
    """Install Vendure, let it make its tables, and fill it."""
    if not shutil.which("npm"):
        raise NightshiftError(
            "Vendure needs Node.", came="no program npm", do="install Node 20 or newer, or --shop oscar"
        )
    shutil.copy(SCRIPTS / "vendure_shop.js", folder)
    _run(["npm", "init", "--yes"], folder)
    _run(["npm", "install", "--no-audit", "--no-fund", "@vendure/core", "pg"], folder)
    _run(["node", "vendure_shop.js", host, "vendure", str(count), str(folder / "did.json")], folder)
    return _read(folder)


def _read(folder: Path) -> Mapping[str, Any]:
    did: Mapping[str, Any] = json.loads((folder / "did.json").read_text(encoding="utf-8"))
    return did


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode:
        raise NightshiftError(
            f"{command[0]} failed.", came=done.stderr[-800:], do="see what it says; a network is needed"
        )


def _sql(url: str, statement: str) -> None:
    with closing(postgres.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)

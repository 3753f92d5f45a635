"""ml.cart to 16 clients: carts of known customers, carts of one's own products, and a cart of 5,000 lines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from bench import Options, Row
from bench._as_read import database
from bench.live import CLIENTS
from bench.live import _latencies as latencies
from ml.adapters import postgres
from ml.adapters.batches import sql_functions
from ml.pipeline.setup import migrate
from ml.registry import capability

LIMIT_MS, RATE = 10.0, 200
CALLS = {
    "a plain SELECT of the cart's lines": "SELECT product_id, chance, reason FROM ml.cart_line WHERE cart_id = 'b' || :cart",
    "ml.cart": "SELECT * FROM ml.cart('b' || :cart)",
    "ml.cart of products": "SELECT * FROM ml.cart(products => ARRAY['p' || :a, 'p' || :b, 'p' || :c], customer_id => 'k' || :cart)",
}


def rows(options: Options) -> Iterator[Row]:
    """200,000 open carts of 1 to 8 lines, 50,000 products with 30 add-ons each (quick: a hundredth): p99 of a call."""
    carts, products, seconds = (2_000, 1_000, 2) if options.quick else (200_000, 50_000, 10)
    with database() as settings:
        url = settings.database_url
        fill(url, carts, products)
        for rate in (None, RATE):
            taken = {
                name: latencies(url, _script(call, carts, products), seconds, rate) for name, call in CALLS.items()
            }
            base = next(iter(taken.values()))
            how = f"{CLIENTS} clients" + ("" if rate is None else f", {rate} calls/s")
            for name in list(CALLS)[1:]:
                p99, calls = float(np.quantile(taken[name], 0.99)), len(taken[name]) / seconds
                note = (
                    f"p50 {np.median(taken[name]):.1f} ms, {calls:,.0f} calls/s; a plain SELECT: "
                    f"p50 {np.median(base):.1f} ms, p99 {np.quantile(base, 0.99):.1f} ms"
                )
                yield Row(f"{name}, {how}: p99", "ms", p99, "limit", LIMIT_MS, LIMIT_MS / p99, 1.0, note)


def fill(url: str, carts: int, products: int) -> None:
    """What a night publishes for so many carts, the shop's own carts beside it, and the functions."""
    script = Path(__file__).with_suffix(".sql").read_text("utf-8")
    # Names in the script; there are no values but these two whole numbers.
    script = script.replace(":carts", str(carts)).replace(":products", str(products))
    migrate(url)
    with postgres.transaction(url) as cursor:
        cursor.execute(script)
    with closing(postgres.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("VACUUM ANALYZE")
    with postgres.transaction(url) as cursor:
        sql_functions.create(cursor, capability("cart").script(), "UTC")


def _script(call: str, carts: int, products: int) -> str:
    draws = {"cart": carts, "a": products, "b": products, "c": products}
    return "".join(f"\\set {name} random(1, {most})\n" for name, most in draws.items()) + call + ";\n"

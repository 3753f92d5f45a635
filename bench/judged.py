"""A night of 1,000,000 customers judged by what was bought after it: set-based over Parquet, beside two minutes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from bench import Options, Row
from bench._stack import peak_gib
from ml.adapters.lake import Lake
from ml.pipeline.bought import bought
from ml.pipeline.context import Night
from ml.pipeline.drawn_by_lot import drawn_by_lot
from ml.registry import CAPABILITIES
from ml.settings import Settings

LIMIT_S, THREADS = 120.0, 2
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 29, tzinfo=UTC)
BEFORE, NOW = "2026-01-01/001", "2026-01-29/001"
PRODUCTS, PLACES = 50_000, 20

_LISTS = """
SELECT 'c' || c AS customer_id, 'p' || hash(c, r, {seed}) % {products} AS product_id, r::INTEGER AS rank,
             CASE WHEN r = {places} THEN 0.025 ELSE 1.0 END AS propensity
      FROM range({customers}) AS a (c), range(1, {places} + 1) AS b (r)
"""
_ORDERS = """
SELECT 'o' || i AS order_id, 'c' || i % {customers} AS customer_id, 'paid' AS status,
             TIMESTAMPTZ '2025-12-05 00:00Z' + to_seconds((hash(i) % 4752000)::BIGINT) AS ordered_at
      FROM range(2 * {customers}) AS a (i)
"""
_LINES = """
SELECT 'o' || i AS order_id, 'p' || hash(i, l) % {products} AS product_id, 1.0 AS quantity, 9.5 AS unit_price
      FROM range(2 * {customers}) AS a (i), range(3) AS b (l)
"""


def run(options: Options) -> Iterator[Row]:
    """Lists of 20 places, twice, 2 orders a customer of 3 lines (quick: 20,000 customers), made by SQL, not by a night.

    Measured is what a night does with all customers: hits and money of each list, and the places drawn by lot by SNIPS, IPS
    and doubly robust with their intervals. The gate's metric is not in it: that looks at 50,000 customers at most, however
    many there are, with the model that served.
    """
    customers = 20_000 if options.quick else 1_000_000
    folder = options.scratch / "judged"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        night = _night(folder.absolute(), customers)
        batch = {"ref": BEFORE, "night": date(2026, 1, 1), "version": 1}
        for what, look in (("lists by what was bought", bought), ("places drawn by lot", drawn_by_lot)):
            begin = time.perf_counter()
            figures = look(night, CAPABILITIES["recommender"], batch, START, END, "28 days")
            seconds = time.perf_counter() - begin
            yield Row(
                f"{what}, {customers:,} customers",
                "s",
                seconds,
                "the limit",
                LIMIT_S,
                LIMIT_S / seconds,
                target=None if options.quick else 1.0,
                note=f"{len(figures)} figures; peak {peak_gib():.1f} GiB",
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _night(folder: Path, customers: int) -> Night:
    """A lake with the lists of two nights and the orders between them."""
    lake = Lake(str(folder / "lake"))
    places = {
        f"predictions/{BEFORE}/recommender/recommendation": _LISTS,
        f"predictions/{NOW}/recommender/recommendation": _LISTS,
        f"snapshot/{NOW}/clean/order": _ORDERS,
        f"snapshot/{NOW}/clean/order_item": _LINES,
    }
    with lake.duckdb(THREADS, 4) as db:
        for seed, (place, sql) in enumerate(places.items()):
            rows = db.sql(sql.format(customers=customers, products=PRODUCTS, places=PLACES, seed=seed))
            lake.write_batches(lake.join(place, "00000.parquet"), rows.to_arrow_reader(250_000))
    settings = Settings(folder, "", "", str(folder / "lake"), "", "UTC", "", THREADS, 4)
    return Night(settings, NOW, lake, {"tables": {"order": {}, "order_item": {}}})

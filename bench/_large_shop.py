"""A synthetic shop of 100,000 products: how long a forecast of demand and a plan of stock take."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from time import perf_counter, process_time
from typing import Any

import ibis
import numpy as np
import pyarrow as pa

from bench import Options, Row
from ml.contract.tables import TABLES
from ml.core.batches import ARROW
from ml.core.capability import Known
from ml.core.spec import Capability

PRODUCTS, DAYS, SEED = 100_000, 400, 7
AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
STAMP = pa.timestamp("us", "UTC")


def timed(options: Options, spec: Capability, seconds: float) -> Iterator[Row]:
    """Read, learn, score: the last two of what a night does for ``spec``; reading and scoring within ``seconds``."""
    n = PRODUCTS // 50 if options.quick else PRODUCTS
    shop = tables(n)
    features, learner, scorer = (import_module(f"{spec.package}.{part}") for part in ("features", "model", "score"))
    begin = perf_counter()
    backend = ibis.duckdb.connect()
    given = {name: ibis.memtable(table) for name, table in shop.items()}
    built = features.build(given, AS_OF, spec.params)
    known = Known({name: backend.to_pyarrow(table) for name, table in built.items()})
    read = perf_counter() - begin
    begin = perf_counter()
    model = learner.fit(known, spec.params, SEED)
    learned = perf_counter() - begin
    begin, cpu = perf_counter(), process_time()
    batches_of = scorer.score(model, known, 0, 1, spec.params)
    rows = {name: sum(batch.num_rows for batch in batches) for name, batches in batches_of.items()}
    scored, cpu = perf_counter() - begin, process_time() - cpu
    limit = seconds * n / PRODUCTS
    count = ", ".join(f"{value:,} rows of {name}" for name, value in rows.items())
    note = f"reading {read:.0f} s, scoring {scored:.0f} s ({cpu:.0f} CPU s); learning {learned:.0f} s a week; {count}"
    what = f"{spec.name}: {n:,} products read and scored"
    yield Row(what, "s", read + scored, "limit", limit, limit / (read + scored), 1.0, note=note)


def tables(n: int) -> dict[str, pa.Table]:
    """``n`` products, a few of which sell a lot, with 400 days of sales by weekday and season, a count and a supplier each."""
    rng = np.random.default_rng(SEED)
    rate = np.minimum(rng.lognormal(-4, 1.5, n), 20)
    date = [AS_OF - timedelta(days=DAYS - day) for day in range(DAYS)]
    shape = np.array([1 + 0.4 * np.sin(d.timetuple().tm_yday / 58) + 0.3 * (d.weekday() >= 4) for d in date])
    product, day, pieces = [], [], []
    for number, at in enumerate(shape):
        sold = rng.poisson(rate * at)
        rows = np.flatnonzero(sold)
        product.append(rows)
        day.append(np.full(len(rows), number))
        pieces.append(sold[rows])
    which, when, many = (np.concatenate(each) for each in (product, day, pieces))
    ids = pa.array([f"p{i:06d}" for i in range(n)])
    price = np.round(rng.lognormal(2.5, 0.8, n), 2) + 1
    orders = pa.array([f"o{i}" for i in range(len(which))])
    noon = int((AS_OF - timedelta(days=DAYS)).timestamp()) + 43_200
    by_name: dict[str, dict[str, Any]] = {
        "product": {
            "product_id": ids,
            "title": pa.array([f"Thing {i}" for i in range(n)]),
            "category": pa.array([f"kind {i % 200}" for i in range(n)]),
            "price": price,
        },
        "order": {
            "order_id": orders,
            "ordered_at": pa.array((noon + when * 86_400) * 1_000_000).cast(STAMP),
            "status": pa.array(["paid"]).take(pa.array(np.zeros(len(which), np.int64))),
        },
        "order_item": {
            "order_id": orders,
            "line_no": np.ones(len(which), np.int64),
            "product_id": ids.take(pa.array(which)),
            "quantity": many.astype(float),
            "unit_price": price[which],
        },
        "stock": {
            "product_id": ids,
            "counted_at": pa.array([AS_OF - timedelta(days=1)] * n, STAMP),
            "quantity": rng.poisson(rate * 20 + 1).astype(float),
        },
        "supply": {
            "product_id": ids,
            "supplier": pa.array([f"Supplier {i % 300}" for i in range(n)]),
            "lead_days": rng.integers(3, 30, n).astype(float),
            "lead_spread_days": np.full(n, 2.0),
            "cost": price * 0.6,
        },
    }
    return {name: _whole(name, pa.table(columns)) for name, columns in by_name.items()}


def _whole(name: str, table: pa.Table) -> pa.Table:
    """With every column of the contract, null where nothing is given."""
    columns = {
        c.name: table[c.name].cast(ARROW[c.kind])
        if c.name in table.column_names
        else pa.nulls(len(table), ARROW[c.kind])
        for c in TABLES[name].columns
    }
    return pa.table(columns)

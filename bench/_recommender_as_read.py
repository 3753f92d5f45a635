"""What a shop reads of ``ml.recommendation``, ``ml.discovery`` and ``ml.recommend`` after a night, at three cutoffs.

For each cutoff a night is run on what was known then; what the known customers bought in the 30 days after it is the truth.
Beside it stand the simple peers as they are, on the same customers: "all" (repeat purchases count) and "new" (what a
customer had bought before is taken out of lists and truth). Every reason is held against the shop's rows.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bench import Options, Row
from bench._as_read import database, night, select
from bench._peers import Past, ease, item_knn, personal, popularity
from bench._reasons import REASONED, Checker
from bench._window import Shop, Window, load
from ml.adapters import postgres
from ml.capabilities.recommender.evaluate import Truth, judge
from ml.capabilities.recommender.spec import SPEC
from ml.core.gate import difference
from ml.settings import Settings

CUTOFFS = (30, 60, 90)
"""Days before the shop's end; at each, a night."""
MOST_EXCLUDED = 1000
CONFIDENCE, SEED = 0.975, 7

Ids = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

READS = {
    "all": {
        "ml.recommendation": "SELECT customer_id, rank, product_id FROM ml.recommendation WHERE rank <= 10",
        "ml.recommend": "SELECT u AS customer_id, r.rank, r.product_id FROM asked, LATERAL ml.recommend(u, 10) AS r",
    },
    "new": {
        "ml.discovery": "SELECT customer_id, rank, product_id FROM ml.discovery WHERE rank <= 10",
        "ml.recommend, new": (
            "SELECT u AS customer_id, r.rank, r.product_id FROM asked, LATERAL ml.recommend(u, 10, mix => 'new') AS r"
        ),
        "ml.recommend, all that was bought excluded": (
            "SELECT u AS customer_id, r.rank, r.product_id FROM asked, LATERAL ml.recommend(u, 10, exclude => had) AS r"
        ),
    },
}
"""By task: what a shop may read for it. ``asked`` are the customers with what they had bought."""


def run(options: Options) -> Iterator[Row]:
    """Rows of each cutoff (quick: of the last)."""
    shop = load(options)
    tables = {name: shop.backend.to_pyarrow(table) for name, table in shop.tables.items()}
    with database() as settings:
        for days in CUTOFFS[:1] if options.quick else CUTOFFS:
            yield from _cutoff(settings, shop, tables, shop.end - timedelta(days=days))


def _cutoff(settings: Settings, shop: Shop, tables: Mapping[str, pa.Table], start: datetime) -> Iterator[Row]:
    began = time.monotonic()
    why = night(settings, tables, start.date(), "recommender")
    label = f"{shop.name}, night of {start:%Y-%m-%d}"
    yield Row(f"{label}: the night", "s", time.monotonic() - began, "-", float("nan"), float("nan"), note=why)
    window = Window(shop, start, SPEC.params)
    query = _units_query(settings, window)
    for task, reads in READS.items():
        truth = window.truth if task == "all" else window.new
        peers = _peers(window, truth, new=task == "new")
        best = max(peers, key=lambda name: float(peers[name].mean()))
        for read, statement in reads.items():
            ours = _judged(_lists(settings, window, f"WITH asked AS ({query}) {statement}"), truth)
            gap = difference(ours, peers[best], confidence=CONFIDENCE, seed=SEED)
            others = ", ".join(f"{name} {values.mean():.3f}" for name, values in sorted(peers.items()))
            yield Row(
                f"{label}, {len(ours):,} customers, {task} by {read}: NDCG@10",
                "ndcg",
                float(ours.mean()),
                best,
                float(peers[best].mean()),
                float(ours.mean() / peers[best].mean()),
                1.0,
                note=f"difference {gap}; {others}",
            )
    yield from _reasons(settings, tables, start, label)


def _units_query(settings: Settings, window: Window) -> str:
    """The units and at most ``MOST_EXCLUDED`` products that each had bought, the latest, as a SELECT."""
    log = window.log
    customers = window.features["customer"].sort_by("customer_no")["customer_id"].take(pa.array(window.users))
    rows = []
    for name, u in zip(customers.to_pylist(), window.users, strict=True):
        newest = log.product[log.indptr[u] : log.indptr[u + 1]][::-1]
        had = log.product_id.take(pa.array(list(dict.fromkeys(newest.tolist()))[:MOST_EXCLUDED], pa.int64()))
        rows.append((name, had.to_pylist()))
    with postgres.transaction(settings.database_url) as cursor:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS bench; DROP TABLE IF EXISTS bench.asked")
        cursor.execute("CREATE TABLE bench.asked (u text, had text[])")
        cursor.executemany("INSERT INTO bench.asked VALUES (%s, %s)", rows)
    return "SELECT u, had FROM bench.asked"


def _lists(settings: Settings, window: Window, statement: str) -> Ids:
    """What is read, as numbers; shape (n_units, 10)."""
    customers = (
        window.features["customer"].sort_by("customer_no")["customer_id"].take(pa.array(window.users)).to_pylist()
    )
    unit = {name: i for i, name in enumerate(customers)}
    number = {name: i for i, name in enumerate(window.log.product_id.to_pylist())}
    lists = np.full((len(customers), 10), -1, np.int32)
    for row in select(settings, statement):
        if row["customer_id"] in unit:
            lists[unit[row["customer_id"]], int(row["rank"]) - 1] = number.get(row["product_id"], -1)
    return lists


def _judged(lists: Ids, truth: Truth) -> Floats:
    """NDCG@10 of each unit that took something."""
    _, per_unit = judge(lists, truth)
    found: Floats = per_unit[np.bincount(truth.units, minlength=truth.n_units) > 0]
    return found


def _peers(window: Window, truth: Truth, *, new: bool) -> dict[str, Floats]:
    past, users = Past.of(window.log), window.users
    tables = {
        "best sellers of 7 days": popularity(past, users, 7),
        "best sellers of 30 days": popularity(past, users, 30),
        "best sellers of all days": popularity(past, users, 1e6),
        "personal frequency": personal(past, users, 180.0, 0.1),
        "item-kNN": item_knn(past, users, "cosine", 200, orders=True),
        "EASE": ease(past, users, 300.0, orders=False),
    }
    return {name: _judged(window.lists(table, new=new), truth) for name, table in tables.items()}


def _reasons(settings: Settings, tables: Mapping[str, pa.Table], start: datetime, label: str) -> Iterator[Row]:
    """The share of true reasons of each table, with an example of what is not."""
    checker = Checker(tables, start)
    for name in REASONED:
        listed = pa.Table.from_pylist(select(settings, f"SELECT * FROM ml.{name}"))  # noqa: S608  # a table of the spec
        if not len(listed):
            continue
        rows = checker.rows(name, listed)
        untrue = [row for row in rows if row["holds"] is not True]
        share = 1 - len(untrue) / len(rows)
        yield Row(
            f"{label}: true reasons of ml.{name}, {len(rows):,} rows",
            "share",
            share,
            "all",
            1.0,
            share,
            1.0,
            note=str({key: untrue[0][key] for key in ("reason", "product_id")}) if untrue else "",
        )

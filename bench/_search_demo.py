"""The demo shop's planted search log: intents, slips, synonyms and gaps that the SQL functions and tables must find."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa

from bench import Options, Row
from bench._as_read import database
from bench._search_database import publish
from bench._search_icecat import bounds
from ml.adapters import postgres
from ml.capabilities.search import features
from ml.capabilities.search.evaluate import evaluate
from ml.capabilities.search.model import Search, fit, fit_baseline
from ml.capabilities.search.spec import SPEC
from ml.contract.tables import TABLES
from ml.core.batches import ARROW
from ml.core.capability import Known, Window, published
from ml.shop.sources import demo

AS_OF = datetime.combine(demo.END, datetime.min.time(), UTC)
HORIZON = SPEC.gate.horizon
TARGET = 0.95
CUSTOMERS = 20_000


class Shop:
    """The demo's tables, and features and truth at a time."""

    def __init__(self, customers: int) -> None:
        self.truth: list[dict[str, Any]] = []
        tables = {}
        for name, rows in demo.tables(customers=customers, seed=7, faults=0.0):
            if name in SPEC.tables:
                tables[name] = whole(name, pa.Table.from_batches(rows))
            elif name.endswith(".search_truth"):
                self.truth = pa.Table.from_batches(rows).to_pylist()
        self.tables = {name: ibis.memtable(table) for name, table in tables.items()}
        self.db = ibis.duckdb.connect()

    def known(self, as_of: datetime, *, windows: bool = True) -> Known:
        """Features at a time, with the window before it."""
        built = {n: self.db.to_pyarrow(t) for n, t in features.build(self.tables, as_of, SPEC.params).items()}
        then = as_of - HORIZON
        return Known(built, [Window(then, self.known(then, windows=False), self.after(then, as_of))] if windows else ())

    def after(self, start: datetime, end: datetime) -> pa.Table:
        """Searches with a click."""
        return self.db.to_pyarrow(features.truth(self.tables, start, end, SPEC.params))


def run(options: Options) -> Iterator[Row]:
    """Shares of what was planted that is found, and the place of what is clicked in the four weeks after the training."""
    shop = Shop(2_000 if options.quick else CUSTOMERS)
    cutoff = AS_OF - HORIZON
    before, serve = shop.known(cutoff), shop.known(AS_OF)
    models: dict[str, Search] = {
        "ours": fit(before, SPEC.params, 7),
        "words alone": fit_baseline(before, SPEC.params, 7),
    }
    judged = evaluate(models, before, shop.after(cutoff, AS_OF), SPEC.params)
    ours, peer = (judged[name].metrics["mrr@10"] for name in ("ours", "words alone"))
    mean, low = bounds(judged["ours"].per_unit - judged["words alone"].per_unit)
    yield Row(
        "place of what is clicked, four weeks after",
        "MRR@10",
        ours,
        "words alone",
        peer,
        ours / peer,
        1.0,
        f"{len(judged['ours'].per_unit)} searches; difference {mean:+.3f}, at least {low:+.3f} with 97.5 %",
    )
    rows = published(SPEC, models["ours"], serve)
    with database() as settings:
        publish(settings.database_url, SPEC, rows)
        yield from planted(settings.database_url, shop.truth, rows)


def planted(url: str, truth: list[dict[str, Any]], rows: Mapping[str, pa.Table]) -> Iterator[Row]:
    """Share of the planted intents, slips, synonyms and gaps that are found, by what the shop reads."""
    titles = [title.lower() for title in rows["search_product"]["title"].to_pylist()]
    known_queries = set(rows["query"]["query"].to_pylist())
    with postgres.transaction(url, readonly=True) as cursor:
        found: dict[str, list[bool]] = {"intent": [], "slip": [], "synonym": [], "gap": []}
        for row in truth:
            words = row["finds"].split() if row["kind"] != "intent" else row["query"].replace(",", "").split()
            has = any(all(word in title for word in words) for title in titles) if words else False
            if row["kind"] == "gap":
                cursor.execute("SELECT count(*) AS n FROM ml.search_gap WHERE query = %s", (row["query"],))
                found["gap"].append(bool((cursor.fetchone() or {"n": 0})["n"]))
            elif has and (row["query"] in known_queries or row["kind"] == "intent"):
                cursor.execute("SELECT title FROM ml.search(%s, 3)", (row["query"],))
                lists = [hit["title"].lower() for hit in cursor.fetchall()]
                found[row["kind"]].append(bool(lists) and all(all(w in title for w in words) for title in lists[:1]))
    for kind, hits in found.items():
        share = sum(hits) / max(1, len(hits))
        yield Row(
            f"planted, found: {kind}",
            "share",
            share,
            "target",
            TARGET,
            share / TARGET,
            1.0,
            f"{sum(hits)} of {len(hits)}",
        )


def whole(name: str, table: pa.Table) -> pa.Table:
    """The table with every column of the contract."""
    return pa.table(
        {
            column.name: table[column.name].cast(ARROW[column.kind])
            if column.name in table.column_names
            else pa.nulls(len(table), ARROW[column.kind])
            for column in TABLES[name].columns
        }
    )


def nights(days: int) -> list[datetime]:
    """The last so many midnights before the end."""
    return [AS_OF - timedelta(days=day) for day in range(days, 0, -1)]

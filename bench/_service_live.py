"""ml.answer to 16 clients, and how many tickets a second are triaged in a batch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench import Options, Row
from bench._as_read import database
from bench._search_database import publish
from bench.live import CLIENTS
from bench.live import _latencies as latencies
from ml.adapters import postgres
from ml.capabilities.service import features, model, score
from ml.capabilities.service.model import Service
from ml.capabilities.service.spec import SPEC
from ml.capabilities.service.tables.live import ORDER, SETTING, TERM
from ml.capabilities.service.tables.tickets import ANSWER, TRIAGE
from ml.core.capability import published
from ml.shop.sources import demo

LIMIT_MS, PER_CORE = 15.0, 25_000
"""A second on one of two cores."""
RATE = 100
AS_OF = datetime.combine(demo.END, datetime.min.time(), UTC)
_QUESTIONS = "CREATE TABLE bench_question (no integer PRIMARY KEY, question text, customer_id text)"
CALLS = {
    "a plain SELECT of an order": "SELECT * FROM ml.service_order WHERE customer_id = (SELECT customer_id FROM bench_question WHERE no = :no)",
    "ml.answer": "SELECT a.* FROM bench_question AS q, ml.answer(q.question, NULL, q.customer_id) AS a WHERE q.no = :no",
}


def rows(options: Options) -> Iterator[Row]:
    """On the demo of 20,000 customers (quick: 1,000): p99 of a call, then tickets a second with and without sentence vectors."""
    found = _features(1_000 if options.quick else 20_000)
    plain = replace(SPEC.params, sentence_model=False, network_least=10**9)
    fitted = model.fit(found, plain, 7)
    yield from _answers(found, fitted, 1 if options.quick else 10)
    many = found | {"ticket": _repeated(found["ticket"], 8_000 if options.quick else 50_000)}
    yield _triaged(many, fitted, "n-grams alone")
    if not options.quick:
        few = found | {"ticket": _repeated(found["ticket"], 2_000)}
        yield _triaged(few, model.fit(found, SPEC.params, 7), "as it is trained by default")


def _features(customers: int) -> dict[str, pa.Table]:
    wanted = {"customer", "order", "order_item", "shipment", "ticket", "ticket_message"}
    generated = demo.tables(customers=customers, faults=0)
    tables = {name: ibis.memtable(pa.Table.from_batches(some)) for name, some in generated if name in wanted}
    backend = ibis.duckdb.connect()
    return {name: backend.to_pyarrow(table) for name, table in features.build(tables, AS_OF, SPEC.params).items()}


def _answers(found: dict[str, pa.Table], fitted: Service, seconds: int) -> Iterator[Row]:
    tables = published(SPEC, fitted, found, fitted.params)
    questions = found["ticket"].select(["text", "customer_id"]).to_pylist()[:2_000]
    with database() as settings:
        url = settings.database_url
        publish(url, replace(SPEC, publishes=(TERM, SETTING, ORDER)), tables)
        with postgres.transaction(url) as cursor:
            cursor.execute(_QUESTIONS)
            lines = [(no, row["text"], row["customer_id"]) for no, row in enumerate(questions, 1)]
            cursor.executemany("INSERT INTO bench_question VALUES (%s, %s, %s)", lines)
            cursor.execute("GRANT SELECT ON bench_question TO PUBLIC")
        for rate in (None, RATE):
            taken = {
                name: latencies(url, f"\\set no random(1, {len(questions)})\n{call};\n", seconds, rate)
                for name, call in CALLS.items()
            }
            base, ours = taken.values()
            how = f"{CLIENTS} clients" + ("" if rate is None else f", {rate} calls/s")
            p99 = float(np.quantile(ours, 0.99))
            note = (
                f"p50 {np.median(ours):.1f} ms, {len(ours) / seconds:,.0f} calls/s, {tables[TERM.name].num_rows:,} terms; "
                f"a plain SELECT: p99 {np.quantile(base, 0.99):.1f} ms"
            )
            yield Row(f"ml.answer, {how}: p99", "ms", p99, "limit", LIMIT_MS, LIMIT_MS / p99, 1.0, note)


def _repeated(tickets: pa.Table, rows: int) -> pa.Table:
    """So many tickets: the same again and again, under other names and with a word that differs."""
    times = -(-rows // tickets.num_rows)
    whole = pa.concat_tables([tickets] * times).slice(0, rows).combine_chunks()
    number = pa.array([f" {i}" for i in range(rows)])
    for name in ("ticket_id", "text"):
        place = whole.column_names.index(name)
        numbered = pc.binary_join_element_wise(whole[name].cast(pa.string()), number, "")
        whole = whole.set_column(place, whole.schema.field(name), numbered.cast(whole.schema.field(name).type))
    return whole


def _triaged(found: dict[str, pa.Table], fitted: Service, how: str) -> Row:
    """Everything that a batch does for a ticket: reading, both tables, as Arrow; by the time that a core worked, after a first batch."""
    tickets = found["ticket"].num_rows
    first = found | {"ticket": found["ticket"].slice(0, 100)}
    assert all(sum(b.num_rows for b in some) >= 0 for some in score.score(fitted, first, 0, 1, fitted.params).values())
    start = time.process_time()
    scored = score.score(fitted, found, 0, 1, fitted.params)
    n = sum(batch.num_rows for name in (TRIAGE.name, ANSWER.name) for batch in scored[name])
    taken = time.process_time() - start
    note = f"{tickets:,} tickets, {n:,} rows, one process"
    return Row(
        f"tickets triaged, {how}",
        "tickets/CPU s",
        tickets / taken,
        "target of 50,000/s on 2 cores",
        PER_CORE,
        tickets / taken / PER_CORE,
        1.0,
        note,
    )

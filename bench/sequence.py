"""When the sequence model and the likeness by content win: alone and in a blend, beside simple models in one run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array

from bench import Options, Row
from ml.capabilities.recommender import features
from ml.capabilities.recommender.candidates import content, content_state, sequence
from ml.capabilities.recommender.spec import SPEC
from ml.contract.tables import TABLES
from ml.learn import purchases as logs
from ml.learn.metrics import ranking
from ml.learn.purchases import Log
from ml.settings import PROJECT
from ml.shop.source import Source

DAY = 86_400
HORIZON = timedelta(days=30)
TESTS = {"online_retail": datetime(2011, 11, 9, tzinfo=UTC), "demo": datetime(2025, 12, 1, tzinfo=UTC)}
"""Where each shop's test begins; weights of the blend are chosen on the window before."""
KINDS = {
    "text": "string",
    "timestamp": "timestamp('UTC', 6)",
    "number": "float64",
    "boolean": "boolean",
    "integer": "int64",
}
READ = ("customer", "product", "order", "order_item")
SIMPLE = ("popularity", "personal frequency", "item-kNN")
BLENDS = {"": (), " + content": ("content",), " + sequence": ("sequence",), " + both": ("content", "sequence")}
GRID = (0.0, 0.1, 0.3, 1.0, 3.0)
NEIGHBOURS, SHRINKAGE, HALF_LIFE_DAYS, POPULAR_DAYS = 100, 10.0, 840.0, 30
SEED, SECONDS = 1, 900.0

Matrix = Any  # ndarray of shape (n_customers, n_products)


@dataclass(frozen=True)
class Window:
    """What was known at a moment, and the pairs (row of ``customers``, product) bought in the 30 days after it."""

    log: Log
    customers: Any
    rows: Any
    items: Any
    bought: Any
    """CSR over ``customers``: what each had bought before."""


def run(options: Options) -> Iterator[Row]:
    """NDCG@10, Recall@20 and coverage@10 on Online Retail and on a demo shop of 4,000 customers (quick: demo of 500)."""
    for shop in [options.shop] if options.shop else ["demo"] if options.quick else list(TESTS):
        yield from _shop(shop, options)


def _shop(shop: str, options: Options) -> Iterator[Row]:
    tables, backend = _tables(shop, options)
    earlier, test = (_window(tables, backend, start) for start in (TESTS[shop] - HORIZON, TESTS[shop]))
    taken: dict[str, str] = {}
    scores = [_scores(window, taken) for window in (earlier, test)]
    for task in ("all", "new"):
        figures = {name: _judge(test, scored, task) for name, scored in scores[1].items()}
        for extra, names in BLENDS.items():
            chosen = (*SIMPLE, *names)
            weights = _weights(earlier, scores[0], chosen, task)
            figures["blend" + extra] = _judge(test, _blend(_shares(test, scores[1], task), weights), task)
        best = max(SIMPLE, key=lambda name: figures[name]["ndcg"].mean())
        for name, judged in figures.items():
            peer = "blend" if name.startswith("blend") and name != "blend" else best
            yield _row(f"{name}, task {task}, {shop}", judged, peer, figures[peer], taken.get(name))


def _row(what: str, judged: dict[str, Any], peer: str, its: dict[str, Any], seconds: str | None) -> Row:
    ours, theirs = float(judged["ndcg"].mean()), float(its["ndcg"].mean())
    gain = judged["ndcg"] - its["ndcg"]
    half = 1.96 * float(gain.std()) / max(len(gain), 1) ** 0.5
    note = f"Recall@20 {judged['recall']:.3f}, coverage@10 {judged['coverage']:.3f}, {gain.mean():+.4f} ± {half:.4f} to the peer"
    note += "".join(f"; {name} {value:.3f}" for name, value in judged["parts"].items())
    note += f"; {seconds}" if seconds else ""
    return Row(what, "NDCG@10", ours, peer, theirs, ours / max(theirs, 1e-9), note=note)


def _tables(shop: str, options: Options) -> tuple[dict[str, ibis.Table], Any]:
    """The shop as the contract has it, without lines that give nothing or cost nothing."""
    data = options.data or PROJECT.parent / "shared" / "data" / "uci_online_retail"
    given = {"customers": 500 if options.quick else 4_000, "faults": 0.0} if shop == "demo" else {}
    backend, tables = ibis.duckdb.connect(), {}
    for name, batches in Source.find(shop, None if shop == "demo" else data, given).tables():
        if name in READ:
            table = backend.create_table(name, pa.Table.from_batches(list(batches)))
            missing = [c for c in TABLES[name].columns if c.name not in table.columns]
            tables[name] = table.mutate(**{c.name: ibis.null(KINDS[c.kind]) for c in missing})
    lines = tables["order_item"]
    tables["order_item"] = lines.filter(lines["quantity"] > 0, lines["unit_price"] > 0)
    return tables, backend


def _window(tables: Mapping[str, ibis.Table], backend: Any, start: datetime) -> Window:
    known = {
        name: backend.to_pyarrow(table)
        for name, table in features.build(tables, start, SPEC.params).items()
        if name in {"customer", "product", "purchase"}
    }
    log = logs.log(known, int(start.timestamp()))
    truth = backend.to_pyarrow(features.truth(tables, start, start + HORIZON, SPEC.params))
    ids = known["customer"].sort_by("customer_no")["customer_id"].combine_chunks()
    who, items = (
        pc.fill_null(pc.index_in(truth[name].combine_chunks(), of), -1).to_numpy().astype(np.int32)
        for name, of in (("customer_id", ids), ("product_id", log.product_id))
    )
    seen = (who >= 0) & (items >= 0)
    who, items = who[seen], items[seen]
    seen = np.diff(log.indptr)[who] > 0
    customers, rows = np.unique(who[seen], return_inverse=True)
    return Window(log, customers, rows, items[seen], _frequency(log, np.inf)[customers])


def _scores(window: Window, taken: dict[str, str]) -> dict[str, Matrix]:
    """Scores of each model for the customers of the window; seconds are kept in ``taken``."""
    scores = {}
    models: dict[str, Callable[[Window], Matrix]] = {
        "popularity": _popularity,
        "personal frequency": _personal,
        "item-kNN": _neighbours,
        "content": _content,
        "sequence": _sequence,
    }
    for name, model in models.items():
        start, used = time.perf_counter(), time.process_time()
        scores[name] = np.asarray(model(window), np.float32)
        taken[name] = f"{time.perf_counter() - start:.0f} s, of the processor {time.process_time() - used:.0f} s"
    return scores


def _frequency(log: Log, half_life_days: float) -> csr_array:
    """Orders of each product by each customer, decayed."""
    who = np.repeat(np.arange(log.n_customers), np.diff(log.indptr))
    _, first = np.unique(np.stack([who, log.order, log.product]), axis=1, return_index=True)
    weight = np.exp2(-(log.until - log.at[first]) / DAY / half_life_days)
    counts = csr_array((weight, (who[first], log.product[first])), shape=(log.n_customers, log.n_products))
    counts.sum_duplicates()
    return counts


def _popular(log: Log) -> Any:
    late = log.at >= log.until - POPULAR_DAYS * DAY
    lines = np.unique(np.stack([log.order[late], log.product[late]]), axis=1)
    counts = np.bincount(lines[1], minlength=log.n_products)
    return counts / max(1, counts.max())


def _popularity(window: Window) -> Matrix:
    return np.tile(_popular(window.log), (len(window.customers), 1))


def _personal(window: Window) -> Matrix:
    own = _frequency(window.log, HALF_LIFE_DAYS)[window.customers].toarray()
    return own + 0.05 * _popular(window.log)


def _neighbours(window: Window) -> Matrix:
    """Cosine of products by their buyers, each of whom weighs 1 / number of products; 100 neighbours."""
    b = _frequency(window.log, np.inf)
    b.data[:] = 1 / np.repeat(np.maximum(np.diff(b.indptr), 1), np.diff(b.indptr))
    norm = np.sqrt(np.bincount(b.indices, b.data**2, b.shape[1]) + SHRINKAGE * np.mean(b.data**2))
    b.data /= norm[b.indices]
    near = (b.T @ b).toarray()
    np.fill_diagonal(near, 0)
    k = min(NEIGHBOURS, len(near) - 1)
    near[near < -np.partition(-near, k, axis=1)[:, k : k + 1]] = 0
    return (window.bought > 0).astype(np.float64) @ near + 1e-6 * _popular(window.log)


def _content(window: Window) -> Matrix:
    state = content.fit(window.log, window.log.until, content_state.Params(), SEED)
    return _all_pairs(content, state, window)


def _sequence(window: Window) -> Matrix:
    # Time enough to end by itself: what is compared is not how busy the machine is.
    state = sequence.fit(window.log, window.log.until, replace(sequence.Params(), seconds=SECONDS), SEED)
    return _all_pairs(sequence, state, window)


def _all_pairs(module: Any, state: Any, window: Window) -> Matrix:
    n, m = len(window.customers), window.log.n_products
    users = np.repeat(window.customers, m).astype(np.int32)
    items = np.tile(np.arange(m, dtype=np.int32), n)
    return module.pairs(state, window.log, users, items).reshape(n, m)


def _shares(window: Window, scores: Mapping[str, Matrix], task: str) -> dict[str, Matrix]:
    """Scores as shares of the customer's largest, of what the task may show."""
    hidden = {name: _hidden(window, scored, task, 0.0) for name, scored in scores.items()}
    return {name: scored / np.maximum(scored.max(1, keepdims=True), 1e-9) for name, scored in hidden.items()}


def _blend(shares: Mapping[str, Matrix], weights: Mapping[str, float]) -> Matrix:
    return sum(weight * shares[name] for name, weight in weights.items())


def _weights(window: Window, scores: Mapping[str, Matrix], names: tuple[str, ...], task: str) -> dict[str, float]:
    """The weights that rank the window best, one at a time from equal ones, twice round."""
    shares, ahead = _shares(window, scores, task), _truth(window, task)

    def value(weights: Mapping[str, float]) -> float:
        return float(_ndcg(_hidden(window, _blend(shares, weights), task, -np.inf), *ahead)[0].mean())

    chosen = dict.fromkeys(names, 1.0)
    for _, name in product(range(2), names):
        chosen[name] = max(GRID, key=lambda w, name=name: value(chosen | {name: w}))  # type: ignore[misc]
    return chosen


def _hidden(window: Window, scores: Matrix, task: str, value: float) -> Matrix:
    """``scores``, for the task "new" with ``value`` where the product was bought before."""
    if task == "all":
        return scores
    masked = scores.copy()
    masked[np.repeat(np.arange(len(masked)), np.diff(window.bought.indptr)), window.bought.indices] = value
    return masked


def _truth(window: Window, task: str) -> tuple[Any, Any, int]:
    rows, items = window.rows, window.items
    if task == "new":
        new = np.asarray(window.bought[rows, items]).ravel() == 0
        rows, items = rows[new], items[new]
    return rows, items, len(window.customers)


def _ndcg(scores: Matrix, rows: Any, items: Any, n: int) -> tuple[Any, Any, Any, Any]:
    """NDCG@10 per customer who bought something, the lists, hits and counts of theirs, and who they are."""
    relevant = np.bincount(rows, minlength=n)
    some = np.flatnonzero(relevant)
    place = np.full(n, -1)
    place[some] = np.arange(len(some))
    k = min(20, scores.shape[1])
    lists = np.argpartition(-scores[some], k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(scores[some], lists, 1), axis=1, kind="stable")
    lists = np.take_along_axis(lists, order, 1)
    hits = ranking.hits(lists, place[rows], items)
    return ranking.ndcg(hits, relevant[some], 10), lists, ranking.recall(hits, relevant[some], 20), some


def _judge(window: Window, scores: Matrix, task: str) -> dict[str, Any]:
    ndcg, lists, recall, some = _ndcg(_hidden(window, scores, task, -np.inf), *_truth(window, task))
    orders = _orders(window)[some]
    parts = {"1 order": orders == 1, "2-5 orders": (orders > 1) & (orders <= 5), "6+ orders": orders > 5}
    return {
        "ndcg": ndcg,
        "recall": recall.mean(),
        "coverage": ranking.coverage(lists, window.log.n_products, 10),
        "parts": {name: ndcg[those].mean() for name, those in parts.items() if those.any()},
    }


def _orders(window: Window) -> Any:
    """How many orders each customer had made before."""
    log = window.log
    who = np.repeat(np.arange(log.n_customers), np.diff(log.indptr))
    pairs = np.unique(np.stack([who, log.order]), axis=1)
    return np.bincount(pairs[0], minlength=log.n_customers)[window.customers]

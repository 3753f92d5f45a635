"""The demo shop's planted frauds on a time split: the model beside an oracle, simpler models, and unsupervised ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bench import Options, Row
from ml.capabilities.risk import features, money
from ml.capabilities.risk.columns import UNUSUAL
from ml.capabilities.risk.evaluate import evaluate
from ml.capabilities.risk.model import RiskModel, fit, fit_baseline
from ml.capabilities.risk.score import score_blocks, score_orders
from ml.capabilities.risk.spec import SPEC
from ml.contract.tables import TABLES
from ml.core.batches import ARROW
from ml.core.evaluation import Evaluation
from ml.learn import boosters
from ml.learn.metrics import binary
from ml.shop.sources import demo
from ml.shop.sources.demo import columns as col
from ml.shop.sources.demo.behaviour import purchases
from ml.shop.sources.demo.campaigns import mailings
from ml.shop.sources.demo.catalogue import catalogue
from ml.shop.sources.demo.clock import clock
from ml.shop.sources.demo.customers import people
from ml.shop.sources.demo.fraud import traces

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]

SEED = 7
CUSTOMERS = 20_000
AS_OF = datetime.combine(demo.END, datetime.min.time(), UTC)
HORIZON = timedelta(days=180)
"""Longer than the gate's, for more frauds to measure on."""
POOL, FRESH = 10**9, 10**10
"""Traces from POOL on are shared by a ring, from FRESH on used once; see ml.shop.sources.demo.fraud."""
REVIEWED = 0.01
ORACLE = "oracle with the planted factors"
FIGURES = ("pr_auc", "recall_at_1pct_fpr", "precision@capacity", "saving")
_NEEDED = (*SPEC.needs, *SPEC.wants)


def run(options: Options) -> Iterator[Row]:
    """Figures on the orders of the half year after the training (quick: a small shop)."""
    customers = 2_000 if options.quick else CUSTOMERS
    known, truth = _features(customers)
    train = known["order"].filter(pc.and_(known["order"]["settled"], pc.is_valid(known["order"]["label"])))
    models: dict[str, Any] = {"ours": fit(known, SPEC.params, SEED)}
    models["logistic regression on raw columns"] = fit_baseline(known, SPEC.params, SEED)
    models |= _peers(models["logistic regression on raw columns"], train)
    for name, seen in ((ORACLE, False), ("the same as it could be seen by then", True)):
        models[name] = _oracle(models["ours"], customers, train, seen=seen)
    staff = {"cost": _capacity(known["order"])}
    judged = evaluate(models, known | staff, truth, SPEC.params)
    yield from _rows(judged)
    yield from _unsupervised(models["ours"], known["order"], truth)
    yield _speed(models["ours"], truth, money.costs(staff, SPEC.params))


def _features(customers: int) -> tuple[dict[str, pa.Table], pa.Table]:
    tables = {}
    for name, batches in demo.tables(customers=customers, seed=SEED, faults=0.0):
        if name in _NEEDED:
            tables[name] = _whole(name, pa.Table.from_batches(batches))
    shop = {name: ibis.memtable(table) for name, table in tables.items()}
    backend = ibis.duckdb.connect()
    cutoff = AS_OF - HORIZON
    known = {n: backend.to_pyarrow(t) for n, t in features.build(shop, cutoff, SPEC.params).items()}
    return known, backend.to_pyarrow(features.truth(shop, cutoff, AS_OF, SPEC.params))


def _capacity(order: pa.Table) -> pa.Table:
    """A staff that can look at one order in a hundred; the other costs are the defaults."""
    days = (pc.max(order["at"]).as_py() - pc.min(order["at"]).as_py()) / 86_400
    return pa.table({"reviews_per_day": [REVIEWED * len(order) / days]})


def _whole(name: str, table: pa.Table) -> pa.Table:
    return pa.table(
        {
            c.name: table[c.name].cast(ARROW[c.kind])
            if c.name in table.column_names
            else pa.nulls(len(table), ARROW[c.kind])
            for c in TABLES[name].columns
        }
    )


class _Scorer:
    """A peer put as a model: its probabilities, with our model's decisions for the costs."""

    learnt = True

    def __init__(self, model: RiskModel, probability: Any) -> None:
        self.decide, self.predict = model.decide, probability


def _peers(baseline: RiskModel, train: pa.Table) -> dict[str, Any]:
    """Other learners on the columns that logistic regression gets."""
    from lightgbm import LGBMClassifier
    from sklearn.ensemble import RandomForestClassifier

    x, y = baseline.matrix(train), train["label"].to_numpy()
    forest = RandomForestClassifier(200, min_samples_leaf=5, n_jobs=2, random_state=SEED).fit(
        np.nan_to_num(x, nan=-1), y
    )
    plain = LGBMClassifier(n_estimators=200, random_state=SEED, n_jobs=2, verbosity=-1).fit(x, y)
    return {
        "random forest on raw columns": _Scorer(
            baseline, lambda rows: forest.predict_proba(np.nan_to_num(baseline.matrix(rows), nan=-1))[:, 1]
        ),
        "LightGBM on raw columns": _Scorer(
            baseline, lambda rows: np.asarray(plain.predict_proba(baseline.matrix(rows)))[:, 1]
        ),
    }


def _oracle(ours: RiskModel, customers: int, train: pa.Table, *, seen: bool) -> _Scorer:
    """Our learner on what was planted, known without error, and on what the order itself says.

    Planted: which traces are new to the customer, how many orders the ring placed before, whether the countries differ
    from home, the age of the account. That a customer's first order comes from the customer's own device nobody can know:
    with ``seen`` a trace is known to be the customer's only once the customer has used it.
    """
    ids, factors = _planted(customers, seen=seen)

    def matrix(rows: pa.Table) -> Matrix:
        at = pc.index_in(rows["order_id"].combine_chunks(), ids).to_numpy(zero_copy_only=False)
        own = [
            rows[name].cast(pa.float32()).to_numpy() for name in ("total", "dearest", "lines", "hour", "instalments")
        ]
        return np.column_stack([factors[at], *own]).astype(np.float32)

    fitted = boosters.boost(matrix(train), train["label"].to_numpy().astype(np.int8), 0, SPEC.params, SEED)
    return _Scorer(ours, lambda rows: 1 / (1 + np.exp(-fitted.log_odds(matrix(rows)))))


def _planted(customers: int, *, seen: bool) -> tuple[pa.Array, Matrix]:
    """Ids of all orders and their planted factors, made anew from the demo shop's own draws."""
    options = demo.Options(customers=customers, seed=SEED, faults=0.0)
    shop, hours = catalogue(options), clock(options)
    ids, factors = [], []
    for chunk in range(options.chunks):
        them = people(options, chunk, shop.clusters)
        bought, _ = purchases(options, chunk, shop, them, hours, mailings(options, chunk, them))
        left = traces(options, them, bought)
        used = np.stack([left.device, left.card, left.address, left.ip])
        shared = ((used >= POOL) & (used < FRESH)).any(axis=0)
        before = np.zeros(len(bought.t))
        for ring in np.unique(bought.fraud[bought.fraud >= 0]):
            rows = np.flatnonzero((bought.fraud == ring) & shared)
            before[rows[np.argsort(bought.t[rows])]] = np.arange(len(rows))
        home = them.country[bought.who]
        ids.append(col.ids("O", bought.numbers))
        factors.append(
            np.column_stack(
                [
                    (_first(bought.who, used, bought.t) if seen else used >= POOL).T,
                    before,
                    left.ships_to != home,
                    left.billed_in != home,
                    np.maximum(bought.t - them.registered[bought.who], 0) / 86_400,
                    bought.channel,
                ]
            )
        )
    return pa.concat_arrays([i.cast(pa.string()) for i in ids]), np.concatenate(factors).astype(np.float32)


def _first(who: Longs, used: Longs, at: Longs) -> npt.NDArray[np.bool_]:
    """Whether each trace is used by its customer for the first time, shape (n_traces, n_orders)."""
    first = np.ones(used.shape, bool)
    for row, trace in zip(first, used, strict=True):
        order = np.lexsort((at, trace, who))
        row[order[1:]] = (np.diff(who[order]) != 0) | (np.diff(trace[order]) != 0)
    return first


def _rows(judged: Mapping[str, Evaluation]) -> Iterator[Row]:
    ours = judged["ours"].metrics
    what = f"demo shop, {int(ours['units']):,} later orders, {int(ours['frauds'])} frauds"
    for name, one in judged.items():
        for figure in FIGURES if name != "ours" else ():
            theirs = one.metrics[figure]
            target = {ORACLE: 0.95}.get(name, None if "seen" in name else 1.0)
            yield Row(
                f"{what}: {figure}",
                "EUR" if figure == "saving" else "share",
                ours[figure],
                name,
                theirs,
                ours[figure] / max(theirs, 1e-9),
                target,
            )
    error = ours["calibration_error"]
    yield Row(
        f"{what}: calibration error",
        "ECE",
        error,
        "limit",
        0.005,
        0.005 / max(error, 1e-9),
        1.0,
        note=f"saved {ours['saving_share']:.0%} of what the frauds cost, {ours['reviews_per_day']:.1f} reviews a day",
    )


def _unsupervised(model: RiskModel, order: pa.Table, truth: pa.Table) -> Iterator[Row]:
    """Average precision without any label, beside scikit-learn's isolation forest on the same columns."""
    from sklearn.ensemble import IsolationForest

    def matrix(rows: pa.Table) -> Matrix:
        columns = [rows[n].cast(pa.float32()).to_numpy() for n in UNUSUAL]
        return np.asarray(np.nan_to_num(np.stack(columns, axis=1), nan=-1), np.float32)

    label = truth["label"].to_numpy()
    forest = IsolationForest(n_estimators=200, random_state=SEED, n_jobs=2).fit(matrix(order))
    ours = binary.average_precision(label, model.anomaly_.score(truth))
    theirs = binary.average_precision(label, -forest.score_samples(matrix(truth)))
    yield Row(
        "demo shop without labels: pr_auc",
        "share",
        ours,
        "isolation forest",
        theirs,
        ours / theirs,
        1.0,
        note=f"chance {label.mean():.3f}",
    )


def _speed(model: RiskModel, truth: pa.Table, costs: money.Costs) -> Row:
    """Orders a second from features to the columns of ml.order_risk, with decisions and reasons."""
    rows = pa.concat_tables([truth] * max(1, 100_000 // max(1, len(truth)))).combine_chunks()
    none = {name: pa.array([], pa.string()) for name in ("kind", "entity", "value", "note")}
    rule = pa.table(none)
    score_orders(model, rows.slice(0, 10), rule, costs)  # compiles
    start = perf_counter()
    scored = sum(len(block["order_id"]) for block in score_blocks(model, rows, rule, costs))
    rate = scored / (perf_counter() - start)
    return Row(
        "scoring", "orders/s", rate, "limit", 200_000, rate / 200_000, 1.0, note="with reasons and anomaly score"
    )

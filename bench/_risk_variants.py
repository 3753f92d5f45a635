"""Is the variant that a training chooses the best: on a simulated card network, and on BNP's real baskets in time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import ibis
import numpy as np
import pyarrow as pa

from bench import Options, Row
from bench import _bnp as source
from bench._as_read import whole
from bench._risk_as_read import END, cut
from ml.capabilities.risk import features, variants
from ml.capabilities.risk.model import fit
from ml.capabilities.risk.spec import SPEC, Params
from ml.learn.metrics import binary

SEED = 7
NEAR = 0.02
MOMENT = pa.timestamp("us", "UTC")
DAYS, KNOWN_DAYS, TEST_DAYS = 210, 7, 60
"""Days of the card network, after how many an outcome is known, and how many of the last are judged (less those unsettled)."""


def run(options: Options) -> Iterator[Row]:
    """PR-AUC of the chosen variant beside each of the others, on the orders after the training."""
    yield from _measure(
        "card network", cards(150 if options.quick else 600), replace(SPEC.params, settle_days=KNOWN_DAYS + 1)
    )
    if options.data is not None:
        with source.database(options.data) as db:
            shop, _ = cut(source.tables(db), 185, 100 if options.quick else 500)
        yield from _measure("BNP baskets in time", shop, SPEC.params)


def cards(customers: int, terminals: int = 800) -> dict[str, pa.Table]:
    """Transactions after the simulator of Le Borgne et al., Reproducible Machine Learning for Credit Card Fraud Detection (2022).

    Each customer pays at terminals nearby; now and then a terminal is compromised for 28 days, or a customer's card for 14,
    and amounts above 220 are frauds. A terminal is put as a product, for an order has no other place for it.
    """
    rng = np.random.default_rng(SEED)
    near = rng.integers(0, terminals, (customers, 12))
    rate, usual = rng.uniform(0, 4, customers), rng.uniform(5, 100, customers)
    n = rng.poisson(rate * DAYS)
    who = np.repeat(np.arange(customers), n)
    day = rng.uniform(0, DAYS, len(who))
    order = np.argsort(day)
    who, day = who[order], day[order]
    terminal = near[who, rng.integers(0, 12, len(who))]
    amount = np.maximum(1.0, rng.normal(usual[who], usual[who] / 2))
    bad = amount > 220
    for start in np.arange(0, DAYS, 4.0):
        hit = (terminal == rng.integers(terminals)) & (day >= start) & (day < start + 28)
        bad |= hit
    for start in np.arange(0, DAYS, 2.0):
        hit = (who == rng.integers(customers)) & (day >= start) & (day < start + 14) & (rng.random(len(who)) < 1 / 3)
        amount, bad = np.where(hit, amount * 5, amount), bad | hit
    end = np.datetime64(END, "us")
    at = end - ((DAYS - day) * 86_400e6).astype("timedelta64[us]")
    ids, known = np.array([f"t{i:07d}" for i in range(len(who))]), day + KNOWN_DAYS < DAYS
    return {
        "customer": pa.table({"customer_id": [f"c{i}" for i in range(customers)]}),
        "product": pa.table(
            {"product_id": [f"p{i}" for i in range(terminals)], "title": [f"terminal {i}" for i in range(terminals)]}
        ),
        "order": pa.table(
            {
                "order_id": ids,
                "customer_id": [f"c{i}" for i in who],
                "ordered_at": pa.array(at, MOMENT),
                "total": amount,
                "status": ["delivered"] * len(who),
            }
        ),
        "order_item": pa.table(
            {
                "order_id": ids,
                "line_no": np.ones(len(who), np.int64),
                "product_id": [f"p{i}" for i in terminal],
                "quantity": np.ones(len(who)),
                "unit_price": amount,
            }
        ),
        "order_outcome": pa.table(
            {
                "order_id": ids[known],
                "kind": np.where(bad, "fraud", "ok")[known],
                "known_at": pa.array((at + np.timedelta64(KNOWN_DAYS, "D"))[known], MOMENT),
            }
        ),
    }


def _measure(what: str, tables: Mapping[str, pa.Table], params: Params) -> Iterator[Row]:
    shop = {name: ibis.memtable(whole(name, table)) for name, table in tables.items()}
    backend, end = ibis.duckdb.connect(), datetime.combine(END, datetime.min.time(), UTC)
    start = end - timedelta(days=TEST_DAYS + params.settle_days)
    known = {"order": backend.to_pyarrow(features.build(shop, start, params)["order"])}
    truth = backend.to_pyarrow(features.truth(shop, start, end, params))
    label = truth["label"].to_numpy()
    chosen = fit(known, params, SEED)
    ours = binary.average_precision(label, chosen.predict(truth))
    found = {}
    for rates, recent in itertools.product(variants.RATES, variants.RECENT):
        model = fit(known, replace(params, rates=rates, recent_frauds=recent), SEED)
        found[f"rates {rates}, recent frauds {recent}"] = binary.average_precision(label, model.predict(truth))
    best = max(found.values())
    for name, theirs in found.items():
        yield Row(
            f"{what}, {len(label):,} later orders, {int(label.sum())} frauds: PR-AUC",
            "share",
            ours,
            name,
            theirs,
            ours / max(theirs, 1e-9),
            note=f"difference {ours - theirs:+.3f}",
        )
    yield Row(
        f"{what}: PR-AUC of what was chosen",
        "share",
        ours,
        f"best variant less {NEAR}",
        best - NEAR,
        ours / max(best - NEAR, 1e-9),
        1.0,
        note=f"chosen: rates {chosen.chosen_.rates}, recent frauds {chosen.chosen_.recent_frauds}",
    )

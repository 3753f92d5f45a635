"""The watch over the shop's data: false alarms of quiet nights, and planted faults found, beside one test a column."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from bench import Options, Row
from bench._quiet import AS_OF, ours, peer, shop, states
from ml.learn import drift
from ml.learn.intervals import wilson
from ml.shop.sources.demo.changes import CHANGES, changed, last_day

MOST = 7
"""Alerts in 200 quiet nights at most."""


def run(options: Options) -> Iterator[Row]:
    """200 nights of an unchanged demo shop of 4,000 customers (quick: 20 of 1,000), then each planted fault in the last one.

    Both see the same rows. Ours is what a night does; the peer tests each column by Kolmogorov-Smirnov or chi-square
    against four weeks before, at 5 %, uncorrected, as drift reports do by default.
    """
    nights, customers = (20, 1_000) if options.quick else (200, 4_000)
    tables = shop(customers, 100 + nights + 30)
    found, tests = ours(tables, nights)
    alarms, loud = sum(map(len, found)), sum(map(bool, found))
    theirs = [peer(tables, night) for night in range(nights)]
    low, high = (float(bound) for bound in wilson(loud, nights))
    yield Row(
        f"alerts in {nights} quiet nights ({tests} tests a night)",
        "alerts",
        alarms,
        "limit",
        MOST,
        MOST / max(alarms, 1),
        target=None if options.quick else 1.0,
        note=f"nights with one {loud / nights:.1%} [{low:.1%}, {high:.1%}]",
    )
    yield Row(
        "the same",
        "alerts",
        alarms,
        "a test a column",
        sum(map(len, theirs)),
        sum(map(len, theirs)) / max(alarms, 1),
        note=f"nights with one {np.mean([bool(t) for t in theirs]):.1%}",
    )
    day = last_day(int(AS_OF.timestamp()), tables["order"].to_batches(), tables["product"].to_batches())
    quiet = {f"{f.name} {f.what}" for f in found[0]}
    ours_found, theirs_found, words = 0, 0, []
    for change in CHANGES:
        broken = {n: pa.Table.from_batches(changed(change, n, rows.to_batches(), day)) for n, rows in tables.items()}
        findings = [f for f in ours(broken, 1)[0][0] if f"{f.name} {f.what}" not in quiet]
        findings += drift.alarms(states(tables, broken))
        names = set(peer(broken, 0)) - set(theirs[0])
        ours_found, theirs_found = ours_found + bool(findings), theirs_found + bool(names)
        words.append(f"{change}: {findings[0].name if findings else 'not found'}")
    yield Row(
        "planted faults found in their night",
        f"of {len(CHANGES)}",
        ours_found,
        "a test a column",
        theirs_found,
        ours_found / len(CHANGES),
        target=None if options.quick else 1.0,
        note="; ".join(words),
    )

"""A demo shop for the watch over the data, and the peer: one test a column, uncorrected, as drift reports do it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import stats

from ml.contract.tables import TABLES
from ml.core.units import DAY_S
from ml.learn import drift
from ml.pipeline.input_series import READ, series
from ml.pipeline.state_profile import STATES, compared, profile
from ml.shop.sources import demo

AS_OF = datetime.combine(demo.END, datetime.min.time(), UTC)
LEVEL = 0.05
"""Where the usual drift report calls a column drifted."""
ROWS = 2_000
PEER_DAYS = 28

Shop = Mapping[str, pa.Table]


def shop(customers: int, days: int) -> dict[str, pa.Table]:
    """A shop without planted faults."""
    generated = demo.tables(customers=customers, days=days, faults=0)
    return {name: pa.Table.from_batches(rows) for name, rows in generated if name in TABLES}


def ours(tables: Shop, nights: int) -> tuple[list[list[drift.Finding]], int]:
    """Our alarms of each of the last nights, the latest first, and the tests of a night."""
    backend = ibis.duckdb.connect(threads=2)
    backend.raw_sql("SET TimeZone = 'UTC'")
    watched = list(
        series({name: backend.create_table(name, rows) for name, rows in tables.items()}, AS_OF, days=READ + nights)
    )
    found, tests = [], 0
    for night in range(nights):
        findings = [drift.compare(one.since(night)) for one in watched]
        findings += [drift.compare(one.since(night).weekly(), weekly=True) for one in watched]
        real = [f for f in findings if f is not None]
        tests = max(tests, len(real))
        found.append(drift.alarms(real))
    return found, tests


def states(before: Shop, now: Shop) -> list[drift.Finding]:
    """The tests of the tables that say how the shop is now."""
    return [
        f
        for name in STATES
        for f in compared(name, *(profile(TABLES[name], ibis.memtable(side[name])) for side in (before, now)))
    ]


def peer(tables: Shop, night: int) -> list[str]:
    """Columns whose rows of a day differ from those of four weeks before by Kolmogorov-Smirnov or χ² at 5 %, uncorrected."""
    return [name for name, today, before in _samples(tables, night) if _p(today, before) < LEVEL]


def _samples(tables: Shop, night: int) -> Iterator[tuple[str, pa.Array, pa.Array]]:
    end = int(AS_OF.timestamp()) - night * DAY_S
    rng = np.random.default_rng(night)
    for name, rows in tables.items():
        contract = TABLES[name]
        if not contract.event_time:
            continue
        at = rows[contract.event_time].cast(pa.int64()).to_numpy() // 1_000_000
        today = np.flatnonzero((at >= end - DAY_S) & (at < end))
        before = np.flatnonzero((at >= end - (PEER_DAYS + 1) * DAY_S) & (at < end - DAY_S))
        if len(today) < 5 or len(before) < 50:
            continue
        if len(before) > ROWS:
            before = rng.choice(before, ROWS, replace=False)
        for column in contract.columns:
            if (
                column.name in rows.column_names
                and column.name not in contract.key
                and column.kind in ("number", "integer", "text")
            ):
                values = rows[column.name]
                yield f"{name}.{column.name}", values.take(pa.array(today)), values.take(pa.array(before))


def _p(today: pa.Array, before: pa.Array) -> float:
    if not pa.types.is_string(today.type):
        a, b = (values.drop_null().cast(pa.float64()).to_numpy() for values in (today, before))
        return float(stats.ks_2samp(a, b).pvalue) if min(len(a), len(b)) > 4 else 1.0
    counts: dict[str | None, list[int]] = {}
    for side, values in enumerate((today, before)):
        for row in pc.value_counts(values).to_pylist():
            counts.setdefault(row["values"], [0, 0])[side] = row["counts"]
    if not 1 < len(counts) <= 60:
        return 1.0
    return float(stats.chi2_contingency(np.array(list(counts.values())).T + 0.5).pvalue)

"""Each planted fault of the shop's data is found in its night, by name and with its number; a quiet night is quiet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache

import ibis
import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from ml.contract.tables import TABLES
from ml.learn import drift
from ml.learn.drift import Finding, Series
from ml.pipeline import drift as pipeline_drift
from ml.pipeline.input_series import series
from ml.pipeline.state_profile import STATES, compared, profile
from ml.shop.sources import demo
from ml.shop.sources.demo.changes import CHANGES, Day, changed, last_day

AS_OF = datetime.combine(demo.END, datetime.min.time(), UTC)


@cache
def shop() -> dict[str, pa.Table]:
    """A demo shop without faults."""
    generated = demo.tables(customers=4000, days=130, faults=0)
    return {name: pa.Table.from_batches(rows) for name, rows in generated if name in TABLES}


@cache
def day() -> Day:
    """Its last day."""
    return last_day(int(AS_OF.timestamp()), shop()["order"].to_batches(), shop()["product"].to_batches())


def findings(tables: dict[str, pa.Table], only: frozenset[str]) -> Iterator[Finding]:
    """The tests of some tables, as a night makes them; each needs the tables that date it."""
    backend = ibis.duckdb.connect(threads=1)
    backend.raw_sql("SET TimeZone = 'UTC'")
    loaded = {name: backend.create_table(name, rows) for name, rows in tables.items() if name in only | {"order"}}
    for one in series(loaded, AS_OF):
        if one.name.partition(".")[0] in only:
            yield from filter(None, (drift.compare(one), drift.compare(one.weekly(), weekly=True)))
    for name in STATES:
        if name in only:
            before = profile(TABLES[name], ibis.memtable(shop()[name]))
            yield from compared(name, before, profile(TABLES[name], loaded[name]))
    backend.disconnect()


@cache
def usual() -> tuple[Finding, ...]:
    """The tests of a quiet night."""
    return tuple(findings(shop(), frozenset(shop())))


PLANTED = {
    "prices": [
        ("product.price", "level, beside the night before"),
        ("order_item.unit_price", "level"),
        ("order.total", "level"),
    ],
    "category": [("product.category", "beside the night before")],
    "currency": [("order.currency", "share with a new value")],
    "events stop": [("event", "rows")],
    "events double": [("event", "share that repeats another row")],
    "ids": [("order.order_id", "share with a new form"), ("order_item.order_id", "share with a new form")],
    "language": [("review.text", "share in language 'fr'")],
    "ring": [("order.device_id", "rows that share one value"), ("order.shipping_address", "rows that share one value")],
    "outcomes stop": [("order_outcome", "rows")],
}


def test_every_change_is_looked_for() -> None:
    """There is no planted change without a test of its finding."""
    assert set(PLANTED) == set(CHANGES)


@pytest.mark.parametrize("change", PLANTED)
def test_a_planted_fault_is_found_by_name_and_number(change: str) -> None:
    """The night after it, the column that was changed is named with its figure beside the usual one."""
    touched = frozenset(CHANGES[change]) - {"*"} or frozenset({"order", "order_item"})
    tables = {n: pa.Table.from_batches(changed(change, n, rows.to_batches(), day())) for n, rows in shop().items()}
    others = [f for f in usual() if f.name.partition(".")[0] not in touched]
    found = drift.alarms([*others, *findings(tables, touched)])
    for name, what in PLANTED[change]:
        assert [f for f in found if f.name == name and what in f.what], (name, found)
    assert {f.name.partition(".")[0] for f in found} <= touched
    worst = found[0]
    (alert,) = pipeline_drift.input_alerts([worst])
    assert f"shop.{worst.name}" in alert.words
    assert f"{worst.value:.4g}, usual {worst.expected:.4g}" in alert.words or "stopped" in alert.words


def test_the_numbers_are_those_that_were_planted() -> None:
    """A hundredfold price is told as a hundredfold price, a lost table as 0 rows, a doubled one as twice the usual."""
    tables = {n: pa.Table.from_batches(changed("prices", n, r.to_batches(), day())) for n, r in shop().items()}
    (price,) = [
        f
        for f in findings(tables, frozenset({"product"}))
        if f[:2] == ("product.price", "level, beside the night before")
    ]
    assert price.value / price.expected == pytest.approx(100, rel=0.1)
    for change, times in (("events stop", 0.0), ("events double", 2.0)):
        events = {"event": pa.Table.from_batches(changed(change, "event", shop()["event"].to_batches(), day()))}
        (rows,) = [f for f in findings(events, frozenset({"event"})) if (f.name, f.what) == ("event", "rows")]
        before = next(f for f in usual() if (f.name, f.what) == ("event", "rows"))
        assert rows.value == pytest.approx(times * before.value)


def test_a_quiet_night_is_quiet() -> None:
    """Of some hundred tests none stands after the correction."""
    assert len(usual()) > 200
    assert drift.alarms(list(usual())) == []


def test_false_alarms_of_pure_chance() -> None:
    """Of 150 nights of 40 Poisson tables with weekends at most 2 % have an alarm: 1 % is aimed at."""
    rng, nights, tables = np.random.default_rng(7), 150, 40
    mean = np.where(np.arange(57) % 7 < 5, 40.0, 25.0)
    loud = 0
    for _ in range(nights):
        k = rng.poisson(mean, (tables, 57)).astype(float)
        tests = [drift.compare(Series(f"t{i}", "rows", "count", row, row, row * 0)) for i, row in enumerate(k)]
        loud += bool(drift.alarms([f for f in tests if f]))
    assert loud <= 0.02 * nights


def test_the_correction_is_scipys() -> None:
    """An alarm is what scipy's Benjamini-Hochberg keeps, if it matters."""
    ps = [1e-9, 0.004, 0.03, 0.5]
    findings = [Finding(f"c{i}", "rows", 2, 1, 0, 2, p, matters=i != 1, n=9) for i, p in enumerate(ps)]
    kept = stats.false_discovery_control(ps) <= drift.RATE
    assert [f.name for f in drift.alarms(findings)] == [f"c{i}" for i in range(4) if kept[i] and i != 1] == ["c0"]


def test_a_column_keeps_its_bins() -> None:
    """A column is compared in the bins of its first night; a running number has none."""
    rng = np.random.default_rng(7)
    first = pa.chunked_array([pa.array(rng.normal(size=5000))])
    bins = pipeline_drift.binned(first)
    assert bins is not None
    same, moved = (pipeline_drift.counted(pa.chunked_array([pa.array(rng.normal(m, 1, 5000))]), bins) for m in (0, 1))
    before = np.array(bins["counts"])
    assert drift.psi(before, same) < 0.02
    assert drift.psi(before, moved) > pipeline_drift.PSI
    assert pipeline_drift.binned(pa.chunked_array([pa.array(range(5000))])) is None
    words = pipeline_drift.binned(pa.chunked_array([pa.array(["a", "b", None, "a"] * 100)]))
    assert words == {"values": ["a", "b"], "counts": [200.0, 100.0, 0.0, 100.0]}


def test_whole_numbers_beyond_a_float_are_counted() -> None:
    """A keyed hash as a number is no fault of the night."""
    column = pa.chunked_array([pa.array([2_690_688_207_186_979_586 + i % 3 for i in range(500)], pa.int64())])
    found = pipeline_drift.binned(column)
    assert found is not None
    assert sum(found["counts"]) == 500

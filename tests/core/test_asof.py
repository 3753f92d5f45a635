"""The as-of join: the last that was known, never what was not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb
import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.core.asof import as_of_join, known

START = datetime(2025, 1, 1, tzinfo=UTC)
MOMENT = pa.timestamp("us", "UTC")
HOURS = st.one_of(st.none(), st.integers(0, 12))
KEYS = st.sampled_from(["a", "b", None])


@pytest.fixture(scope="module")
def backend():
    """One DuckDB for the module."""
    return ibis.duckdb.connect()


def _at(hours: list[int | None]) -> pa.Array:
    return pa.array([None if h is None else START + timedelta(hours=h) for h in hours], MOMENT)


def _left(rows: list[tuple[str | None, int | None]]) -> pa.Table:
    keys, times = zip(*rows, strict=True) if rows else ((), ())
    return pa.table({"n": pa.array(range(len(rows)), pa.int64()), "k": pa.array(keys, pa.string()), "t": _at(times)})


def _right(rows: list[tuple[str | None, int | None, int | None]]) -> pa.Table:
    keys, events, knowns = zip(*rows, strict=True) if rows else ((), (), ())
    values = pa.array(range(len(rows)), pa.int64())
    return pa.table({"k": pa.array(keys, pa.string()), "e": _at(events), "w": _at(knowns), "v": values})


def _join(backend, left: pa.Table, right: pa.Table, known_time: str | None = "w") -> dict[int, int | None]:
    joined = as_of_join(
        ibis.memtable(left),
        ibis.memtable(right),
        by=["k"],
        at="t",
        event_time="e",
        known_time=known_time,
        columns=["v"],
    )
    result = backend.to_pyarrow(joined)
    assert result.column_names == ["n", "k", "t", "v"]
    assert len(result) == len(left)
    return dict(zip(result["n"].to_pylist(), result["v"].to_pylist(), strict=True))


def _naive(left: pa.Table, right: pa.Table) -> dict[int, int | None]:
    found = {}
    for row in left.to_pylist():
        usable = [
            (r["e"], max(r["e"], r["w"] or r["e"]), r["v"])
            for r in right.to_pylist()
            if None not in (row["k"], row["t"], r["e"])
            and r["k"] == row["k"]
            and r["e"] < row["t"]
            and (r["w"] or r["e"]) < row["t"]
        ]
        found[row["n"]] = max(usable)[2] if usable else None
    return found


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(KEYS, HOURS), max_size=12), st.lists(st.tuples(KEYS, HOURS, HOURS), max_size=15))
def test_equals_a_naive_loop(backend, left: list, right: list) -> None:
    """On any rows, with nulls, ties and late arrivals, the join is the loop over all pairs."""
    lefts, rights = _left(left), _right(right)
    assert _join(backend, lefts, rights) == _naive(lefts, rights)


def test_equals_duckdb_where_all_is_known_at_once(backend) -> None:
    """Without a known time the join is DuckDB's own ASOF JOIN."""
    lefts = _left([(k, h) for k in "ab" for h in range(12)])
    rights = _right([("a", 2, None), ("a", 5, None), ("b", 3, None), ("b", 4, None)])
    with duckdb.connect() as connection:
        connection.register("lefts", lefts)
        connection.register("rights", rights)
        rows = connection.sql("SELECT n, v FROM lefts l ASOF LEFT JOIN rights r ON l.k = r.k AND l.t > r.e").fetchall()
    assert _join(backend, lefts, rights, known_time=None) == dict(rows)


def test_late_rows_do_not_leak(backend) -> None:
    """A count at hour 2 that was written at hour 9 is not seen at hour 5; a younger one hides it afterwards."""
    rights = _right([("a", 1, None), ("a", 2, 9), ("a", 4, 6)])
    assert _join(backend, _left([("a", 5), ("a", 7), ("a", 10)]), rights) == {0: 0, 1: 2, 2: 2}


def test_the_same_instant_is_not_before(backend) -> None:
    """What happens or becomes known at t is not known at t."""
    rights = _right([("a", 5, None), ("a", 3, 5)])
    assert _join(backend, _left([("a", 5)]), rights) == {0: None}


def test_known_keeps_what_was_known(backend) -> None:
    """Rows that happened or were written at or after the instant are dropped; null event times stay."""
    rights = ibis.memtable(_right([("a", 1, None), ("a", 1, 5), ("a", 5, None), ("a", None, None), ("a", 4, 3)]))
    result = backend.to_pyarrow(known(rights, START + timedelta(hours=5), "e", "w"))
    assert sorted(result["v"].to_pylist()) == [0, 3, 4]

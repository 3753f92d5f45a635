"""The kernels behind an order's past, beside plain SQL and the obvious loops."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.capabilities.risk.columns import DISTINCT, ENTITIES, FRAUD_WINDOWS, PLURALS, WINDOWS
from ml.capabilities.risk.history import UNITS, coded, history
from ml.kernels import windows
from ml.kernels.components import components, components_reference
from ml.kernels.threads import limited

N = 500


def _log(rows: int = N, seed: int = 7) -> pa.Table:
    """Orders within five months that share few of each entity; some have none, some are written late, some are frauds."""
    rng = np.random.default_rng(seed)
    at = rng.integers(0, 150 * 86_400, rows)
    at[1::9] = at[0::9][: len(at[1::9])] + rng.integers(0, 3, len(at[1::9]))
    since = at + np.where(rng.random(rows) < 0.1, rng.integers(0, 20 * 86_400, rows), 0)
    entities = {
        name: pa.array(rng.integers(1, 9 + 4 * i, rows), mask=rng.random(rows) < 0.1)
        for i, name in enumerate((*ENTITIES, "category"))
    }
    fraud_at = at + rng.integers(0, 40 * 86_400, rows)
    bad, won = rng.random(rows) < 0.15, rng.random(rows) < 0.3
    return pa.table(
        {
            "order_no": pa.array(rng.permutation(rows).astype(np.int32)),
            "at": at,
            "since": since,
            "fraud_at": pa.array(fraud_at, mask=~bad),
            "won_at": pa.array(fraud_at + rng.integers(1, 30 * 86_400, rows), mask=~(bad & won)),
            "card_listed": entities["card"],
            "value": rng.integers(0, 9 * UNITS, rows),
            **entities,
        }
    )


@pytest.mark.parametrize("entity", ENTITIES)
def test_windows_are_those_of_a_range_join_in_sql(entity: str) -> None:
    """Counts, different others, frauds, first and last order of each entity, for every order and every window."""
    log = _log()  # DuckDB finds it by its name
    windows = history(coded(log)).sort_by("order_no")
    counts = [f"count(e.at) FILTER (e.since >= o.at - {s}) AS {entity}_orders_{w}" for w, s in WINDOWS.items()] + [
        f"count(DISTINCT e.{other}) FILTER (e.since >= o.at - {s}) AS {entity}_{PLURALS[other]}_{w}"
        for other in DISTINCT.get(entity, ())
        for w, s in WINDOWS.items()
    ]
    was_bad = f"""FROM log f WHERE f.{entity} = o.{entity} AND greatest(f.fraud_at, f.since) < o.at
                AND f.fraud_at IS NOT NULL AND (f.won_at IS NULL OR greatest(f.won_at, f.since) >= o.at)"""
    for w, s in FRAUD_WINDOWS.items():
        lately = f"(SELECT count(*) {was_bad} AND greatest(f.fraud_at, f.since) >= o.at - {s})"
        of = f"greatest({lately}, count(e.at) FILTER (e.since >= o.at - {s}))"
        counts += [f"{lately} AS {entity}_frauds_{w}", f"{lately} / nullif({of}, 0) AS {entity}_fraud_share_{w}"]
    query = f"""
        SELECT o.order_no, {", ".join(counts)}, count(e.at) AS {entity}_orders,
               (SELECT count(*) {was_bad}) AS {entity}_frauds,
               (o.at - min(e.since)) / 86400 AS {entity}_days, (o.at - max(e.since)) / 3600 AS {entity}_hours
        FROM log o LEFT JOIN log e ON e.{entity} = o.{entity} AND e.since < o.at
        WHERE o.{entity} IS NOT NULL GROUP BY o.order_no, o.at, o.{entity} ORDER BY o.order_no"""
    expected = duckdb.sql(query).to_arrow_table()
    present = windows.filter(windows[f"{entity}_orders"].is_valid())
    assert present["order_no"].to_pylist() == expected["order_no"].to_pylist()
    for name in expected.column_names[1:]:
        ours, theirs = (
            pa.array(t[name]).cast(pa.float64()).to_numpy(zero_copy_only=False) for t in (present, expected)
        )
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, err_msg=name)
    nothing = windows.filter(windows[f"{entity}_orders"].is_null())
    assert nothing[f"{entity}_orders_90d"].null_count == len(nothing) > 0


def test_the_usual_value_is_that_of_earlier_orders() -> None:
    """Of three orders of one customer the last is held against the mean of the first two."""
    log = _log(3).slice(0, 3)
    same = {
        "customer": [5, 5, 5],
        "at": [10, 20, 30],
        "since": [10, 20, 30],
        "order_no": pa.array([0, 1, 2], pa.int32()),
        "value": [UNITS, 3 * UNITS, 5 * UNITS],
    }
    for name, values in same.items():
        log = log.set_column(log.column_names.index(name), name, pa.array(values))
    assert history(coded(log))["customer_value"].to_pylist() == [None, 2, 3]


def test_threads_and_row_order_change_nothing() -> None:
    """One thread or three, rows in any order, texts or numbers for entities: the same table."""
    log = _log()
    mixed = log.take(pa.array(np.random.default_rng(1).permutation(N)))
    texts = pa.table(
        {name: log[name].cast(pa.string()) if name in ENTITIES else log[name] for name in log.column_names}
    )
    expected = history(coded(log)).sort_by("order_no")
    for n, rows in ((1, mixed), (3, log), (2, texts)):
        with limited(n):
            assert history(coded(rows)).sort_by("order_no") == expected


@given(
    st.lists(
        st.tuples(*[st.integers(-1, 4)] * 3, st.integers(0, 9), *[st.integers(0, 4)], *[st.integers(-9, 9)] * 2),
        max_size=14,
    )
)
@settings(deadline=None)
def test_components_are_those_of_the_obvious_search(drawn: list[tuple[int, ...]]) -> None:
    """Whatever is shared, written late, known to be a fraud, or a dispute that was won later."""
    rows = np.array(drawn, np.int64).reshape(len(drawn), 7)
    offset = np.array([0, 5, 10])
    links = np.where(rows[:, :3] < 0, -1, rows[:, :3] + offset).astype(np.int32)
    at, since = rows[:, 3], rows[:, 3] + rows[:, 4]
    bad = np.flatnonzero(rows[:, 5] >= 0)
    won = bad[rows[bad, 6] > 0]
    news = np.concatenate([bad, won]).astype(np.int32)
    news_at = np.concatenate([since[bad] + rows[bad, 5], since[won] + rows[won, 5] + rows[won, 6]])
    step, order = np.repeat(np.array([1, -1], np.int32), [len(bad), len(won)]), np.argsort(news_at, kind="stable")
    bad, bad_at, step = news[order], news_at[order], step[order]
    by_at, by_since = (np.argsort(t, kind="stable").astype(np.int32) for t in (at, since))
    found = components(links, 15, at, since, by_at, by_since, (bad, bad_at, step))
    assert found.tolist() == components_reference(links, at, since, (bad, bad_at, step)).tolist()


@given(st.lists(st.integers(-3, 3) | st.integers(-(2**63), 2**63 - 1), max_size=50))
def test_codes_number_the_different_keys(keys: list[int]) -> None:
    """Equal keys, and only these, have the same number; numbers count from 0; key 0 has none."""
    code, n = windows.codes(np.array(keys, np.int64))
    seen = {key: number for key, number in zip(keys, code.tolist(), strict=True) if key}
    assert [seen.get(key, -1) for key in keys] == code.tolist()
    assert sorted(seen.values()) == list(range(n))


def test_a_count_ends_at_the_largest_that_fits() -> None:
    """A device with more orders in an hour than an int16 holds has the most that it holds."""
    n = windows.MOST + 10
    t, rows = np.zeros(n, np.int64), np.arange(n, dtype=np.int32)
    t[-1] = 1
    groups = windows.group(np.zeros(n, np.int32), 1, rows, rows)
    placed, seen = windows.orders(groups, t, t, np.array([3600]))
    assert (int(placed[-1, 0]), int(seen[-1, 0]), int(placed[0, 0])) == (windows.MOST, n - 1, 0)

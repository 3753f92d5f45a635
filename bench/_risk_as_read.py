"""What ``ml.order_risk`` says of open orders: BNP's real baskets cut to a short history, and a simulated card network."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bench import Options, Row
from bench import _bnp as source
from bench._as_read import database, night, select, whole
from ml.learn.metrics import binary

Floats = npt.NDArray[np.float64]

HISTORIES = (60, 99, 150)
PACE = 500
"""Baskets a day."""
OPEN_DAYS = 30
END = date(2022, 6, 1)
SEED, RESAMPLES = 7, 500
ALONE = "logistic regression on the same open orders"


def run(options: Options) -> Iterator[Row]:
    """PR-AUC of the published probabilities of the open orders for each length of history, beside the baseline's."""
    if options.data is None:
        raise SystemExit("bench risk --as-read needs --data FOLDER with baskets.parquet and products.parquet")
    with source.database(options.data) as db:
        tables = source.tables(db)
    pace = PACE // 5 if options.quick else PACE
    for days in HISTORIES:
        shop, bad = cut(tables, days, pace)
        with database() as settings:
            why = night(settings, shop, END, "risk")
            rows = select(settings, "SELECT order_id, probability, decision FROM ml.order_risk ORDER BY order_id")
        label = np.array([bad[row["order_id"]] for row in rows], np.int8)
        published = np.array([np.nan if row["probability"] is None else row["probability"] for row in rows], np.float64)
        alone = _baseline(shop, [row["order_id"] for row in rows])
        what = f"{days} days of history, {len(rows):,} open orders, {int(label.sum())} frauds"
        yield _row(what, label, published, alone, why)


def cut(tables: dict[str, pa.Table], days: int, pace: int) -> tuple[dict[str, pa.Table], dict[str, int]]:
    """The last baskets as a shop that is ``days`` old, each outcome known with a delay; and what all turn out."""
    n = min(days * pace, len(tables["order"]))
    order = tables["order"].sort_by([("ordered_at", "ascending")])
    order = order.slice(len(order) - n)
    ids = order["order_id"]
    rng = np.random.default_rng(SEED)
    kind = tables["order_outcome"]
    at = dict(zip(kind["order_id"].to_pylist(), kind["kind"].to_pylist(), strict=True))
    bad = np.array([at[i] == "fraud" for i in ids.to_pylist()])
    age = days * (1 - np.arange(n) / n)
    delay = np.where(bad, np.clip(rng.lognormal(np.log(25), 0.6, n), 3, 120), rng.uniform(30, 44, n))
    known = delay < age
    end = np.datetime64(END, "us")
    moments = end - (age * 86_400e6).astype("timedelta64[us]")
    outcome = pa.table(
        {
            "order_id": ids.filter(pa.array(known)),
            "kind": np.where(bad, "fraud", "ok")[known],
            "known_at": pa.array(
                (moments + (delay * 86_400e6).astype("timedelta64[us]"))[known], pa.timestamp("us", "UTC")
            ),
        }
    )
    placed = order.set_column(
        order.column_names.index("ordered_at"), "ordered_at", pa.array(moments, pa.timestamp("us", "UTC"))
    )
    who = placed.column_names.index("customer_id")  # the publisher names none: each basket is somebody's first
    placed = placed.set_column(who, "customer_id", pc.binary_join_element_wise("c", ids, ""))
    status = np.where(age < OPEN_DAYS, "paid", "delivered")
    placed = placed.set_column(placed.column_names.index("status"), "status", pa.array(status))
    wanted = pa.table({"order_id": ids})
    lines = tables["order_item"].join(wanted, "order_id", join_type="inner")
    shop = {
        "customer": pa.table({"customer_id": pc.binary_join_element_wise("c", ids, "")}),
        "product": tables["product"],
        "order": placed,
        "order_item": lines,
        "order_outcome": outcome,
    }
    return shop, dict(zip(ids.to_pylist(), bad.astype(int).tolist(), strict=True))


def _baseline(shop: dict[str, pa.Table], ids: list[str]) -> Floats:
    """The gate's baseline in memory, on the orders that were read."""
    from datetime import UTC, datetime

    import ibis

    from ml.capabilities.risk import features
    from ml.capabilities.risk.model import fit_baseline
    from ml.capabilities.risk.spec import SPEC

    as_of = datetime.combine(END, datetime.min.time(), UTC)
    built = features.build(
        {name: ibis.memtable(whole(name, table)) for name, table in shop.items()}, as_of, SPEC.params
    )
    order = ibis.duckdb.connect().to_pyarrow(built["order"])
    model = fit_baseline({"order": order}, SPEC.params, SEED)
    place = pc.index_in(pa.array(ids), order["order_id"].combine_chunks())
    return model.predict(order.take(place))


def _row(what: str, label: binary.Labels, ours: Floats, theirs: Floats, why: str) -> Row:
    own, peer = binary.average_precision(label, np.nan_to_num(ours)), binary.average_precision(label, theirs)
    rng, gaps = np.random.default_rng(SEED), np.empty(RESAMPLES)
    for i in range(RESAMPLES):
        drawn = rng.integers(0, len(label), len(label))
        gaps[i] = binary.average_precision(label[drawn], np.nan_to_num(ours)[drawn]) - binary.average_precision(
            label[drawn], theirs[drawn]
        )
    low, high = np.quantile(gaps, [0.025, 0.975])
    note = f"difference {own - peer:+.3f} [{low:+.3f}, {high:+.3f}]; {why}"
    return Row(f"{what}: published PR-AUC", "share", own, ALONE, peer, own / max(peer, 1e-9), 1.0, note=note)

"""Days to delivery on Olist's real orders, beside the shop's own promise, the route's latest and a plain LightGBM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bench import Options, Row
from ml.capabilities.delivery import features
from ml.capabilities.delivery.columns import matrix
from ml.capabilities.delivery.model import LEVELS, Delivery, late_chance
from ml.capabilities.delivery.spec import SPEC
from ml.contract.tables import TABLES
from ml.core.batches import ARROW
from ml.core.capability import Known
from ml.learn.metrics.binary import average_precision
from ml.shop.sources import olist

SEED, RESAMPLES = 7, 1000
CUTOFF, END = datetime(2018, 4, 1, tzinfo=UTC), datetime(2018, 10, 20, tzinfo=UTC)
PARAMS = replace(SPEC.params, history_days=2000)
Floats = npt.NDArray[np.float64]


def run(options: Options) -> Iterator[Row]:
    """Learn on what was delivered before April 2018, judge the orders placed after; no random sample, so no rates."""
    if options.data is None:
        raise SystemExit("bench delivery needs --data FOLDER with olist")
    read = olist.tables(options.data / "olist" / "subset_8135_orders")
    tables = {name: _whole(name, pa.Table.from_batches(b)) for name, b in read if name in ("order", "shipment")}
    shop, db = {name: ibis.memtable(table) for name, table in tables.items()}, ibis.duckdb.connect()
    known = Known({n: db.to_pyarrow(t) for n, t in features.build(shop, CUTOFF, PARAMS).items()})
    test = db.to_pyarrow(features.truth(shop, CUTOFF, END, PARAMS)).sort_by(
        [("at", "ascending"), ("order_id", "ascending")]
    )
    test = test.combine_chunks()
    past = pa.concat_tables([known["past"].select(test.column_names), test])
    took = test["took_days"].to_numpy().astype(np.float64)
    promise = np.asarray(test["promise_days"].to_numpy(zero_copy_only=False), np.float64)
    models = {
        name: Delivery(PARAMS, SEED, learning=name == "ours").fit(known) for name in ("ours", "latest of the route")
    }
    made = {who: model.days(test, past) for who, model in models.items()}
    chance = {who: model.late(test, past) for who, model in models.items()}
    chance["quantiles of the trees"] = late_chance(made["ours"], promise)
    middle = {who: days[:, LEVELS.index(0.5)] for who, days in made.items()}
    middle |= {"the shop's promise": np.where(np.isfinite(promise), promise, np.nanmedian(promise))}
    middle |= {"plain LightGBM": _plain(known["past"], test)}
    yield from _rows(took, promise, middle, made["ours"], chance)


def _rows(
    took: Floats, promise: Floats, middle: dict[str, Floats], days: Floats, chance: dict[str, Floats]
) -> Iterator[Row]:
    what, rng = f"Olist, {len(took):,} orders", np.random.default_rng(SEED)
    errors = {who: np.abs(took - days) for who, days in middle.items()}
    ours = float(errors["ours"].mean())
    for who in (name for name in errors if name != "ours"):
        gain = errors[who] - errors["ours"]
        draws = [float(gain[rng.integers(0, len(gain), len(gain))].mean()) for _ in range(RESAMPLES)]
        lower, upper = np.quantile(draws, [0.025, 0.975])
        theirs = float(errors[who].mean())
        yield Row(
            f"{what}: absolute error",
            "days",
            ours,
            who,
            theirs,
            theirs / ours,
            1.0,
            note=f"paired gain {gain.mean():+.3f} [{lower:+.3f}, {upper:+.3f}]",
        )
    told = np.isfinite(promise)
    late = (took > promise)[told].astype(np.int8)
    score = {who: each[told] for who, each in chance.items()}
    mine = average_precision(late, score["ours"])
    for who in (name for name in score if name != "ours"):
        gains = []
        for _ in range(RESAMPLES):
            pick = rng.integers(0, len(late), len(late))
            gains.append(
                average_precision(late[pick], score["ours"][pick]) - average_precision(late[pick], score[who][pick])
            )
        lower, upper = np.quantile(gains, [0.025, 0.975])
        theirs = average_precision(late, score[who])
        note = f"paired gain {mine - theirs:+.3f} [{lower:+.3f}, {upper:+.3f}]"
        yield Row(f"{what}: late, average precision", "PR-AUC", mine, who, theirs, mine / theirs, 1.0, note=note)
    low, high = (days[:, LEVELS.index(level)] for level in (0.1, 0.9))
    inside = float(((took >= low) & (took <= high)).mean())
    yield Row(f"{what}: coverage of the 80 % interval", "share", inside, "stated", 0.8, 1 - abs(inside - 0.8), 0.98)


def _plain(past: pa.Table, test: pa.Table) -> Floats:
    """LightGBM of the median on the order's own columns and its destination as a category."""
    from lightgbm import Dataset, train

    places, code = np.unique(
        np.asarray([*past["destination"].to_pylist(), *test["destination"].to_pylist()]), return_inverse=True
    )
    x = np.concatenate([matrix(past, past.slice(0, 0)), matrix(test, past.slice(0, 0))])
    x = np.column_stack([x, code]).astype(np.float32)
    chosen = {
        "objective": "l1",
        "learning_rate": 0.05,
        "num_leaves": 31,
        "verbosity": -1,
        "seed": SEED,
        "num_threads": 1,
    }
    data = Dataset(x[: len(past)], past["took_days"].to_numpy(), categorical_feature=[x.shape[1] - 1])
    assert len(places)
    return np.asarray(train(chosen, data, 150).predict(x[len(past) :]), np.float64)


def _whole(name: str, table: pa.Table) -> pa.Table:
    columns = TABLES[name].columns
    return pa.table(
        {
            c.name: table[c.name].cast(ARROW[c.kind])
            if c.name in table.column_names
            else pa.nulls(len(table), ARROW[c.kind])
            for c in columns
        }
    )

"""The tables that are published: each product's days and weeks, what was far off, and the sums."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.demand import reasons
from ml.capabilities.demand.alerts import alerts
from ml.capabilities.demand.model import AHEAD, Demand
from ml.capabilities.demand.spec import (
    DAYS,
    DEMAND_ALERT,
    DEMAND_FORECAST,
    DEMAND_TOTAL,
    QUANTILES,
    WEEKS,
    Params,
)
from ml.core.batches import Columns, batches
from ml.core.capability import Rows
from ml.core.units import DAY_S
from ml.learn.series.columns import Past
from ml.learn.series.forecaster import Forecast
from ml.learn.series.sales import Shelf, shelf
from ml.learn.series.spans import kinds

BLOCK = 2_000
Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
_PERIODS = DAYS + WEEKS


def units(features: Rows) -> int:
    """How many products are forecast: those that are for sale."""
    return int(pc.sum(features["product"]["active"]).as_py() or 0)


def expected(features: Rows) -> dict[str, int]:
    """How many different first keys should be in each table; 0: any number may be right."""
    return {DEMAND_FORECAST.name: units(features), DEMAND_ALERT.name: 0, DEMAND_TOTAL.name: 0}


def score(
    model: Demand, features: Rows, shard: int, shards: int, params: Params
) -> dict[str, Iterator[pa.RecordBatch]]:
    """Make the rows of products ``[n shard / shards, n (shard + 1) / shards)`` of those that are for sale."""
    n = units(features)
    shop = shelf(features, params.history_days, AHEAD)
    mine = np.flatnonzero(shop.product["active"].to_numpy(zero_copy_only=False).astype(bool))
    mine = mine[n * shard // shards : n * (shard + 1) // shards]
    night = int(features["moment"]["as_of"][0].as_py()) if n else 0
    blocks = [mine[at : at + BLOCK] for at in range(0, len(mine), BLOCK)]
    return {
        DEMAND_FORECAST.name: batches(DEMAND_FORECAST, (_forecasts(model, shop, rows, night) for rows in blocks)),
        DEMAND_ALERT.name: batches(DEMAND_ALERT, (alerts(model, shop, rows, params) for rows in blocks)),
    }


def score_all(model: Demand, features: Rows, rows: Rows, params: Params) -> dict[str, Iterator[pa.RecordBatch]]:  # noqa: ARG001
    """Make the forecasts of categories and of the shop from the rows of all products."""
    told = rows[DEMAND_FORECAST.name].select(["product_id", "period", "starts_on", "mean"])
    category = features["product"].select(["product_id", "category"])
    told = told.join(category, "product_id", join_type="left outer")
    # A join gives its rows in any order, and sums of floats depend on it.
    told = told.sort_by([(name, "ascending") for name in ("product_id", "period", "starts_on")])
    named = told.append_column("name", pc.fill_null(told["category"], ""))
    whole = told.append_column("name", pa.array(["shop"] * len(told), pa.string()))
    night = int(features["moment"]["as_of"][0].as_py()) if len(features["moment"]) else 0
    made = [_totals(model, table, scope, night) for table, scope in ((named, "category"), (whole, "shop"))]
    return {DEMAND_TOTAL.name: batches(DEMAND_TOTAL, made if len(told) else [])}


def _forecasts(model: Demand, shop: Shelf, rows: Longs, night: int) -> Columns:
    """Days and weeks of some products; the days of a week sum up to it."""
    panel, forecaster = shop.panel.rows(rows), model.forecaster_
    past, spans = Past(panel), forecaster.spans[:_PERIODS]
    seen = past.seen(panel.length, spans)
    made = coherent(forecaster.predict(past, panel.length, spans, model.rows(shop)[rows]))
    starts = [night + start * DAY_S for start, _ in spans]
    words = pa.array(reasons.words(past, seen, made, shop.product.take(pa.array(rows)), model.params), pa.string())
    repeated = pa.array(np.repeat(np.arange(len(rows)), len(spans)))
    stamps = pa.array([datetime.fromtimestamp(at, UTC) for at in starts], pa.timestamp("us", "UTC"))
    return {
        "product_id": shop.product["product_id"].take(pa.array(rows)).take(repeated),
        "period": pa.array(["day"] * DAYS + ["week"] * WEEKS).take(_tiled(len(rows))),
        "starts_on": stamps.take(_tiled(len(rows))),
        "mean": pa.array(made.mean.ravel()),
        **{name: pa.array(made.quantiles[:, :, j].ravel()) for j, name in enumerate(QUANTILES)},
        "reason": words.take(repeated),
    }


def coherent(made: Forecast) -> Forecast:
    """Pieces of each period, from pieces per day; the days of the first weeks are scaled to sum up to their week."""
    mean, quantiles = made.mean.copy(), made.quantiles.copy()
    mean[:, DAYS:] *= 7
    quantiles[:, DAYS:] *= 7
    for week in range(DAYS // 7):
        days = slice(7 * week, 7 * week + 7)
        total = mean[:, days].sum(axis=1)
        factor = np.divide(mean[:, DAYS + week], total, out=np.ones(len(mean)), where=total > 0)
        mean[:, days] = np.where(total[:, None] > 0, mean[:, days] * factor[:, None], mean[:, [DAYS + week]] / 7)
        quantiles[:, days] *= factor[:, None, None]
        mean[:, DAYS + week] = mean[:, days].sum(axis=1)
    return Forecast(mean, quantiles)


def _totals(model: Demand, rows: pa.Table, scope: str, night: int) -> Columns:
    """Sums by name, and intervals by how far such sums were off before."""
    summed = rows.group_by(["name", "period", "starts_on"], use_threads=False).aggregate(
        [("mean", "sum"), ("product_id", "count")]
    )
    summed = summed.sort_by([("name", "ascending"), ("period", "ascending"), ("starts_on", "ascending")])
    begins = (pc.cast(summed["starts_on"], pa.int64()).to_numpy() // 1_000_000 - night) // DAY_S
    widths = np.where(pc.equal(summed["period"], "week").to_numpy(zero_copy_only=False), 7, 1)
    kind = kinds(list(zip(begins.tolist(), widths.tolist(), strict=True)))
    mean = summed["mean_sum"].to_numpy()
    ratio = model.forecaster_.group_ratios_[kind]
    return {
        "name": summed["name"],
        "scope": pa.array([scope] * len(summed), pa.string()),
        "period": summed["period"],
        "starts_on": summed["starts_on"],
        "mean": pa.array(mean),
        **{name: pa.array(mean * ratio[:, j]) for j, name in enumerate(QUANTILES)},
        "products": summed["product_id_count"],
    }


def _tiled(n: int) -> pa.Array:
    return pa.array(np.tile(np.arange(_PERIODS), n))

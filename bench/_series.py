"""Published series as panels, and the peers that forecasts of demand are measured beside."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt

from ml.learn.metrics.series import naive_scale, pinball
from ml.learn.series.forecaster import Forecast
from ml.learn.series.panel import DAYS, MONTHS, Grouping, Panel, Span, actual

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
JUDGED = (0.1, 0.5, 0.9)
_EPOCH = date(1970, 1, 1)


class Series(NamedTuple):
    """A panel, its last origins, and how far is forecast."""

    panel: Panel
    origins: tuple[int, ...]
    spans: tuple[Span, ...]


def freshretail(folder: Path) -> Series:
    """FreshRetail, city 12: 5,117 products of stores, 90 days; discount, holiday and activity are known beforehand."""
    path = str(folder / "freshretail" / "city12_daily.parquet")
    columns = _read(
        f"SELECT * FROM read_parquet('{path}') ORDER BY store_id, product_id, dt"  # noqa: S608 (a path of the command line)
    )
    n = len(columns["dt"]) // 90
    day = {name: np.asarray(columns[name]).reshape(n, 90) for name in columns if name != "dt"}
    pieces = day["sale_amount"].astype(np.float32)
    known = np.stack([day[name] for name in ("discount", "holiday_flag", "activity_flag")], axis=2).astype(np.float32)
    groupings = tuple(
        grouping(pieces, np.unique(day[name][:, 0], return_inverse=True)[1])
        for name in ("product_id", "store_id", "third_category_id")
    )
    opened = (1 - day["stockout_hours_6_22"] / 16).astype(np.float32)
    first = int(np.asarray(columns["dt"], "datetime64[D]").astype(int)[0])
    prior = np.full(n, pieces.mean(), np.float32)
    panel = Panel(pieces, first, prior, groupings, opened, known, DAYS)
    origins = tuple((date(2024, 6, each) - _EPOCH).days - first for each in (5, 12, 19))
    return Series(panel, origins, tuple((ahead, 1) for ahead in range(7)))


def online_retail(folder: Path) -> Series:
    """Online Retail: pieces by product and day, the 1,217 products sold on 60 days or more before the first origin."""
    path = str(folder / "uci_online_retail" / "online_retail.parquet")
    columns = _read(
        f"""SELECT upper(trim(StockCode)) AS code, CAST(InvoiceDate AS DATE) AS day, sum(Quantity)::DOUBLE AS pieces
        FROM read_parquet('{path}') WHERE Quantity > 0 AND UnitPrice > 0 AND InvoiceNo NOT LIKE 'C%'
        AND regexp_matches(StockCode, '^[0-9]{{5}}') GROUP BY ALL ORDER BY ALL"""  # noqa: S608
    )
    day = np.asarray(columns["day"], "datetime64[D]").astype(int)
    first, last = day.min(), day.max()
    ids, row = np.unique(np.asarray(columns["code"], str), return_inverse=True)
    pieces = np.zeros((len(ids), last - first + 1), np.float32)
    pieces[row, day - first] = columns["pieces"]
    origins = tuple((date(2011, month, at) - _EPOCH).days - int(first) for month, at in ((9, 16), (10, 14), (11, 11)))
    kept = (pieces[:, : origins[0]] > 0).sum(axis=1) >= 60
    pieces = begun(pieces[kept])
    prior = np.full(len(pieces), np.nanmean(pieces), np.float32)
    panel = Panel(pieces, int(first), prior, (grouping(pieces, np.zeros(len(pieces), np.int64)),))
    return Series(panel, origins, tuple((ahead, 1) for ahead in range(28)))


def car_parts(folder: Path) -> Series:
    """Car parts: 2,509 series of 51 months, the last six to be forecast."""
    path = str(folder / "carparts" / "carparts.parquet")
    columns = _read(f"SELECT * FROM read_parquet('{path}')")  # noqa: S608
    months = [name for name in columns if name != "Part"]
    values: Floats = np.stack([np.ma.filled(np.ma.asarray(columns[m], float), np.nan) for m in months], axis=1)
    whole = values[~np.isnan(values).any(axis=1)].astype(np.float32)
    groups = (grouping(whole, np.zeros(len(whole), np.int64)),)
    panel = Panel(whole, 0, np.full(len(whole), whole.mean(), np.float32), groups, rhythm=MONTHS)
    return Series(panel, (45,), tuple((ahead, 1) for ahead in range(6)))


def _read(query: str) -> dict[str, npt.NDArray[Any]]:
    with duckdb.connect() as db:
        columns: dict[str, Any] = dict(db.execute(query).fetchnumpy())
    return columns


def grouping(pieces: npt.NDArray[np.float32], code: Longs) -> Grouping:
    """Mean of each group's series."""
    total, count = np.zeros((int(code.max()) + 1, pieces.shape[1])), np.zeros((int(code.max()) + 1, pieces.shape[1]))
    np.add.at(total, code, np.nan_to_num(pieces))
    np.add.at(count, code, ~np.isnan(pieces))
    return Grouping(code.astype(np.int64), (total / np.maximum(count, 1)).astype(np.float32))


def begun(pieces: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Nan before the first sale."""
    return np.where(np.cumsum(pieces > 0, axis=1) > 0, pieces, np.nan).astype(np.float32)


class Losses(NamedTuple):
    """Of each series at one origin: mean scaled pinball, absolute error of the median, what came, mean forecast, in the 80 %."""

    pinball: Floats
    absolute: Floats
    came: Floats
    mean: Floats
    inside: Floats
    squared: Floats


def losses(panel: Panel, origin: int, truth: Floats, forecast: Forecast, at: tuple[int, int, int]) -> Losses:
    """Judge a forecast; ``at`` are the positions of .1, .5 and .9."""
    scale = naive_scale(panel.pieces[:, :origin])
    step = naive_scale(panel.pieces[:, :origin], squared=True)
    low, middle, high = (forecast.quantiles[:, :, j] for j in at)
    lost = np.mean([pinball(truth, q, level) for q, level in zip((low, middle, high), JUDGED, strict=True)], axis=0)
    return Losses(
        lost.mean(axis=1) / scale,
        np.abs(truth - middle).sum(axis=1),
        truth.sum(axis=1),
        forecast.mean.sum(axis=1),
        ((truth >= low) & (truth <= high)).mean(axis=1),
        np.sqrt(np.square(truth - forecast.mean).mean(axis=1)) / step,
    )


def together(parts: list[Losses]) -> Losses:
    """The mean over the origins of each series' losses; sums of pieces."""
    return Losses(*(np.mean([getattr(part, name) for part in parts], axis=0) for name in Losses._fields))


class PlainBoosted:
    """The peer: one LightGBM for all series on lags, windows, weekday and what is known beforehand, one fit a quantile."""

    def __init__(self, panel: Panel, spans: tuple[Span, ...], seed: int = 7) -> None:
        from lightgbm import Dataset, train

        self.spans, self.scale = spans, np.nanmean(panel.pieces[:, -8 * panel.rhythm.season :], axis=1) + 1e-3
        longest, t = max(start + width for start, width in spans), panel.length
        grown = range(max(panel.rhythm.windows[2], t - longest - 28), t - longest + 1, 3)
        x = [_lags(panel, origin, spans, self.scale) for origin in grown]
        y = [actual(panel, origin, spans) / self.scale[:, None] for origin in grown]
        rows, target = np.concatenate(x), np.concatenate([each.ravel() for each in y])
        rng, known = np.random.default_rng(seed), np.flatnonzero(np.isfinite(target))
        pick = rng.choice(known, min(len(known), 150_000), replace=False)
        chosen = {
            "learning_rate": 0.05,
            "num_leaves": 31,
            "verbosity": -1,
            "seed": seed,
            "num_threads": 1,
            "max_bin": 127,
        }
        data = Dataset(rows[pick], target[pick], params=chosen)
        aims = [{"objective": "quantile", "alpha": level} for level in JUDGED] + [{"objective": "regression"}]
        self.models = [train(chosen | aim, data, 150) for aim in aims]

    def predict(self, panel: Panel, origin: int) -> Forecast:
        """Forecast after ``origin``, as multiples of the level at the fit."""
        now, scale = _lags(panel, origin, self.spans, self.scale), self.scale[:, None]
        flat = [np.asarray(np.maximum(model.predict(now, num_threads=1), 0)) for model in self.models]
        parts = [each.reshape(-1, len(self.spans)) * scale for each in flat]
        return Forecast(parts[3], np.stack(parts[:3], axis=2))


def _lags(panel: Panel, origin: int, spans: tuple[Span, ...], scale: Floats) -> npt.NDArray[np.float32]:
    season = panel.rhythm.season
    past = panel.pieces[:, max(0, origin - panel.rhythm.windows[2]) : origin] / scale[:, None]
    with np.errstate(all="ignore"):
        windows = [np.nanmean(past[:, -w:], axis=1) for w in panel.rhythm.windows[:3]]
    shared = [past[:, -lag] for lag in range(1, min(season, 7) + 1)] + windows + [np.log(scale)]
    if panel.opened is not None:
        shared += [panel.opened[:, origin - 7 : origin].mean(axis=1), panel.opened[:, origin - 1]]
    blocks = []
    for start, _ in spans:
        back = start + 1 - -(-(start + 1) // season) * season
        columns = [
            *shared,
            past[:, back - 1],
            np.full(len(past), start),
            np.full(len(past), (panel.first + origin + start) % season),
        ]
        if panel.ahead is not None:
            columns += list(panel.ahead[:, origin + start].T)
        blocks.append(np.stack(columns, axis=1))
    return np.stack(blocks, axis=1).reshape(len(past) * len(spans), -1).astype(np.float32)

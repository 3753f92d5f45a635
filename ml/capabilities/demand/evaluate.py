"""How close the forecast of each product's days comes, and whether its intervals hold what they say."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.demand.model import AHEAD, Demand
from ml.capabilities.demand.spec import DAYS, QUANTILES, Params
from ml.core.capability import Rows
from ml.core.evaluation import Evaluation
from ml.learn.metrics.series import bias, coverage, naive_scale, pinball, wape
from ml.learn.series.columns import Past
from ml.learn.series.sales import shelf

JUDGED = ("q10", "q50", "q90")


def evaluate(models: Mapping[str, Demand], features: Rows, truth: pa.Table, params: Params) -> dict[str, Evaluation]:
    """Judge the next 28 days of every product that has been sold.

    ``skill`` of a product is 1 minus twice its mean pinball loss of .1, .5 and .9 over its naive scale (mean step from day
    to day; the shop's usual one where it sold once): larger is better. Days without stock say nothing and are left out. ``WAPE`` is of the median, ``bias`` of the mean,
    ``coverage of 80 percent`` of what lies from .1 to .9.
    """
    shop = shelf(features, params.history_days, AHEAD)
    came = _came(shop.product["product_id"].combine_chunks(), truth)
    scale = naive_scale(shop.panel.pieces)
    scale = np.where(np.isfinite(scale), scale, np.nanmedian(scale) if np.isfinite(scale).any() else 1.0)
    sold = pc.is_valid(shop.product["first"]).to_numpy(zero_copy_only=False)
    kept = np.flatnonzero(sold & np.isfinite(came).any(axis=1))
    y, past = came[kept], Past(shop.panel.rows(kept))
    at = [list(QUANTILES).index(name) for name in JUDGED]
    found = {}
    for name, model in models.items():
        spans = model.forecaster_.spans[:DAYS]
        made = model.forecaster_.predict(past, shop.panel.length, spans, model.rows(shop)[kept])
        low, middle, high = (made.quantiles[:, :, j] for j in at)
        losses = [pinball(y, made.quantiles[:, :, j], QUANTILES[q]) for j, q in zip(at, JUDGED, strict=True)]
        skill = 1 - 2 * np.nanmean(np.mean(losses, axis=0), axis=1) / scale[kept] if len(kept) else np.zeros(0)
        figures = {
            "skill": float(skill.mean()) if len(skill) else 0.0,
            "WAPE": wape(y, middle),
            "bias": bias(y, made.mean),
            "coverage of 80 percent": coverage(y, low, high),
            "products": float(len(kept)),
        }
        found[name] = Evaluation({key: value for key, value in figures.items() if np.isfinite(value)}, skill)
    return found


def _came(ids: pa.Array, truth: pa.Table) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Pieces by product and day, (n_products, 28); nan where out of stock."""
    out = np.zeros((len(ids), DAYS))
    rows = truth.filter(pc.and_(pc.is_in(truth["product_id"], ids), pc.less(truth["day"], DAYS)))
    row = pc.index_in(rows["product_id"], ids).to_numpy()
    out[row, rows["day"].to_numpy()] = rows["pieces"].to_numpy().astype(np.float64)
    return out

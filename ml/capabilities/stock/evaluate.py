"""What each policy would have cost on the demand that came."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.stock.model import Stock
from ml.capabilities.stock.position import position
from ml.capabilities.stock.spec import WIDTHS, Params
from ml.core.capability import Rows
from ml.core.evaluation import Evaluation
from ml.learn.inventory.policy import Levels
from ml.learn.inventory.simulator import simulate
from ml.learn.series.columns import Past
from ml.learn.series.sales import shelf

DAYS = 28


def evaluate(models: Mapping[str, Stock], features: Rows, truth: pa.Table, params: Params) -> dict[str, Evaluation]:
    """Replay the next 28 days under each model's targets, from a shelf that is as full as it asks for.

    ``saving`` of a product is minus what holding and lost sales cost, over the margin of its mean demand before: larger is
    better. ``served`` is the share of demand that found stock. Where a learned policy was tried, ``learned_policy_gain`` is
    what it saves beside the best classical one, ``learned_policy_gain_above`` what that lies above by more than chance.
    ``batch``: what (s, S) orders at once, as a multiple of the power approximation; 0: a base stock serves.
    """
    shop = shelf(features, params.history_days, WIDTHS[-1])
    ids = shop.product["product_id"].combine_chunks()
    demand = np.zeros((len(ids), DAYS))
    rows = truth.filter(pc.and_(pc.is_in(truth["product_id"], ids), pc.less(truth["day"], DAYS)))
    demand[pc.index_in(rows["product_id"], ids).to_numpy(), rows["day"].to_numpy()] = rows["pieces"].to_numpy()
    origin, past = shop.panel.length, Past(shop.panel)
    kept = np.flatnonzero(past.sold.total(origin - 56, origin) > 0)
    where, past = position(features, shop, params).rows(kept), Past(shop.panel.rows(kept))
    usual = past.level(origin) * where.penalty * DAYS
    found = {}
    for name, model in models.items():
        asked = model.demand(shop, past, kept, origin), past, where, origin
        chosen, now = model.choice(*asked), model.levels(*asked)
        rule, start = chosen.rule if isinstance(chosen, Levels) else chosen, now.begin(now.target[:, 0])
        course = simulate(demand[kept], rule, where.whole_lead, start, review_days=int(where.review_days))
        placing = np.full(len(kept), where.placing)
        saving = -course.costs(where.holding, where.penalty, placing).sum(axis=1) / usual
        total = float(demand[kept].sum())
        figures = {"saving": float(saving.mean()) if len(saving) else 0.0, "products": float(len(kept))}
        figures["batch"] = model.policy_.batch
        if np.isfinite(model.verdict_.gain):
            figures |= {
                "learned_policy_gain": model.verdict_.gain,
                "learned_policy_gain_above": model.verdict_.lower,
                "learned_policy_serves": float(model.verdict_.serves),
            }
        found[name] = Evaluation(figures | ({"served": float(course.sold.sum()) / total} if total else {}), saving)
    return found

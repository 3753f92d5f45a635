"""How close the expected days come to what orders took, on orders placed after the training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from ml.capabilities.delivery.model import LEVELS, Delivery
from ml.capabilities.delivery.spec import Params
from ml.core.capability import Rows
from ml.core.evaluation import Evaluation
from ml.learn.metrics.binary import average_precision
from ml.learn.metrics.series import coverage


def evaluate(
    models: Mapping[str, Delivery],
    features: Rows,
    truth: pa.Table,
    params: Params,  # noqa: ARG001
) -> dict[str, Evaluation]:
    """Judge each order as if when it was placed: what was delivered between the training and then is known.

    ``closeness`` is minus the absolute error of the median in days: larger is better. Beside it ``coverage of 80 percent`` and
    the ``average precision`` of the chance to be late.
    """
    orders = truth.sort_by([("at", "ascending"), ("order_id", "ascending")]).combine_chunks()
    past = pa.concat_tables([features["past"].select(orders.column_names), orders])
    took = orders["took_days"].to_numpy().astype(np.float64)
    promise = np.asarray(orders["promise_days"].to_numpy(zero_copy_only=False), np.float64)
    told = np.isfinite(promise)
    late = (took > promise)[told].astype(np.int8)
    found = {}
    for name, model in models.items():
        days = model.days(orders, past)
        close = -np.abs(took - days[:, LEVELS.index(0.5)])
        figures = {
            "closeness": float(close.mean()) if len(close) else 0.0,
            "orders": float(len(close)),
            "coverage of 80 percent": coverage(took, days[:, LEVELS.index(0.1)], days[:, LEVELS.index(0.9)]),
        }
        if 0 < late.sum() < len(late):
            figures["average precision"] = average_precision(late, model.late(orders, past)[told])
        found[name] = Evaluation({key: value for key, value in figures.items() if np.isfinite(value)}, close)
    return found

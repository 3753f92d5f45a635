"""How well the chances told who ordered, on what came after the training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from examples.capability.model import OrderSoon
from examples.capability.spec import Params
from ml.core.capability import Rows
from ml.core.evaluation import Evaluation


def evaluate(
    models: Mapping[str, OrderSoon],
    features: Rows,
    truth: pa.Table,
    params: Params,  # noqa: ARG001
) -> dict[str, Evaluation]:
    """Judge each model by customer: ``skill`` is 1 minus the squared error (Brier 1950), so that larger is better.

    skill_i = 1 - (p_i - y_i)² of customer i, whose y_i is 1 with an order in the window.
    """
    customers = features["customer"].sort_by("customer_id")
    y = pc.is_in(customers["customer_id"], truth["customer_id"].combine_chunks()).to_numpy().astype(np.float64)
    found = {}
    for name, model in models.items():
        skill = 1 - (model.chance(customers) - y) ** 2
        found[name] = Evaluation({"skill": float(skill.mean()) if len(skill) else 0.0}, skill)
    return found

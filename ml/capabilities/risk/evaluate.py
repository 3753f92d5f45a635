"""How well the probabilities told what became of the orders placed after the training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.risk.model import RiskModel
from ml.capabilities.risk.spec import Params
from ml.core import binary
from ml.core.evaluation import Evaluation

DAY = 86_400


def evaluate(
    models: Mapping[str, RiskModel],
    features: Mapping[str, pa.Table],  # noqa: ARG001
    truth: pa.Table,
    params: Params,
) -> dict[str, Evaluation]:
    """Judge each model on the orders of ``truth``, in the order of their ids.

    Parameters
    ----------
    models : mapping of str to RiskModel
        Fitted on what was known before the window.
    features : mapping of str to pyarrow.Table
        As known at the start of the window.
    truth : pyarrow.Table
        Of :func:`features.truth`: orders of the window with their columns as known when they were placed, and ``label``.
    params : Params

    Returns
    -------
    dict of str to Evaluation
        ``log_loss_skill`` (per order too), ``pr_auc``, ``roc_auc``, ``recall@1%fpr``, ``precision@capacity`` (of the
        riskiest orders that ``reviews_per_day`` allow), ``calibration_error``, ``frauds`` and ``units``. A model that had
        no labels to learn from foretells one and the same rate for all.
    """
    rows = truth.sort_by("order_id")
    label = rows["label"].to_numpy().astype(np.int8)
    days = (pc.max(rows["at"]).as_py() - pc.min(rows["at"]).as_py()) / DAY if len(rows) else 0
    capacity = int(params.reviews_per_day * max(1.0, days))
    return {name: _judge(label, _filled(model.predict(rows)), capacity) for name, model in models.items()}


def _filled(probability: binary.Floats) -> binary.Floats:
    return np.nan_to_num(probability, nan=0.01)


def _judge(label: binary.Labels, probability: binary.Floats, capacity: int) -> Evaluation:
    per_unit = binary.log_loss_skill(label, probability)
    return Evaluation(
        {
            "log_loss_skill": float(per_unit.mean()) if len(per_unit) else 0.0,
            "pr_auc": binary.average_precision(label, probability),
            "roc_auc": binary.roc_auc(label, probability),
            "recall@1%fpr": binary.recall_at_false_positives(label, probability, 0.01),
            "precision@capacity": binary.precision_at(label, probability, capacity),
            "calibration_error": binary.calibration_error(label, probability),
            "frauds": float(label.sum()),
            "units": float(len(label)),
        },
        per_unit,
    )

"""How true the chances were, by customer, and how well orders and money were foreseen."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.customer import blend
from ml.capabilities.customer.columns import HORIZONS
from ml.capabilities.customer.frame import Outcome, outcome
from ml.capabilities.customer.model import CustomerValue, Value
from ml.capabilities.customer.spec import Params
from ml.core.capability import Rows
from ml.core.evaluation import Evaluation
from ml.learn.calibration import reliability
from ml.learn.metrics import binary
from ml.learn.metrics.money import gini, spearman

Floats = npt.NDArray[np.float64]
SLICES = 5
"""Countries that are looked at one by one, the largest."""


def evaluate(
    models: Mapping[str, CustomerValue],
    features: Rows,
    truth: pa.Table,
    params: Params,  # noqa: ARG001
) -> dict[str, Evaluation]:
    """Judge each model by customer: ``skill`` is the mean over 28 and 90 days of :func:`binary.log_loss_skill`."""
    customers = features["customer"].sort_by("customer_id")
    after = outcome(customers, truth)
    return {name: judge(model.value(customers), after, model.blend_.rest, customers) for name, model in models.items()}


def judge(value: Value, after: Outcome, rest: Floats, customers: pa.Table | None = None) -> Evaluation:
    """Figures of one model's answers."""
    skills = []
    metrics: dict[str, float] = {}
    for j, days in enumerate(HORIZONS):
        y, p = after.bought[:, j].astype(np.int64), value.chances[:, j]
        metrics |= {
            f"roc_auc_{days}": binary.roc_auc(y, p),
            f"pr_auc_{days}": binary.average_precision(y, p),
            f"calibration_error_{days}": binary.calibration_error(y, p),
        }
        if days > HORIZONS[0] and len(y):
            skills.append(binary.log_loss_skill(y, p))
    per_unit = np.mean(skills, axis=0) if skills else np.zeros(0)
    low, high = blend.interval(value.spend, value.chances[:, -1], rest)
    metrics |= {
        "skill": float(per_unit.mean()) if len(per_unit) else 0.0,
        "spend_spearman": spearman(after.spend, value.spend),
        "spend_gini": gini(after.spend, value.spend),
        "spend_total": float(value.spend.sum() / max(after.spend.sum(), 1e-9)),
        "orders_total": float(value.orders.sum() / max(after.orders.sum(), 1e-9)),
        "spend_covered": float(((after.spend >= low - 1e-9) & (after.spend <= high + 1e-9)).mean())
        if len(low)
        else 0.0,
        "units": float(len(per_unit)),
    }
    if customers is not None:
        metrics |= _countries(customers, value.chances[:, -1] - after.bought[:, -1])
    plot = reliability(after.bought[:, -1].astype(np.int64), value.chances[:, -1])
    return Evaluation(metrics, per_unit, reliability=plot)


def _countries(customers: pa.Table, gap: Floats) -> dict[str, float]:
    """By how much the 90 days' chance is too high in each of the largest countries: what using the country would change."""
    counts = pc.value_counts(customers["country"].drop_null().combine_chunks())
    pairs = sorted(
        zip(counts.field("counts").to_pylist(), counts.field("values").to_pylist(), strict=True), reverse=True
    )
    names = customers["country"].to_numpy(zero_copy_only=False)
    return {f"gap_90@{name}": float(gap[names == name].mean()) for _, name in pairs[:SLICES]}

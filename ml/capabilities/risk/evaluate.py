"""How well the probabilities told what became of the orders placed after the training, and what decisions by them saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.risk import money
from ml.capabilities.risk.model import RiskModel
from ml.capabilities.risk.orders import Tables, labelled, orders, seconds
from ml.capabilities.risk.slices import masks
from ml.capabilities.risk.spec import SPEC, Params
from ml.capabilities.risk.thin import too_few, within
from ml.core.evaluation import Evaluation
from ml.core.units import DAY_S
from ml.learn import slices
from ml.learn.calibration import reliability
from ml.learn.metrics import binary

__all__ = ["evaluate", "lacking", "within"]


def evaluate(
    models: Mapping[str, RiskModel],
    features: Mapping[str, pa.Table],
    truth: pa.Table,
    params: Params,
) -> dict[str, Evaluation]:
    """Judge each model on the orders of ``truth``, in the order of their ids.

    Parameters
    ----------
    models : mapping of str to RiskModel
        Fitted on what was known before the window.
    features : mapping of str to pyarrow.Table
        As known at the start of the window; ``cost`` is read.
    truth : pyarrow.Table
        Of :func:`features.truth`: orders of the window with their columns as known when they were placed, and ``label``.
    params : Params

    Returns
    -------
    dict of str to Evaluation
        ``log_loss_skill`` (per order too), ``pr_auc``, ``roc_auc``, ``recall_at_1pct_fpr``, ``precision@capacity`` (of the
        riskiest orders that ``reviews_per_day`` allow), ``saving`` (shop currency, what the decisions saved against
        allowing all), ``saving_share`` (of what the frauds cost), ``reviews_per_day``, ``blocked`` (share),
        ``calibration_error``, ``frauds``, ``units``, and the figures of :mod:`slices`. A model that had no labels to
        learn from foretells one and the same rate for all. ``stops`` names the slices in which a model is worse than
        the baseline by more than chance, and tells of a window with too few frauds: it is not promoted then.
    """
    rows = truth.sort_by("order_id")
    costs = money.costs(features, params)
    label = rows["label"].to_numpy().astype(np.int8)
    evaluations = {name: _judge(model, rows, label, costs) for name, model in models.items()}
    baseline = SPEC.gate.baseline
    if baseline not in evaluations:
        return evaluations
    return {
        name: replace(
            one,
            stops=(
                *too_few(models[name].bad_, models[name].good_, int(label.sum())),
                *slices.worse(masks(rows), label, one.per_unit, evaluations[baseline].per_unit),
            ),
        )
        for name, one in evaluations.items()
    }


def lacking(tables: Tables, start: datetime, end: datetime, params: Params) -> str:
    """Why no model that learns before ``start`` could be judged on ``[start, end)``; empty: it can be.

    Counts labels alone, as :mod:`features` would make them: quick beside features and fits.
    """
    before, after = (labelled(orders(tables, moment), tables, moment, params) for moment in (start, end))
    known = before.filter(before["settled"], before["label"].notnull())
    begin = seconds(ibis.literal(start, type="timestamp('UTC', 6)"))
    window = after.filter(after["settled"], after["label"].notnull(), after["at"] >= begin)
    sums = [
        rows.aggregate(n=rows.count(), bad=rows["label"].sum().fill_null(0)).to_pyarrow() for rows in (known, window)
    ]
    (n, bad), (units, frauds) = ((int(row["n"][0].as_py()), int(row["bad"][0].as_py())) for row in sums)
    if shortage := too_few(bad, n - bad, frauds):
        return shortage[0]
    few = SPEC.gate.min_units
    return f"only {units} orders with a known outcome to judge on, the gate asks for {few}" if units < few else ""


def share_known(tables: Tables, start: datetime, end: datetime, params: Params) -> tuple[float, int]:
    """Share of the orders placed in ``[start, end)`` whose outcome is settled at ``end``, and how many orders."""
    after = labelled(orders(tables, end), tables, end, params)
    window = after.filter(after["at"] >= seconds(ibis.literal(start, type="timestamp('UTC', 6)")))
    sure = (window["settled"] & window["label"].notnull()).fill_null(False).cast("int64")
    row = window.aggregate(n=window.count(), known=sure.sum().fill_null(0)).to_pyarrow()
    n = int(row["n"][0].as_py())
    return (int(row["known"][0].as_py()) / n if n else 0.0), n


def _judge(model: RiskModel, rows: pa.Table, label: binary.Labels, costs: money.Costs) -> Evaluation:
    days = max(1.0, (pc.max(rows["at"]).as_py() - pc.min(rows["at"]).as_py()) / DAY_S if len(rows) else 0)
    probability = np.nan_to_num(model.predict(rows), nan=0.01)
    per_unit = binary.log_loss_skill(label, probability)
    return Evaluation(
        {
            "log_loss_skill": float(per_unit.mean()) if len(per_unit) else 0.0,
            "pr_auc": binary.average_precision(label, probability),
            "roc_auc": binary.roc_auc(label, probability),
            "recall_at_1pct_fpr": binary.recall_at_false_positives(label, probability, 0.01),
            "precision@capacity": binary.precision_at(label, probability, int(costs.reviews_per_day * days)),
            "calibration_error": binary.calibration_error(label, probability),
            "frauds": float(label.sum()),
            "units": float(len(label)),
        }
        | _saving(model, rows, label, probability, costs, days)
        | slices.metrics(slices.slices(masks(rows), label, probability)),
        per_unit,
        reliability=reliability(label, probability),
    )


def _saving(
    model: RiskModel, rows: pa.Table, label: binary.Labels, probability: binary.Floats, costs: money.Costs, days: float
) -> dict[str, float]:
    total = np.nan_to_num(rows["total"].to_numpy().astype(np.float64))
    decision = model.decide(probability, total, costs) if model.learnt else np.zeros(len(rows), np.int64)
    saved = money.saved(label, total, decision, costs)
    stake = money.at_stake(label, total, costs)
    return {
        "saving": float(saved.sum()),
        "saving_share": float(saved.sum() / stake) if stake else 0.0,
        "reviews_per_day": float((decision == money.REVIEW).sum() / days),
        "blocked": float((decision == money.BLOCK).mean()) if len(rows) else 0.0,
    }

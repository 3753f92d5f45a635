"""How much of what a campaign changed was foreseen, message by message."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.marketing.model import Marketing, outcome_of, trial_of
from ml.capabilities.marketing.spec import Params
from ml.core.capability import Rows
from ml.core.evaluation import Evaluation
from ml.learn.metrics.uplift import qini, uplift_at

Floats = npt.NDArray[np.float64]


def evaluate(
    models: Mapping[str, Marketing],
    features: Rows,  # noqa: ARG001
    truth: pa.Table,
    params: Params,
) -> dict[str, Evaluation]:
    """Judge each model by message: ``uplift_skill`` of a message i is minus the loss of its uplift.

    With the outcome y, the treatment w, its chance e in the campaign and the campaign's mean ȳ the loss is
    ((y_i - ȳ) - (w_i - e) τ(x_i))² / var(y) (Nie & Wager, Biometrika 2021, with the mean for the outcome's model): its
    expectation is least for the true uplift τ, although nobody's own is ever seen.
    """
    mail = truth.sort_by([("sent", "ascending"), ("campaign_id", "ascending"), ("customer_id", "ascending")])
    outcome = outcome_of(mail)
    arms = sorted({arm for model in models.values() for arm in model.arms_} & set(pc.unique(mail["arm"]).to_pylist()))
    return {name: _judge(model, mail, arms, outcome, params) for name, model in models.items()}


def _judge(model: Marketing, mail: pa.Table, arms: list[str], outcome: str, params: Params) -> Evaluation:
    units: list[Floats] = [np.zeros(0)]
    metrics: dict[str, float] = {}
    for arm in arms:
        trial = trial_of(mail, arm, len(mail))
        y = trial.visited if outcome == "visited" else trial.ordered
        if not len(y):
            continue
        change = _change(model, arm, trial.x)
        mean = np.bincount(trial.campaign, y) / np.maximum(np.bincount(trial.campaign), 1)
        loss = ((y - mean[trial.campaign]) - (trial.treated - trial.chance) * change) ** 2
        units.append(-loss / max(float(y.var()), 1e-9))
        metrics |= {
            f"qini_1000@{arm}": 1000 * qini(change, trial.treated, y),
            f"uplift_top_30@{arm}": uplift_at(change, trial.treated, y, 0.3),
        }
    per_unit = np.concatenate(units)
    metrics |= {
        "uplift_skill": float(per_unit.mean()) if len(per_unit) else 0.0,
        "units": float(len(per_unit)),
        "fewest": float(params.fewest),
    }
    return Evaluation(metrics, per_unit)


def _change(model: Marketing, arm: str, x: npt.NDArray[np.float32]) -> Floats:
    found = model.arms_.get(arm)
    return np.zeros(len(x)) if found is None else found.line.of(found.fitted.predict(x))

"""How often the intent is the one that the staff filed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.service.model import Service
from ml.capabilities.service.spec import Params
from ml.core.evaluation import Evaluation
from ml.text.mail import written


def evaluate(
    models: Mapping[str, Service],
    features: Mapping[str, pa.Table],  # noqa: ARG001
    truth: pa.Table,
    params: Params,  # noqa: ARG001
) -> dict[str, Evaluation]:
    """Judge each filed ticket of the window that has words.

    Returns
    -------
    dict of str to Evaluation
        ``accuracy`` (per unit too), ``mrr`` (mean of 1 / place of the filed intent), ``known share`` (of tickets that are
        said to ask for something known), ``units``. An intent that a model does not know is never right.
    """
    rows = truth.sort_by("ticket_id")
    texts = written(rows["subject"], rows["text"])
    filled = pc.not_equal(texts, "")
    texts, filed = texts.filter(filled), rows["intent"].filter(filled).to_pylist()
    return {name: _judge(model, texts, filed) for name, model in models.items()}


def _judge(model: Service, texts: pa.Array, filed: list[str]) -> Evaluation:
    scores = model.scores(texts)
    number = {intent: i for i, intent in enumerate(model.intents_)}
    place = np.full(len(filed), np.inf)
    for i, intent in enumerate(filed):
        if intent in number:
            filed_as = number[intent]
            ahead = (scores[i] > scores[i, filed_as]).sum() + (scores[i, :filed_as] == scores[i, filed_as]).sum()
            place[i] = 1 + ahead
    hit = (place == 1).astype(np.float64)
    known = model.knowing_.known(scores)
    figures = {
        "accuracy": hit.mean(),
        "mrr": (1 / place).mean(),
        "known share": (known >= 0.5).mean(),
        "units": len(filed),
    }
    return Evaluation({name: float(value) if filed else 0.0 for name, value in figures.items()}, hit)

"""Reviews that a person marked as read wrongly: their label is published as it was given, and the next training learns from it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.sentiment.config import REVIEW_LABEL
from ml.capabilities.sentiment.spec import LABELS

REASON = "marked by a person"
_STARS = np.array([1, 3, 5])
"""What a label teaches where the writer's stars say another class, or there are none."""
_CLASS_OF = np.array([-1, 0, 0, 1, 2, 2])
"""Class of no stars, one star, two, …"""
_SCORES = np.array([-1.0, 0.0, 1.0])


def marked(features: Mapping[str, pa.Table], reviews: pa.Table) -> npt.NDArray[np.int64]:
    """Position in ``LABELS`` of what a person said of each review; -1: nobody did."""
    rows = features.get(REVIEW_LABEL.name)
    if rows is None or not len(rows) or not len(reviews):
        return np.full(len(reviews), -1, np.int64)
    place = np.asarray(pc.fill_null(pc.index_in(reviews["review_id"], pa.array(rows["review_id"].to_pylist())), -1))
    label = np.asarray(pc.fill_null(pc.index_in(rows["label"], pa.array(LABELS)), -1), np.int64)
    return np.where(place >= 0, label[place], -1)


def taught(features: Mapping[str, pa.Table], reviews: pa.Table) -> pa.Table:
    """The reviews with the stars that a training learns: a marked one has stars of its label."""
    label = marked(features, reviews)
    stars = np.asarray(pc.fill_null(reviews["stars"], 0), np.int64)
    wrong = (label >= 0) & (_CLASS_OF[stars] != label)
    stars = np.where(wrong, _STARS[label], stars)
    place = reviews.schema.get_field_index("stars")
    return reviews.set_column(place, "stars", pa.array(stars, pa.int64(), mask=stars == 0))


def publish(predictions: pa.Table, label: npt.NDArray[np.int64]) -> pa.Table:
    """What is published of each review, with the label that a person gave instead of the model's."""
    is_marked = label >= 0
    if not is_marked.any():
        return predictions
    values = {
        "label": pa.array(LABELS).take(pa.array(np.maximum(label, 0))),
        "score": pa.array(_SCORES[label]),
        "confidence": pa.scalar(1.0),
        "mismatch": pa.scalar(False),
        "reason": pa.scalar(REASON),
    }
    for name, value in values.items():
        place = predictions.schema.get_field_index(name)
        predictions = predictions.set_column(place, name, pc.if_else(pa.array(is_marked), value, predictions[name]))
    return predictions
